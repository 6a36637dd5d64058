"""The table in which attempts are counted. Not logged: after a crash the counting starts again."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("access", "0002_roles_and_mandates")]

    operations = [
        migrations.RunSQL(
            """
            CREATE UNLOGGED TABLE access_cache (
                cache_key varchar(255) PRIMARY KEY,
                value text NOT NULL,
                expires timestamptz NOT NULL
            );
            CREATE INDEX access_cache_expires ON access_cache (expires);
            """,
            "DROP TABLE access_cache",
        )
    ]
