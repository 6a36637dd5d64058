"""A deposit is accepted by one statement: deposit, receipt, job and audit event commit together or not at all."""

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

-- What stands against a deposit, before its bytes are stored and again when its row is written:
-- null, or "repeat", or the code of the reason it is refused for.
CREATE FUNCTION exchange_judge_sending(
    p_account bigint, p_at timestamptz, p_name text, p_sha256 text,
    p_provider int, p_year int, p_number int, p_frame text, p_type text, p_reference text,
    p_per_hour int, p_waiting int, p_repeat interval,
    OUT verdict text, OUT deposit uuid, OUT receipt text, OUT detail text
) LANGUAGE plpgsql STABLE AS $$
DECLARE
    earlier exchange_deposit%ROWTYPE;
BEGIN
    -- Has it been here before? Then nothing is written and no limit counts.
    IF p_reference IS NOT NULL THEN
        SELECT * INTO earlier FROM exchange_deposit d
        WHERE d.key_provider = p_provider AND d.key_year = p_year AND d.key_number = p_number
          AND d.key_frame = p_frame AND d.key_type = p_type AND d.key_reference = p_reference
          AND d.key_state IN ('held', 'used');
        IF NOT FOUND THEN
            SELECT * INTO earlier FROM exchange_deposit d
            WHERE d.sha256 = p_sha256 AND d.account_id = p_account AND d.name = p_name
              AND d.key_state = 'released' AND d.received_at > p_at - p_repeat
            ORDER BY d.received_at DESC LIMIT 1;
        END IF;
    ELSE
        SELECT * INTO earlier FROM exchange_deposit d
        WHERE d.sha256 = p_sha256 AND d.account_id = p_account AND d.name = p_name AND d.key_state IS NULL;
    END IF;
    IF earlier.id IS NOT NULL THEN
        deposit := earlier.id;
        receipt := earlier.receipt;
        detail := earlier.name || ', ' || to_char(earlier.received_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"');
        verdict := CASE WHEN earlier.sha256 = p_sha256 THEN 'repeat'
                        WHEN earlier.key_state = 'held' THEN 'KEY-004' ELSE 'KEY-001' END;
        RETURN;
    END IF;

    -- The limit is reached when the limit-th newest deposit is less than an hour old.
    IF p_per_hour > 0 AND EXISTS (
        SELECT 1 FROM (
            SELECT d.received_at FROM exchange_deposit d WHERE d.account_id = p_account
            ORDER BY d.received_at DESC OFFSET p_per_hour - 1 LIMIT 1
        ) nth WHERE nth.received_at > p_at - interval '1 hour'
    ) THEN
        verdict := 'LIM-002';
        detail := p_per_hour::text;
    ELSIF p_waiting > 0 AND (
        SELECT count(*) FROM (
            SELECT 1 FROM exchange_deposit d
            WHERE d.account_id = p_account AND d.stage IN ('received', 'acknowledged') LIMIT p_waiting
        ) waiting
    ) >= p_waiting THEN
        verdict := 'LIM-003';
        detail := p_waiting::text;
    END IF;
END $$;

CREATE FUNCTION exchange_receive_deposit(
    p_id uuid, p_account bigint, p_user text, p_by text, p_door text, p_at timestamptz,
    p_name text, p_sha256 text, p_size bigint, p_layout int,
    p_provider int, p_year int, p_number int, p_frame text, p_type text, p_reference text,
    p_receipt text, p_receipt_stem text, p_receipt_tail text,
    p_task text, p_lock text, p_per_hour int, p_waiting int, p_repeat interval,
    OUT verdict text, OUT deposit uuid, OUT receipt text, OUT detail text
) LANGUAGE plpgsql AS $$
DECLARE
    answer text := p_receipt_stem || p_receipt_tail;
    attempt int := 1;
BEGIN
    LOOP
        INSERT INTO exchange_deposit (
            id, account_id, door, name, sha256, size, received_at, stage, stage_at, layout,
            key_provider, key_year, key_number, key_frame, key_type, key_reference, key_state, receipt
        ) VALUES (
            p_id, p_account, p_door, p_name, p_sha256, p_size, p_at, 'received', p_at, p_layout,
            p_provider, p_year, p_number, p_frame, p_type, p_reference,
            CASE WHEN p_reference IS NULL THEN NULL ELSE 'held' END, p_receipt
        ) ON CONFLICT DO NOTHING;
        EXIT WHEN FOUND;
        -- Another session took the key since exchange_judge_sending was asked: ask again.
        SELECT j.verdict, j.deposit, j.receipt, j.detail INTO verdict, deposit, receipt, detail
        FROM exchange_judge_sending(p_account, p_at, p_name, p_sha256, p_provider, p_year, p_number,
            p_frame, p_type, p_reference, p_per_hour, p_waiting, p_repeat) j;
        IF verdict IS NOT NULL THEN
            RETURN;
        END IF;
    END LOOP;

    LOOP
        INSERT INTO exchange_delivery (account_id, deposit_id, kind, name, sha256, size, content, delivered_at)
        VALUES (p_account, p_id, 'receipt', answer, encode(sha256(convert_to(p_receipt, 'UTF8')), 'hex'),
                octet_length(p_receipt), convert_to(p_receipt, 'UTF8'), p_at)
        ON CONFLICT (account_id, name) DO NOTHING;
        EXIT WHEN FOUND;
        attempt := attempt + 1;
        answer := p_receipt_stem || '-' || attempt || p_receipt_tail;
    END LOOP;

    PERFORM procrastinate_defer_jobs_v1(ARRAY[ROW(
        'deposits', p_task, 0, p_lock, NULL, jsonb_build_object('deposit_id', p_id), NULL
    )::procrastinate_job_to_defer_v1]);

    INSERT INTO audit_event (action, by, at, why, subject_type, subject_id, data) VALUES (
        'deposit.received', p_by, p_at, '', 'deposit', p_id::text,
        jsonb_build_object('account', p_user, 'door', p_door, 'name', p_name, 'sha256', p_sha256, 'size', p_size));

    verdict := 'received';
    deposit := p_id;
    receipt := p_receipt;
END $$;

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
DROP FUNCTION exchange_receive_deposit;
DROP FUNCTION exchange_judge_sending;
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
