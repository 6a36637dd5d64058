"""Killed at every step, a deposit is taken up again: answered once, decided once, paid once."""

import os
import signal
import subprocess
import sys

import pytest

from caisse.fund import faults
from caisse.fund.claims import judging
from caisse.fund.claims.models import Acknowledgement, InvoiceDecision, JudgedFile, LineDecision
from caisse.fund.exchange.models import Delivery, Deposit
from caisse.fund.payments import booking, queries
from caisse.fund.payments.models import Balance, PaymentGroup

JUDGE = """
import sys, django
django.setup()
from caisse.fund.claims.judging import judge
from caisse.fund.claims.models import JudgedFile
from caisse.fund.payments.booking import book_once
if judge(sys.argv[1]) == "returned":
    book_once(JudgedFile.objects.get(deposit_id=sys.argv[1]).pk)
"""
MONTH_POINTS = [
    point
    for point in faults.POINTS
    if point.startswith(("claims.", "payments.")) and ".refused." not in point
]
REFUSED_POINTS = ["claims.taken", "claims.examined", "claims.acknowledged.before_delivery"] + [
    point for point in faults.POINTS if point.startswith("claims.refused.")
]


def work_until_killed(deposit: Deposit, point: str, order) -> None:
    order.write_text(point)
    environment = {**os.environ, faults.VARIABLE: str(order)}
    done = subprocess.run(
        [sys.executable, "-c", JUDGE, str(deposit.pk)], env=environment, capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert not order.exists()


def take_up_again(deposit: Deposit) -> str:
    """What the queue does with a job whose worker died."""
    if judging.judge(deposit.pk) in ("returned", "paid"):
        booking.book_once(JudgedFile.objects.get(deposit=deposit).pk)
    deposit.refresh_from_db()
    return deposit.stage


def kinds(deposit: Deposit) -> list[str]:
    return sorted(Delivery.objects.filter(deposit=deposit).values_list("kind", flat=True))


@pytest.mark.parametrize("point", MONTH_POINTS)
def test_a_month_survives_a_kill_at(fund, tmp_path, point):
    file = fund.month(6)
    deposit = fund.deposit(file)
    work_until_killed(deposit, point, tmp_path / "fault")
    assert take_up_again(deposit) == "paid"
    assert kinds(deposit) == ["acknowledgement", "receipt", "return"]
    assert Acknowledgement.objects.count() == JudgedFile.objects.count() == PaymentGroup.objects.count() == 1
    assert (InvoiceDecision.objects.count(), LineDecision.objects.count()) == (6, 30)
    assert Balance.objects.get().booked_cents == file.asked_cents
    assert queries.verify_totals() == ()
    assert deposit.key_state == "used"


@pytest.mark.parametrize("point", REFUSED_POINTS)
def test_a_refusal_survives_a_kill_at(fund, tmp_path, point):
    deposit = fund.deposit(fund.month(1), content=b"<not/><xml>")
    work_until_killed(deposit, point, tmp_path / "fault")
    assert take_up_again(deposit) == "refused"
    assert kinds(deposit) == ["acknowledgement", "receipt"]
    assert Acknowledgement.objects.count() == 1
    assert deposit.key_state == "released"


def test_a_point_that_is_not_listed_is_a_mistake(monkeypatch, tmp_path):
    faults.reach("no.such.point")
    monkeypatch.setenv(faults.VARIABLE, str(tmp_path / "fault"))
    with pytest.raises(ValueError, match="POINTS"):
        faults.reach("no.such.point")
