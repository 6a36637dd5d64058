"""Fields of sheets by which one person or establishment is recognised in several cases, however typed."""

from django.db.models import TextField, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Replace, Upper

TELLING_FIELDS = ("national_number", "legal_number", "licence_number", "iban")


def plain(text: str) -> str:
    """A number without what people put between its parts."""
    return text.replace(" ", "").replace("-", "").replace(".", "").upper()


def plain_field(name: str) -> Upper:
    """`plain` of a field of a case's sheet; each telling field has an index on exactly this."""
    stripped = KT(f"sheet__{name}")
    for sign in (" ", "-", "."):
        stripped = Replace(stripped, Value(sign), Value(""), output_field=TextField())
    return Upper(stripped)
