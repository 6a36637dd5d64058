"""Events get their hash from the database and are noted as unsealed; events and seals are never changed."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION audit_event_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.hash := sha256(convert_to(jsonb_build_array(
        NEW.id, NEW.action, NEW."by", to_char(NEW.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
        NEW.why, NEW.subject_type, NEW.subject_id, NEW.data)::text, 'UTF8'));
    INSERT INTO audit_unsealed (event_id) VALUES (NEW.id);
    RETURN NEW;
END $$;
CREATE TRIGGER audit_event_written BEFORE INSERT ON audit_event
    FOR EACH ROW EXECUTE FUNCTION audit_event_written();

CREATE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit record is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER audit_event_kept BEFORE UPDATE OR DELETE ON audit_event
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER audit_event_not_emptied BEFORE TRUNCATE ON audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER audit_seal_kept BEFORE UPDATE OR DELETE ON audit_seal
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER audit_seal_not_emptied BEFORE TRUNCATE ON audit_seal
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
"""
BACKWARD = """
DROP TRIGGER audit_seal_not_emptied ON audit_seal;
DROP TRIGGER audit_seal_kept ON audit_seal;
DROP TRIGGER audit_event_not_emptied ON audit_event;
DROP TRIGGER audit_event_kept ON audit_event;
DROP TRIGGER audit_event_written ON audit_event;
DROP FUNCTION audit_refuse_change();
DROP FUNCTION audit_event_written();
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
