"""Authorisations as claims use them: one paid line each, in whatever file; as they stood when a file was judged."""

from datetime import date

import polars as pl
import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from caisse.agreement.rules import Batch
from caisse.fund.authorisations import actions as authorisations
from caisse.fund.authorisations.actions import Grant
from caisse.fund.claims.authorised import authorisations_for, uses_of
from caisse.fund.claims.models import AuthorisedLine, JudgedFile, LineDecision
from caisse.fund.claims.queries import verify_totals
from caisse.fund.claims.replay import replay_deposit
from caisse.fund.exchange.models import Account
from tests.fund.claims.month import LAB, Month

CENTS = 4_000


@pytest.fixture
def granted(fund, now) -> str:
    person = int(fund.month(1).invoices["insured_person"][0])
    grant = Grant("A-1", LAB, person, {"LDE0001": CENTS}, date(2024, 2, 1), date(2024, 2, 1))
    authorisations.grant_authorisation(grant=grant, by="test", at=now)
    return grant.number


def billed(fund, reference: str, *, of: str | None = "A-1", number: int = 3) -> Month:
    """An invoice of the person the authorisation is for, whose first line bills LDE0001 under ``of``."""
    file = fund.month(1, reference=reference, number=number)
    first = pl.col("line") == 0
    amount = pl.when(first).then(CENTS)
    # The other lines differ from file to file: nothing else than the authorisation is billed twice.
    days = pl.col("date_of_service") + pl.duration(days=number - 3)
    file.lines = file.lines.with_columns(
        act=pl.when(first).then(pl.lit("LDE0001")).otherwise("act"),
        authorisation_reference=pl.when(first).then(pl.lit(of, pl.String)),
        gross_cents=amount.otherwise("gross_cents"),
        net_cents=amount.otherwise("net_cents"),
        date_of_service=days,
        sampled_on=days,
    )
    return file


def first_line(deposit) -> LineDecision:
    return LineDecision.objects.get(file__deposit=deposit, line=0)


def test_an_authorisation_used_in_one_file_is_refused_in_the_next(fund, granted):
    first = fund.judged(billed(fund, "A"))
    assert first_line(first).paid_cents == CENTS
    used = [("A-1", "LDE0001", f"invoice 2024-100000 line 1 (deposit {first.pk})")]
    assert uses_of(["A-1"]) == used
    second = fund.judged(billed(fund, "B", number=4))
    assert first_line(second).outcome == "refused"
    found = fund.answer(second, "return").decode()
    assert "AUT-002" in found
    assert f"employée par la facture 2024-100000 ligne 1 (dépôt {first.pk})" in found
    # The refused line used nothing; the lines beside it were paid.
    assert uses_of(["A-1"]) == used
    assert LineDecision.objects.filter(file__deposit=second, outcome="paid").count() == 4
    # What had been used then: the first file is decided again as it was, and so is the second.
    assert replay_deposit(first.pk).agrees and replay_deposit(second.pk).agrees


def test_a_line_that_is_refused_uses_nothing_up(fund, granted):
    file = billed(fund, "A")
    file.invoices = file.invoices.with_columns(prescribed_on=pl.lit(date(2023, 1, 1)))
    assert first_line(fund.judged(file)).outcome == "refused"
    assert not AuthorisedLine.objects.exists()
    assert first_line(fund.judged(billed(fund, "B", number=4))).outcome == "paid"


def test_a_test_account_uses_nothing_up(fund, granted):
    Account.objects.update(is_test=True)
    assert first_line(fund.judged(billed(fund, "A"))).outcome == "paid"
    assert not AuthorisedLine.objects.exists()
    Account.objects.update(is_test=False)
    assert first_line(fund.judged(billed(fund, "B", number=4))).outcome == "paid"
    assert AuthorisedLine.objects.count() == 1


def test_what_ends_later_does_not_change_what_was_decided(fund, granted, now):
    deposit = fund.judged(billed(fund, "A"))
    authorisations.withdraw_authorisation(number="A-1", why="in error", by="test", at=now)
    replay = replay_deposit(deposit.pk)
    assert (replay.agrees, replay.changed) == (True, ())
    assert JudgedFile.objects.get(deposit=deposit).authorisations_revision == 1
    refused = first_line(fund.judged(billed(fund, "B", number=4)))
    assert refused.outcome == "refused"
    assert "AUT-001" in fund.answer(refused.file.deposit, "return").decode()


def queries_of(file: Month) -> int:
    """How often the database is asked for the authorisations of a file."""
    batch = Batch({}, file.invoices, file.lines)
    with CaptureQueriesContext(connection) as captured:
        authorisations_for(batch, provider=LAB, until=0)
    return len(captured)


def test_authorisations_are_gathered_in_the_same_few_queries_however_many_are_named(fund, granted):
    many = billed(fund, "C")
    many.lines = many.lines.with_columns(
        act=pl.lit("LDE0001"), authorisation_reference=pl.format("A-{}", "line")
    )
    assert queries_of(billed(fund, "A", of=None)) == 0
    assert queries_of(billed(fund, "B")) == queries_of(many) == 3


def test_a_use_and_a_paid_line_that_do_not_belong_together_are_found(fund, granted):
    fund.judged(billed(fund, "A"))
    assert verify_totals() == ()
    AuthorisedLine.objects.update(line=3)
    assert [(wrong.what, wrong.found) for wrong in verify_totals()] == [
        ("rows: uses of an authorisation without a paid line", 1),
        ("rows: paid lines of collective codes without the use of an authorisation", 1),
    ]


def test_the_database_refuses_a_second_use(fund, granted):
    fund.judged(billed(fund, "A"))
    other = fund.judged(fund.month(2, seed=9, number=4, reference="B"))
    file = JudgedFile.objects.get(deposit=other)
    with pytest.raises(IntegrityError), transaction.atomic():
        AuthorisedLine.objects.create(file=file, line=1, reference="A-1", act="LDE0001")
