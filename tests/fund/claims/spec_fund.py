"""The world of the readable cases in a real fund: its registers, a laboratory's account, files sent and answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise
from typing import Any

import polars as pl
from django.db import connection

from caisse.agreement.layouts import catalogue, reading, writing
from caisse.agreement.rules import Batch
from caisse.fund.authorisations import actions as authorisations
from caisse.fund.authorisations.actions import Grant
from caisse.fund.claims import facts, tasks
from caisse.fund.claims.models import FindingRow, JudgedFile, LineDecision
from caisse.fund.claims.replay import replay_deposit
from caisse.fund.exchange import actions as exchange
from caisse.fund.exchange.models import Account, Delivery, Deposit
from caisse.fund.exchange.store import StagedFile, Store
from caisse.fund.home import Home
from caisse.fund.payments.tasks import book_return
from caisse.fund.registry import actions as registry
from tests.agreement.rules import batches
from tests.spec.case import WORLD, place_of

LAYOUT = 2


@dataclass(frozen=True)
class Told:
    """What the laboratory reads in its answers, and what the fund stored beside them.

    Findings are written as the cases write them, ``CODE place`` or ``CODE place < root``; the acknowledgement
    tells no roots. ``decided``: outcome and paid cents by place, empty without a return. ``agrees``: judged
    again from its bytes, the file is decided in the same way.
    """

    stage: str
    conform: bool
    acknowledged: list[str]
    returned: list[str] = field(default_factory=list)
    stored: list[str] = field(default_factory=list)
    decided: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    agrees: bool = True


@dataclass
class SpecFund:
    """A fund in which the persons and providers of the cases are registered."""

    home: Home
    now: datetime
    sent: int = 0

    def enter_world(self) -> None:
        """Register what stands in `WORLD`, and an account for every laboratory that sends a file."""
        by: dict[str, Any] = {"by": "test", "at": self.now}
        registry.publish_funds(**by)
        self._enter_providers(by)
        for billing, executing, start, end in WORLD["executing"]:
            registry.allow_execution(
                billing=billing, executing=executing, valid_from=start, valid_until=end, **by
            )
        self._enter_persons(by)
        self._enter_authorisations(by)
        for code in (batches.LABORATORY, batches.ENDED_PROVIDER):
            exchange.create_account(provider_code=code, frame="LAB", password=None, **by)

    def _enter_providers(self, by: dict[str, Any]) -> None:
        """Every code from its first day to its last; the days between two of its periods are a suspension."""
        periods: dict[int, list[tuple[date, date | None]]] = {}
        professions: dict[int, str] = {}
        for code, professions[code], *period in WORLD["providers"]:
            periods.setdefault(code, []).append((period[0], period[1]))
        for code, held in periods.items():
            provider = registry.register_provider(name=f"Provider {code}", **by)
            registry.allocate_code(
                provider_id=provider, code=code, profession=professions[code],
                valid_from=held[0][0], valid_until=held[-1][1], **by,
            )  # fmt: skip
            for (_, end), (start, _) in pairwise(held):
                registry.suspend_code(code=code, valid_from=end, valid_until=start, why="inquiry", **by)

    def _enter_persons(self, by: dict[str, Any]) -> None:
        """Every person with its periods under its first number; any other number as its replacement."""
        numbers: dict[int, list[int]] = {}
        for number, stable, *_ in WORLD["insured"]:
            if number not in numbers.setdefault(stable, []):
                numbers[stable].append(number)
        for first, *later in numbers.values():
            periods = [period for number, _, *period in WORLD["insured"] if number == first]
            for fund, start, end in periods:
                person = registry.enrol_person(
                    number=first, fund=fund, insured_from=start, insured_until=end, **by
                )
            for number in later:
                registry.replace_number(person_id=person, number=number, **by)

    def _enter_authorisations(self, by: dict[str, Any]) -> None:
        """Every authorisation that was granted, its acts together; what was refused is in no register."""
        granted: dict[str, Grant] = {}
        for number, laboratory, person, act, cents, start, end, status in WORLD["authorisations"]:
            if status == "granted":
                new = Grant(number, laboratory, person, {}, start, start, end)
                granted.setdefault(number, new).acts[act] = cents
        for grant in granted.values():
            authorisations.grant_authorisation(grant=grant, **by)

    def pay_before(self, earlier: Batch) -> None:
        """Send, judge and pay a file, of which every line must be paid."""
        deposit = self.deposit(earlier)
        tasks.judge_deposit(str(deposit.pk))
        file = JudgedFile.objects.get(deposit=deposit)
        book_return(file.pk)
        deposit.refresh_from_db()
        paid = LineDecision.objects.filter(file=file, outcome="paid").count()
        if (deposit.stage, paid) != ("paid", earlier.lines.height):
            raise AssertionError(f"{paid} of {earlier.lines.height} lines were paid before: {deposit.stage}")

    def judged(self, batch: Batch) -> Told:
        """Send a file, let the job judge it, and read the answers."""
        deposit = self.deposit(batch)
        stage = tasks.judge_deposit(str(deposit.pk))
        deposit.refresh_from_db()
        if stage != deposit.stage:
            raise AssertionError(f"the job ended with {stage}, the deposit is {deposit.stage}")
        acknowledgement = self._answer(deposit, "acknowledgement", "ACC")
        findings = acknowledgement.tables["findings"].iter_rows(named=True)
        conform = bool(acknowledgement.header["conform"])
        acknowledged = sorted(_written(row["code"], _place(row)) for row in findings)
        if stage != "returned":
            return Told(stage, conform, acknowledged, stored=_stored(deposit))
        answer = self._answer(deposit, "return", "RETFAC")
        return Told(
            stage,
            conform,
            acknowledged,
            _returned(answer),
            _stored(deposit),
            _decided(deposit, answer),
            replay_deposit(deposit.pk).agrees,
        )

    def deposit(self, batch: Batch) -> Deposit:
        """Hand the file in under the name of its laboratory, and under a key of its own."""
        self.sent += 1
        account = _account_of(int(str(batch.header["billing_provider"])))
        reference = f"SPEC-{self.sent}"
        header = {**batch.header, "organisation": 99, "file_reference": reference, "year": 2024, "number": 3}
        layout = catalogue.find("LAB", "FAC", LAYOUT)
        upload = self.home.staging / "upload"
        upload.write_bytes(writing.write(layout, header, {"invoices": batch.invoices, "lines": batch.lines}))
        received = exchange.receive_deposit(
            account=account,
            name=f"F{account.provider_code}202403_LAB_FAC_{LAYOUT:03d}_{reference}.xml",
            staged=StagedFile.from_path(upload),
            door="test",
            by="test",
            at=self.now,
        )
        return Deposit.objects.get(pk=received.deposit_id)

    def _answer(self, deposit: Deposit, kind: str, file_type: str) -> reading.Document:
        delivery = Delivery.objects.get(deposit=deposit, kind=kind)
        content = delivery.content
        if content is None:
            content = Store(self.home.store).path(delivery.sha256).read_bytes()
        read = reading.read(bytes(content), catalogue.find("LAB", file_type, 1))
        if read.document is None or read.findings:
            raise AssertionError(f"the {kind} cannot be read: {read.findings}")
        return read.document

    def forget_payments(self) -> None:
        """Remove every decision and payment, in the database and in memory: the next case is the first."""
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE claims_judgedfile, claims_linedecision, claims_invoicedecision CASCADE")
        facts.history_keeper.cache_clear()


def _account_of(code: int) -> Account:
    """The account of the code; a mistyped code stands in a file of the laboratory."""
    account = Account.objects.filter(provider_code=code).first()
    return account or Account.objects.get(provider_code=batches.LABORATORY)


def _written(code: str, place: str, root: str | None = None) -> str:
    return f"{code} {place}" + (f" < {root}" if root else "")


def _place(row: Mapping[str, Any]) -> str:
    return place_of(row["invoice_reference"], row["line_reference"])


def _stored(deposit: Deposit) -> list[str]:
    """The findings in the database, from both answers."""
    rows = FindingRow.objects.filter(acknowledgement__deposit=deposit).values()
    return sorted(_written(row["code"], _place(row), row["follows"]) for row in rows)


def _places_of_lines(answer: reading.Document) -> pl.DataFrame:
    """Each line of a return with its place."""
    return answer.tables["lines"].join(
        answer.tables["invoices"].select("invoice", "invoice_reference"), on="invoice", maintain_order="left"
    ).with_columns(place=pl.concat_str("invoice_reference", "line_reference", separator="/"))  # fmt: skip


def _returned(answer: reading.Document) -> list[str]:
    """The findings of a return; a finding that follows ends with its root in words."""
    invoices = answer.tables["invoices"].select("invoice", place="invoice_reference")
    of_invoices = answer.tables["invoice_findings"].join(invoices, on="invoice")
    of_lines = answer.tables["line_findings"].join(
        _places_of_lines(answer).select("line", "place"), on="line"
    )
    found = pl.concat([frame.select("code", "place", "reason") for frame in (of_invoices, of_lines)])
    return sorted(_written(code, place, _root(reason)) for code, place, reason in found.iter_rows())


def _root(reason: str | None) -> str | None:
    _, follows, root = (reason or "").rpartition("suite de ")
    return root if follows else None


def _decided(deposit: Deposit, answer: reading.Document) -> dict[str, tuple[str, int]]:
    """Outcome and paid cents of each line: the amounts as the return tells them, which the database must hold."""
    file = JudgedFile.objects.get(deposit=deposit)
    rows = LineDecision.objects.filter(file=file).order_by("line")
    stored = list(rows.values_list("line", "paid_cents", "refused_cents", "outcome"))
    lines = _places_of_lines(answer)
    told = lines.select("line", "net_cents", "refused_cents").rows()
    if told != [row[:3] for row in stored]:
        raise AssertionError(f"the return tells {told}, the database holds {stored}")
    outcomes = [row[3] for row in stored]
    return {
        place: (outcome, cents)
        for place, outcome, cents in zip(lines["place"], outcomes, lines["net_cents"], strict=True)
    }
