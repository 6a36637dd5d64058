from django.contrib.postgres.indexes import HashIndex
from django.db import migrations
from django.db.models import TextField, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Replace, Upper


def _plain(name: str) -> Upper:
    stripped = KT(f"sheet__{name}")
    for sign in (" ", "-", "."):
        stripped = Replace(stripped, Value(sign), Value(""), output_field=TextField())
    return Upper(stripped)


class Migration(migrations.Migration):
    dependencies = [("casework", "0003_clock")]

    operations = [
        migrations.AddIndex(model_name="case", index=HashIndex(_plain(name), name=f"casework_case_{name}"))
        for name in ("national_number", "legal_number", "licence_number", "iban")
    ]
