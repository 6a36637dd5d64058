"""One module per number, each with the same verbs: compact, validate, is_valid, format,
make (for synthetic numbers) and check_column (the same verdicts over a whole column).
"""
