"""Published lists by dated edition, each value with its legal source."""

from caisse.agreement.tables.published import Note, Tables, load_tables

__all__ = ["Note", "Tables", "load_tables"]
