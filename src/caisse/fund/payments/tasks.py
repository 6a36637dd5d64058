"""What the work queue calls. Every process of the fund loads the names here; only a worker loads the rest."""

from procrastinate.contrib.django import app

from caisse.fund.claims.queue import PAYMENT_QUEUE, PAYMENT_TASK, PatientRetry


@app.task(name=PAYMENT_TASK, queue=PAYMENT_QUEUE, retry=PatientRetry())
def book_return(file_id: int) -> int:
    """Book the payment of a return unless that is done already; a failure is tried again."""
    from caisse.fund.payments.booking import book_once  # noqa: PLC0415 - see above

    return book_once(file_id)
