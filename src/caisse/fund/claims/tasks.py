"""What the work queue calls. Every process of the fund loads the names here; only a worker loads the rest."""

from procrastinate.contrib.django import app

from caisse.fund.claims.queue import PatientRetry
from caisse.fund.exchange.actions import JUDGE_QUEUE, JUDGE_TASK


@app.task(name=JUDGE_TASK, queue=JUDGE_QUEUE, retry=PatientRetry())
def judge_deposit(deposit_id: str) -> str:
    """Judge one deposit; a failure of the system is noted for `caisse fund status` and tried again."""
    from caisse.fund.claims.judging import judge_and_note  # noqa: PLC0415 - see above

    return judge_and_note(deposit_id)
