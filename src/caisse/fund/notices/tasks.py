"""What the work queue calls. Every process of the fund loads the names here; only a worker loads the rest."""

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from caisse.fund.notices.actions import ISSUE_TASK, MAIL_QUEUE, SEND_TASK


@app.task(name=SEND_TASK, queue=MAIL_QUEUE, retry=RetryStrategy(wait=60))
def send_waiting() -> int:
    """Send what is due; a relay that does not answer is asked again by a job of its own."""
    from caisse.fund.notices import sending  # noqa: PLC0415 - see above

    return sending.send_waiting()


@app.task(name=ISSUE_TASK, queue=MAIL_QUEUE, retry=RetryStrategy(wait=60))
def send_issue(issue_id: int) -> int:
    """Write the mails of a newsletter issue that are not written yet."""
    from caisse.fund.notices import issues  # noqa: PLC0415 - see above

    return issues.send_issue(issue_id)
