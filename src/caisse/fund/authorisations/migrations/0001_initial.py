import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("registry", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Authorisation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.CharField(max_length=50, unique=True)),
                ("valid_from", models.DateField()),
                ("valid_until", models.DateField(null=True)),
                ("granted_on", models.DateField()),
                ("revision", models.BigIntegerField()),
                (
                    "insured_person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.personnumber",
                    ),
                ),
                (
                    "laboratory",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.providercode",
                        to_field="code",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Ending",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("valid_until", models.DateField(null=True)),
                ("why", models.CharField(max_length=300)),
                ("revision", models.BigIntegerField()),
                (
                    "authorisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="endings",
                        to="authorisations.authorisation",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="GrantedAct",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("act", models.CharField(max_length=10)),
                ("letters", models.CharField(max_length=5)),
                ("granted_cents", models.BigIntegerField()),
                (
                    "authorisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="acts",
                        to="authorisations.authorisation",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Revision",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.BigIntegerField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="authorisations_one_revision")
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="authorisation",
            constraint=models.CheckConstraint(
                condition=models.Q(("number", ""), _negated=True), name="authorisations_numbered"
            ),
        ),
        migrations.AddConstraint(
            model_name="authorisation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("valid_until__isnull", True),
                    ("valid_until__gt", models.F("valid_from")),
                    _connector="OR",
                ),
                name="authorisations_period",
            ),
        ),
        migrations.AddConstraint(
            model_name="grantedact",
            constraint=models.UniqueConstraint(
                fields=("authorisation", "act"), name="authorisations_act_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="grantedact",
            constraint=models.CheckConstraint(
                condition=models.Q(("granted_cents__gt", 0)), name="authorisations_amount"
            ),
        ),
    ]
