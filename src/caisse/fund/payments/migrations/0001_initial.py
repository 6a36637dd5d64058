import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("claims", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Balance",
            fields=[
                ("provider_code", models.IntegerField(primary_key=True, serialize=False)),
                ("booked_cents", models.BigIntegerField()),
                ("ordered_cents", models.BigIntegerField()),
                ("groups_count", models.IntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="PaymentOrder",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("ordered_at", models.DateTimeField()),
                ("execution_on", models.DateField()),
                ("message_reference", models.CharField(max_length=35, unique=True)),
                ("groups_count", models.IntegerField()),
                ("total_cents", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="PaymentGroup",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("provider_code", models.IntegerField(db_index=True)),
                ("reference", models.CharField(max_length=40, unique=True)),
                ("lines_count", models.IntegerField()),
                ("total_cents", models.BigIntegerField()),
                ("booked_at", models.DateTimeField()),
                (
                    "file",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payment_group",
                        to="claims.judgedfile",
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="groups",
                        to="payments.paymentorder",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="PaymentLine",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "group", "invoice", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("invoice", models.IntegerField()),
                ("amount_cents", models.BigIntegerField()),
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="payments.paymentgroup",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="paymentgroup",
            constraint=models.CheckConstraint(
                condition=models.Q(("total_cents__gte", 0)), name="payments_group_not_negative"
            ),
        ),
    ]
