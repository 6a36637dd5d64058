"""What the work queue calls. Every process of the fund loads the names here; only a worker loads the rest."""

from procrastinate.contrib.django import app

from caisse.fund.casework.queue_names import LETTER_QUEUE, LETTER_TASK


@app.task(name=LETTER_TASK, queue=LETTER_QUEUE, retry=20)
def make_letter(letter_id: int) -> bool:
    """Make a letter that was ordered, unless that is done already."""
    from django.utils import timezone  # noqa: PLC0415 - see above

    from caisse.fund.casework.actions.letters import make_letter as make  # noqa: PLC0415

    return make(letter_id=letter_id, by="worker", at=timezone.now())
