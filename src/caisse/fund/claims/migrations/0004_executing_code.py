from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("claims", "0003_what_stands_beside")]

    operations = [
        migrations.AddField(
            model_name="linedecision", name="executing_code", field=models.IntegerField(null=True)
        )
    ]
