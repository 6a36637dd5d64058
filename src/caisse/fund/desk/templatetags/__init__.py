"""Parts of pages the desk draws itself."""
