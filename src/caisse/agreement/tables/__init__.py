"""Published lists by dated edition, each value with its legal source."""
