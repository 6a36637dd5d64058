"""How jobs of claims and payments are queued and tried again."""

from procrastinate import RetryDecision
from procrastinate.contrib.django import app
from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy

#: The task that books a return's payment; claims know its name only.
PAYMENT_TASK = "caisse.fund.payments.tasks.book_return"
PAYMENT_QUEUE = "deposits"

#: A broken system is tried again after 2, 4, 8 … seconds, and for ever: a deposit is never given up.
LONGEST_WAIT_SECONDS = 900


class PatientRetry(BaseRetryStrategy):
    """Twice as long after every failure, up to a quarter of an hour, without an end."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:  # noqa: ARG002
        """When the job is tried next, whatever the failure was."""
        seconds = min(2 ** min(job.attempts + 1, 12), LONGEST_WAIT_SECONDS)
        return RetryDecision(retry_in={"seconds": seconds})


def ask_for_payment(*, file_id: int, provider: int) -> None:
    """Queue the booking of a return's payment in the caller's transaction."""
    task = app.configure_task(PAYMENT_TASK, queue=PAYMENT_QUEUE, lock=f"payment {provider}")
    task.defer(file_id=file_id)
