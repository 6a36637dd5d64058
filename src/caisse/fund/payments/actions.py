"""Writes of payments: a return is booked once, a credit-transfer order takes what is booked."""

from datetime import date, datetime

import polars as pl
from django.db import transaction
from django.db.models import F, Sum

from caisse.agreement.errors import BrokenSystem, WrongUse
from caisse.fund.audit.actions import record_event
from caisse.fund.claims.models import InvoiceDecision, JudgedFile
from caisse.fund.copying import copy_frame
from caisse.fund.exchange.actions import move_stage
from caisse.fund.faults import reach
from caisse.fund.payments.models import Balance, PaymentGroup, PaymentOrder


def book_return(*, file_id: int, by: str, at: datetime) -> int:
    """Book the payment of one return: its group, one line an invoice, the provider's balance. The group's id.

    One transaction with the deposit's step to ``paid``. Raises StageConflict when it was booked before, and
    BrokenSystem for a test account's return, which is never paid.
    """
    with transaction.atomic():
        file = JudgedFile.objects.get(pk=file_id)
        if file.is_test:
            raise BrokenSystem(f"judged file {file_id} is a test account's; it is never paid")
        move_stage(deposit_id=file.deposit_id, from_stage="returned", to_stage="paid", by=by, at=at)
        paid = InvoiceDecision.objects.filter(file_id=file_id, paid_cents__gt=0)
        rows = list(paid.order_by("invoice").values_list("invoice", "paid_cents"))
        total = sum(cents for _, cents in rows)
        if total != file.paid_cents:
            raise BrokenSystem(
                f"judged file {file_id}: invoices come to {total}, the return to {file.paid_cents}"
            )
        group = PaymentGroup.objects.create(
            file=file,
            provider_code=file.provider_code,
            reference=file.processing_group,
            lines_count=len(rows),
            total_cents=total,
            booked_at=at,
        )
        _book_lines(group, rows)
        _add_to_balance(file.provider_code, total)
        data = {"file": file_id, "total": total, "invoices": len(rows)}
        record_event(
            action="payments.book_return", subject=("payment group", group.pk), by=by, at=at, data=data
        )
        reach("payments.booked.before_commit")
    reach("payments.booked.after_commit")
    return group.pk


def _book_lines(group: PaymentGroup, rows: list[tuple[int, int]]) -> None:
    schema = {"invoice": pl.Int32(), "amount_cents": pl.Int64()}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    copy_frame("payments_paymentline", frame.with_columns(group_id=pl.lit(group.pk, dtype=pl.Int64)))


def _add_to_balance(provider: int, cents: int) -> None:
    empty = {"booked_cents": 0, "ordered_cents": 0, "groups_count": 0}
    Balance.objects.get_or_create(provider_code=provider, defaults=empty)
    Balance.objects.filter(pk=provider).update(
        booked_cents=F("booked_cents") + cents, groups_count=F("groups_count") + 1
    )


@transaction.atomic
def order_payments(*, execution_on: date, by: str, at: datetime) -> PaymentOrder:
    """Take every booked group not yet ordered into one order to the bank; WrongUse when there is none."""
    waiting = PaymentGroup.objects.select_for_update().filter(order__isnull=True, total_cents__gt=0)
    groups = list(waiting.order_by("pk"))
    if not groups:
        raise WrongUse("Nothing waits to be paid.")
    order = PaymentOrder.objects.create(
        ordered_at=at,
        execution_on=execution_on,
        message_reference=f"CAISSE-{at:%Y%m%d%H%M%S}-{groups[0].pk}",
        groups_count=len(groups),
        total_cents=sum(group.total_cents for group in groups),
    )
    PaymentGroup.objects.filter(pk__in=[group.pk for group in groups]).update(order=order)
    sums = PaymentGroup.objects.filter(order=order).values("provider_code").annotate(total=Sum("total_cents"))
    for row in sums:
        ordered = F("ordered_cents") + row["total"]
        Balance.objects.filter(pk=row["provider_code"]).update(ordered_cents=ordered)
    data = {"groups": order.groups_count, "total": order.total_cents}
    record_event(action="payments.order", subject=("payment order", order.pk), by=by, at=at, data=data)
    return order
