import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("exchange", "0002_receive"),
    ]

    operations = [
        migrations.CreateModel(
            name="Acknowledgement",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("provider_code", models.IntegerField()),
                ("conform", models.BooleanField()),
                ("layout", models.CharField(blank=True, max_length=60)),
                ("schema_sha256", models.CharField(blank=True, max_length=64)),
                ("engine", models.CharField(max_length=80)),
                ("invoices_count", models.IntegerField(null=True)),
                ("lines_count", models.IntegerField(null=True)),
                ("gross_cents", models.BigIntegerField(null=True)),
                ("net_cents", models.BigIntegerField(null=True)),
                ("acknowledged_at", models.DateTimeField()),
                (
                    "deposit",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="acknowledgement",
                        to="exchange.deposit",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="FindingRow",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "acknowledgement",
                        "answer",
                        "number",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("answer", models.CharField(max_length=15)),
                ("number", models.IntegerField()),
                ("code", models.CharField(max_length=10)),
                ("severity", models.CharField(max_length=8)),
                ("level", models.CharField(max_length=8)),
                ("invoice", models.IntegerField(null=True)),
                ("line", models.IntegerField(null=True)),
                ("invoice_reference", models.CharField(max_length=50, null=True)),
                ("line_reference", models.CharField(max_length=50, null=True)),
                ("xml_line", models.IntegerField(null=True)),
                ("found", models.TextField(null=True)),
                ("expected", models.TextField(null=True)),
                ("follows", models.CharField(max_length=10, null=True)),
                (
                    "acknowledgement",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="findings",
                        to="claims.acknowledgement",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="JudgedFile",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("provider_code", models.IntegerField(db_index=True)),
                ("file_reference", models.CharField(max_length=50)),
                ("processing_group", models.CharField(max_length=40, unique=True)),
                ("layout", models.CharField(max_length=60)),
                ("schema_sha256", models.CharField(max_length=64)),
                ("engine", models.CharField(max_length=80)),
                ("table_editions", models.JSONField()),
                ("registry_revision", models.BigIntegerField()),
                ("history_until", models.BigIntegerField(default=0)),
                ("is_test", models.BooleanField()),
                ("judged_at", models.DateTimeField()),
                ("invoices_count", models.IntegerField()),
                ("lines_count", models.IntegerField()),
                ("asked_cents", models.BigIntegerField()),
                ("paid_cents", models.BigIntegerField()),
                ("patient_cents", models.BigIntegerField()),
                ("refused_cents", models.BigIntegerField()),
                (
                    "deposit",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="judged_file",
                        to="exchange.deposit",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="InvoiceDecision",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "file", "invoice", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("invoice", models.IntegerField()),
                ("invoice_reference", models.CharField(max_length=50)),
                ("insured_person", models.BigIntegerField()),
                ("person", models.BigIntegerField(null=True)),
                ("asked_cents", models.BigIntegerField()),
                ("paid_cents", models.BigIntegerField()),
                ("patient_cents", models.BigIntegerField()),
                ("refused_cents", models.BigIntegerField()),
                ("outcome", models.CharField(max_length=8)),
                (
                    "file",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="invoices",
                        to="claims.judgedfile",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="LineDecision",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "file", "line", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("line", models.IntegerField()),
                ("invoice", models.IntegerField()),
                ("line_reference", models.CharField(max_length=50)),
                ("person", models.BigIntegerField(null=True)),
                ("act", models.CharField(max_length=10)),
                ("act_paid", models.CharField(max_length=10)),
                ("date_of_service", models.DateField()),
                ("quantity_paid", models.IntegerField()),
                ("asked_cents", models.BigIntegerField()),
                ("paid_cents", models.BigIntegerField()),
                ("patient_cents", models.BigIntegerField()),
                ("refused_cents", models.BigIntegerField()),
                ("outcome", models.CharField(max_length=8)),
                (
                    "file",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="claims.judgedfile",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Stoppage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("attempts", models.IntegerField()),
                ("reason", models.CharField(max_length=300)),
                ("first_at", models.DateTimeField()),
                ("last_at", models.DateTimeField()),
                (
                    "deposit",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stoppage",
                        to="exchange.deposit",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="judgedfile",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "asked_cents",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                models.F("paid_cents"), "+", models.F("patient_cents")
                            ),
                            "+",
                            models.F("refused_cents"),
                        ),
                    )
                ),
                name="claims_file_balanced",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoicedecision",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "asked_cents",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                models.F("paid_cents"), "+", models.F("patient_cents")
                            ),
                            "+",
                            models.F("refused_cents"),
                        ),
                    )
                ),
                name="claims_invoice_balanced",
            ),
        ),
        migrations.AddConstraint(
            model_name="linedecision",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "asked_cents",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                models.F("paid_cents"), "+", models.F("patient_cents")
                            ),
                            "+",
                            models.F("refused_cents"),
                        ),
                    )
                ),
                name="claims_line_balanced",
            ),
        ),
    ]
