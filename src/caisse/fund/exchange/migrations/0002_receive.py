"""Deposits are kept as they were received, and announced to the workers after their commit."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION exchange_guard_deposit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' OR (NEW.id, NEW.account_id, NEW.name, NEW.sha256, NEW.size, NEW.received_at, NEW.receipt)
        IS DISTINCT FROM (OLD.id, OLD.account_id, OLD.name, OLD.sha256, OLD.size, OLD.received_at, OLD.receipt)
    THEN
        RAISE EXCEPTION 'a deposit is kept as it was received: % is refused', TG_OP
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER exchange_deposit_kept BEFORE UPDATE OR DELETE ON exchange_deposit
    FOR EACH ROW EXECUTE FUNCTION exchange_guard_deposit();
CREATE TRIGGER exchange_deposit_not_emptied BEFORE TRUNCATE ON exchange_deposit
    FOR EACH STATEMENT EXECUTE FUNCTION exchange_guard_deposit();

-- A NOTIFY inside a transaction makes all committing transactions queue up, each with its own sync to disk.
-- Deposits are announced after their commit instead (exchange.actions), and workers look twice a second.
DROP TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1 ON procrastinate_jobs;
CREATE TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1 AFTER INSERT ON procrastinate_jobs
    FOR EACH ROW WHEN (new.status = 'todo'::procrastinate_job_status AND new.queue_name <> 'deposits')
    EXECUTE PROCEDURE procrastinate_notify_queue_job_inserted_v1();
"""
BACKWARD = """
DROP TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1 ON procrastinate_jobs;
CREATE TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1 AFTER INSERT ON procrastinate_jobs
    FOR EACH ROW WHEN (new.status = 'todo'::procrastinate_job_status)
    EXECUTE PROCEDURE procrastinate_notify_queue_job_inserted_v1();
DROP TRIGGER exchange_deposit_not_emptied ON exchange_deposit;
DROP TRIGGER exchange_deposit_kept ON exchange_deposit;
DROP FUNCTION exchange_guard_deposit();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0001_initial"),
        ("audit", "0002_guards"),
        ("procrastinate", "0041_post_retry_failed_job"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
