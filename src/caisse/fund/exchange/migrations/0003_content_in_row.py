"""Small deposits lie in their row: a share of one sync to disk instead of three of their own."""

from django.db import migrations, models

# Uncompressed as in the store: packing costs more than it saves where files are this small. The guard looks at
# the bytes only when a statement sets them, so that a new stage does not read them.
FORWARD = """
ALTER TABLE exchange_deposit ALTER COLUMN content SET STORAGE EXTERNAL;
CREATE FUNCTION exchange_guard_content() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the bytes of a deposit are kept as they were received'
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER exchange_deposit_content_kept BEFORE UPDATE OF content ON exchange_deposit
    FOR EACH ROW WHEN (NEW.content IS DISTINCT FROM OLD.content) EXECUTE FUNCTION exchange_guard_content();
"""
BACKWARD = """
DROP TRIGGER exchange_deposit_content_kept ON exchange_deposit;
DROP FUNCTION exchange_guard_content();
"""


class Migration(migrations.Migration):
    dependencies = [("exchange", "0002_receive")]
    operations = [
        migrations.AddField("deposit", "content", models.BinaryField(null=True)),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
