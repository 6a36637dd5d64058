"""One party: the practice's client. Library, command line and own database."""
