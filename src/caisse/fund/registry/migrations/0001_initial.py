import caisse.fund.registry.models
import django.contrib.postgres.constraints
import django.db.models.deletion
from django.contrib.postgres.operations import BtreeGistExtension
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        # Exclusion constraints compare an id and a period at once; the extension comes with every PostgreSQL
        # (contrib) and is trusted: the owner of the database may create it.
        BtreeGistExtension(),
        migrations.CreateModel(
            name="Fund",
            fields=[
                ("code", models.CharField(max_length=8, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=120)),
            ],
        ),
        migrations.CreateModel(
            name="Person",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=120)),
            ],
        ),
        migrations.CreateModel(
            name="Provider",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=120)),
                ("iban", models.CharField(blank=True, max_length=34)),
            ],
        ),
        migrations.CreateModel(
            name="ProviderCode",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.IntegerField(unique=True)),
                ("profession", models.CharField(max_length=30)),
                ("valid_from", models.DateField()),
                ("valid_until", models.DateField(null=True)),
                ("revision", models.BigIntegerField()),
                (
                    "provider",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="codes",
                        to="registry.provider",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ExecutingRelation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("valid_from", models.DateField()),
                ("valid_until", models.DateField(null=True)),
                ("revision", models.BigIntegerField()),
                (
                    "billing",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="executed_by",
                        to="registry.providercode",
                    ),
                ),
                (
                    "executing",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="executes_for",
                        to="registry.providercode",
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
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="registry_one_revision")
                ],
            },
        ),
        migrations.CreateModel(
            name="Coverage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("insured_from", models.DateField()),
                ("insured_until", models.DateField(null=True)),
                ("revision", models.BigIntegerField(db_index=True)),
                ("fund", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="registry.fund")),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="coverages",
                        to="registry.person",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("insured_until__isnull", True),
                            ("insured_until__gte", models.F("insured_from")),
                            _connector="OR",
                        ),
                        name="registry_coverage_period",
                    ),
                    django.contrib.postgres.constraints.ExclusionConstraint(
                        expressions=[
                            ("person", "="),
                            (
                                caisse.fund.registry.models.Days(
                                    models.F("insured_from"), models.F("insured_until")
                                ),
                                "&&",
                            ),
                        ],
                        name="registry_one_fund_at_a_time",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PersonNumber",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("revision", models.BigIntegerField(db_index=True)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="numbers",
                        to="registry.person",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("number__gte", 1000000000000), ("number__lt", 10000000000000)),
                        name="registry_number_thirteen_digits",
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="providercode",
            constraint=models.CheckConstraint(
                condition=models.Q(("code__gte", 10000000), ("code__lte", 99999999)),
                name="registry_code_eight_digits",
            ),
        ),
        migrations.AddConstraint(
            model_name="providercode",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("valid_until__isnull", True),
                    ("valid_until__gte", models.F("valid_from")),
                    _connector="OR",
                ),
                name="registry_code_period",
            ),
        ),
        migrations.AddConstraint(
            model_name="providercode",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                expressions=[
                    ("provider", "="),
                    ("profession", "="),
                    (caisse.fund.registry.models.Days(models.F("valid_from"), models.F("valid_until")), "&&"),
                ],
                name="registry_one_code_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="executingrelation",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                expressions=[
                    ("billing", "="),
                    ("executing", "="),
                    (caisse.fund.registry.models.Days(models.F("valid_from"), models.F("valid_until")), "&&"),
                ],
                name="registry_executing_no_overlap",
            ),
        ),
    ]
