from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("claims", "0002_authorised_lines"),
    ]

    operations = [
        migrations.AddField(
            model_name="invoicedecision",
            name="prescribed_on",
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name="invoicedecision",
            name="prescriber",
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name="invoicedecision",
            name="prescription_reference",
            field=models.CharField(max_length=50, null=True),
        ),
        migrations.AddField(
            model_name="linedecision",
            name="sampled_on",
            field=models.DateField(null=True),
        ),
    ]
