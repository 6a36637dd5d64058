"""One module per number, each with the same verbs: compact, validate, is_valid, format."""
