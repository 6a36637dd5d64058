"""Letters, minutes and statements as PDF: data, a template and a language in, the same bytes out every time.

    pdf = printing.render("code_granted", "fr", {"head": {…}, "case": "2026-000123", …})

What each kind of document needs is said by its class in `letters`, `annual` and `sessions`. Knows no model
and no clock: the date of a document is part of its data.
"""

from caisse.fund.printing.documents import KINDS, LANGUAGES, read, render, subject

__all__ = ["KINDS", "LANGUAGES", "read", "render", "subject"]
