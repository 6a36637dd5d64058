"""Paid exactly once, and every total carried over to the cent."""

from datetime import date

import pytest
from django.db import IntegrityError, connection

from caisse.agreement.errors import BrokenSystem, WrongUse
from caisse.fund.claims import judging
from caisse.fund.claims import queries as claims
from caisse.fund.claims.models import JudgedFile, LineDecision
from caisse.fund.claims.queue import PAYMENT_TASK
from caisse.fund.exchange.errors import StageConflict
from caisse.fund.exchange.models import Account
from caisse.fund.payments import actions, booking, queries
from caisse.fund.payments.models import Balance, PaymentGroup, PaymentLine
from tests.fund.claims.month import LAB

LINE_PLUS_ONE = "asked_cents = asked_cents + 1, paid_cents = paid_cents + 1"


def payment_jobs() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT args ->> 'file_id' FROM procrastinate_jobs WHERE task_name = %s ORDER BY id",
            [PAYMENT_TASK],
        )
        return [int(row[0]) for row in cursor.fetchall()]


def test_a_return_asks_for_its_payment_and_is_booked_once(fund, now):
    file = fund.month(8)
    deposit = fund.judged(file)
    judged = JudgedFile.objects.get(deposit=deposit)
    assert payment_jobs() == [judged.pk]
    group = booking.book_once(judged.pk)
    assert booking.book_once(judged.pk) == group
    deposit.refresh_from_db()
    assert deposit.stage == "paid"
    assert PaymentGroup.objects.get().total_cents == file.asked_cents
    assert PaymentLine.objects.count() == 8
    assert Balance.objects.get(pk=LAB).booked_cents == file.asked_cents
    with pytest.raises(StageConflict):
        actions.book_return(file_id=judged.pk, by="test", at=now)
    assert queries.verify_totals() == ()


def test_two_returns_add_up_in_the_balance(fund, now):
    first, second = fund.month(4), fund.month(6, number=4, reference="2024-03-B", seed=9)
    for file in (first, second):
        booking.book_once(JudgedFile.objects.get(deposit=fund.judged(file)).pk)
    balance = queries.balance_of(LAB)
    paid = sum(JudgedFile.objects.values_list("paid_cents", flat=True))
    assert (balance.booked_cents, balance.groups_count) == (paid, 2)
    assert queries.balance_of(LAB + 1) is None
    assert queries.verify_totals() == ()


def test_a_test_accounts_return_never_reaches_payment(fund, now):
    Account.objects.filter(provider_code=LAB).update(is_test=True)
    deposit = fund.judged(fund.month(3))
    judged = JudgedFile.objects.get(deposit=deposit)
    assert judged.is_test
    assert payment_jobs() == []
    with pytest.raises(BrokenSystem, match="test account"):
        actions.book_return(file_id=judged.pk, by="test", at=now)
    deposit.refresh_from_db()
    assert deposit.stage == "returned"
    assert queries.verify_totals() == ()
    # What was never paid is no history: the same lines from the real account are paid.
    Account.objects.filter(provider_code=LAB).update(is_test=False)
    real = fund.judged(fund.month(3, number=4, reference="2024-03-B"))
    assert not LineDecision.objects.filter(file__deposit=real, outcome="refused").exists()


def test_the_database_itself_refuses_a_second_group_for_a_return(fund, now):
    judged = JudgedFile.objects.get(deposit=fund.judged(fund.month(2)))
    booking.book_once(judged.pk)
    group = PaymentGroup.objects.get()
    group.pk, group.reference = None, "another"
    with pytest.raises(IntegrityError):
        group.save(force_insert=True)


@pytest.mark.parametrize(
    ("table", "change", "what"),
    [
        ("claims_linedecision", LINE_PLUS_ONE, "lines of a judged file, paid"),
        ("claims_linedecision", None, "rows: lines of a judged file"),
        ("claims_linedecision", "file_id = 999", "rows: decisions without a judged file"),
        ("claims_invoicedecision", None, "invoices of a judged file, paid"),
        ("payments_paymentline", "amount_cents = amount_cents + 1", "lines of a payment group"),
        ("payments_paymentgroup", "total_cents = total_cents - 1", "payment group of a paid return"),
        ("payments_balance", "booked_cents = booked_cents + 1", "balance of a provider"),
        ("payments_balance", "ordered_cents = ordered_cents + 1", "ordered for a provider"),
        ("exchange_deposit", "stage = 'returned'", "payment group of a return that is not paid"),
    ],
)
def test_any_total_that_does_not_tie_is_found(fund, table, change, what):
    booking.book_once(JudgedFile.objects.get(deposit=fund.judged(fund.month(3))).pk)
    assert claims.verify_totals() == queries.verify_totals() == ()
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {change}" if change else f"DELETE FROM {table}")
    found = (*claims.verify_totals(), *queries.verify_totals())
    assert what in {discrepancy.what for discrepancy in found}
    of_claims = what in {discrepancy.what for discrepancy in claims.verify_totals()}
    assert of_claims == table.startswith("claims_")


def test_a_line_that_does_not_balance_cannot_be_stored(fund):
    fund.judged(fund.month(1))
    with pytest.raises(IntegrityError), connection.cursor() as cursor:
        cursor.execute("UPDATE claims_linedecision SET paid_cents = paid_cents + 1 WHERE line = 0")


def test_an_order_takes_each_group_once(fund, now):
    booking.book_once(JudgedFile.objects.get(deposit=fund.judged(fund.month(3))).pk)
    order = actions.order_payments(execution_on=date(2026, 12, 1), by="cashier", at=now)
    assert (order.groups_count, order.total_cents) == (1, Balance.objects.get().booked_cents)
    assert Balance.objects.get().ordered_cents == order.total_cents
    assert queries.verify_totals() == ()
    with pytest.raises(WrongUse):
        actions.order_payments(execution_on=date(2026, 12, 1), by="cashier", at=now)


def test_judging_again_after_payment_changes_nothing(fund):
    deposit = fund.judged(fund.month(2))
    booking.book_once(JudgedFile.objects.get(deposit=deposit).pk)
    assert judging.judge(deposit.pk) == "paid"
    assert payment_jobs() == [JudgedFile.objects.get().pk]
