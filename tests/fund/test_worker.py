"""What a worker says of a job that fails: which, when and where, and nothing of its content."""

import logging
from types import SimpleNamespace

import pytest

from caisse.agreement.errors import BrokenSystem
from caisse.fund.worker import log_failure

CONTEXT = SimpleNamespace(
    job=SimpleNamespace(
        task_name="caisse.fund.claims.tasks.judge_deposit", task_kwargs={"deposit_id": "01a2"}, attempts=2
    )
)


def test_a_failed_attempt_is_logged_without_its_message(caplog):
    def fail():
        try:
            raise OSError("1980010100187")
        except OSError as error:
            raise BrokenSystem("of 1980010100187") from error

    with caplog.at_level(logging.ERROR, "caisse.worker"), pytest.raises(BrokenSystem):
        log_failure(fail, CONTEXT, None)
    (said,) = caplog.messages
    assert said.startswith("judge_deposit 01a2 failed at attempt 3: BrokenSystem from OSError in worker.py")
    assert "1980010100187" not in caplog.text


def test_a_job_that_works_is_not_mentioned(caplog):
    assert log_failure(lambda: "returned", CONTEXT, None) == "returned"
    assert caplog.messages == []
