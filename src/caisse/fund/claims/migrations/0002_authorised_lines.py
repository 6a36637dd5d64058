import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("claims", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="judgedfile",
            name="authorisations_revision",
            field=models.BigIntegerField(default=0),
        ),
        migrations.CreateModel(
            name="AuthorisedLine",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "file", "line", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("line", models.IntegerField()),
                ("reference", models.CharField(max_length=50)),
                ("act", models.CharField(max_length=10)),
                (
                    "file",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="authorised_lines",
                        to="claims.judgedfile",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("reference", "act"), name="claims_authorisation_used_once"
                    )
                ],
            },
        ),
    ]
