"""Append-only, hash-chained record: who, what, when, why."""
