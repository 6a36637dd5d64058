"""Each role's day in a real browser, from the first page to the last, in the language of whoever does it.

What a page says is in another language in each story, so places are found by what they do (the address a form is sent to,
the name of a field); the words themselves are asserted where a story is about them. `people.py` holds what an applicant and a
member of the staff do; `CAISSE_PICTURES=folder` keeps a picture of every page that is looked at.
"""
