"""The step from ``returned`` to ``paid``, safe to take any number of times."""

from django.utils import timezone

from caisse.fund.claims.models import JudgedFile
from caisse.fund.payments import actions
from caisse.fund.payments.models import PaymentGroup

#: Who the audit names as the author of what no person did.
WORKER = "payments worker"


def book_once(file_id: int) -> int:
    """Book a return's payment unless that is done already; the payment group's id."""
    file = JudgedFile.objects.select_related("deposit").get(pk=file_id)
    if file.deposit.stage == "paid":
        return PaymentGroup.objects.get(file=file).pk
    return actions.book_return(file_id=file_id, by=WORKER, at=timezone.now())
