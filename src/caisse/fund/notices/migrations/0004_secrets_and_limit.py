from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models

#: Links of mails that left before: the key, or the signed word, at their end.
_BLANK = r"""
    UPDATE notices_mail
    SET text = regexp_replace(text, '/(case/(again|[0-9]{4}-[0-9]{6})|objection)/[A-Za-z0-9_:-]{20,}', '/\1/…', 'g')
    WHERE state = 'sent' AND text ~ '/(case|objection)/'
"""
_OUTCOMES = (
    "opened", "continued", "foreign", "nothing", "automatic", "report", "repeat", "unreadable", "over_limit"
)  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("notices", "0003_incoming_mail")]

    operations = [
        migrations.AddField(
            model_name="mail",
            name="secrets",
            field=ArrayField(models.CharField(max_length=300), db_default=[], default=list),
        ),
        migrations.RunSQL(_BLANK, migrations.RunSQL.noop),
        migrations.RemoveConstraint(model_name="incomingmail", name="notices_incoming_outcome"),
        migrations.AddConstraint(
            model_name="incomingmail",
            constraint=models.CheckConstraint(
                name="notices_incoming_outcome", condition=models.Q(outcome__in=("", *_OUTCOMES))
            ),
        ),
    ]
