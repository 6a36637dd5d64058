"""What the work queue calls. Every process of the fund loads the names here; only a worker loads the rest."""

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from caisse.fund.casework.queue_names import LETTER_QUEUE, LETTER_TASK
from caisse.fund.notices.actions import MAIL_QUEUE
from caisse.fund.notices.incoming import READ_TASK


@app.task(name=LETTER_TASK, queue=LETTER_QUEUE, retry=20)
def make_letter(letter_id: int) -> bool:
    """Make a letter that was ordered, unless that is done already."""
    from django.utils import timezone  # noqa: PLC0415 - see above

    from caisse.fund.casework.actions.letters import make_letter as make  # noqa: PLC0415

    return make(letter_id=letter_id, by="worker", at=timezone.now())


@app.task(name=READ_TASK, queue=MAIL_QUEUE, retry=RetryStrategy(wait=30, linear_wait=60))
def read_mail(mail_id: int) -> str:
    """Read a mail that arrived, unless that is done already; a failure is tried again for ever."""
    from caisse.fund.casework.intake.reading import read_mail as read  # noqa: PLC0415 - see above

    return read(mail_id)
