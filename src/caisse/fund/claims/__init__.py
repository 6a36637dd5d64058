"""Intake of invoice files, facts, adjudication and the decisions, which can be replayed from the bytes."""
