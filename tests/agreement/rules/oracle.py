"""The same rules as a plain loop over rows, written from the regulation and docs/pricing.md: the tests' oracle.

It shares no code with `caisse.agreement.rules`. It is slow and says what is meant. Days and check digits stand in
`oracle_numbers`, the rules over several lines in `oracle_together`.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from caisse.agreement.rules import Batch, Facts
from caisse.agreement.tables import Tables
from tests.agreement.rules.oracle_numbers import holds, months_later, number_faults, right_provider
from tests.agreement.rules.oracle_together import Judged, Mark, Row, Together, Verdict

__all__ = ["Judged", "Mark", "Oracle"]


class Oracle(Together):
    """Registers and tables as dictionaries, and the loop over a file's lines."""

    def __init__(self, facts: Facts, tables: Tables) -> None:
        self.facts, self.tables = facts, tables
        self.persons = defaultdict(list)
        if facts.insured is not None:
            for number, person, start, end in facts.insured.select(
                "insured_person", "person", "insured_from", "insured_until"
            ).iter_rows():
                self.persons[number].append((person, start, end))
        self.providers = defaultdict(list)
        if facts.providers is not None:
            for code, start, end in facts.providers.select(
                "provider", "valid_from", "valid_until"
            ).iter_rows():
                self.providers[code].append((start, end))
        self.executing = defaultdict(list)
        if facts.executing is not None:
            for biller, code, start, end in facts.executing.select(
                "billing_provider", "executing_provider", "valid_from", "valid_until"
            ).iter_rows():
                self.executing[biller, code].append((start, end))
        self.granted: dict[tuple[str, str], Row] = {}
        if facts.authorisations is not None:
            for row in facts.authorisations.iter_rows(named=True):
                if row["status"] in ("granted", "partly granted", "partly_granted"):
                    self.granted.setdefault((row["reference"], row["act"]), row)
        self.read_tables(tables)

    def read_tables(self, tables: Tables) -> None:
        self.acts = defaultdict(list)
        for row in tables.acts.iter_rows(named=True):
            self.acts[row["act"]].append(row)
        self.letters = list(
            tables.key_letters.select("valid_from", "valid_until", "value_100000ths").iter_rows()
        )
        self.letter_starts = [start for start, _, _ in self.letters]
        self.collective = {row["act"]: row["prior"] for row in tables.collective_codes.iter_rows(named=True)}
        self.read_rules(tables)

    def judge(self, batch: Batch) -> Judged:
        """Decide a file line by line."""
        invoices = list(batch.invoices.iter_rows(named=True))
        lines = list(batch.lines.iter_rows(named=True))
        return self.judge_rows(batch.header, invoices, lines)

    def judge_rows(self, head: Mapping[str, Any], invoices: list[Row], lines: list[Row]) -> Judged:
        """The same over rows, which it marks as it goes."""
        self.biller = head["billing_provider"]
        judged = Judged([Verdict(line["quantity"], line["gross_cents"]) for line in lines])
        by_invoice = defaultdict(list)
        for number, line in enumerate(lines):
            line["number"] = number
            by_invoice[line["invoice"]].append(line)
        root = self.biller_root(head, judged)
        for number, invoice in enumerate(invoices):
            found = self.invoice_codes(number, invoice, by_invoice[number], judged)
            for line in by_invoice[number]:
                self.judge_line(head, invoice, line, judged)
                if root or found:
                    line["stands"] = False
                    judged.marks.add(("line", number, line["number"], "INV-001", root or found[0]))
        standing = [line for line in lines if line["stands"]]
        self.judge_together(head, invoices, standing, judged)
        for line, verdict in zip(lines, judged.lines, strict=True):
            self.pay(line, verdict)
        return judged

    def stable(self, number: int) -> int:
        """The person behind a printed number, who may have been given a new one since."""
        return self.persons[number][0][0] if number in self.persons else number

    def provider_holds(self, code: int, day: date) -> bool:
        """True as well when providers were not looked up."""
        return self.facts.providers is None or any(
            holds(day, *period) for period in self.providers.get(code, ())
        )

    def biller_root(self, head: Mapping[str, Any], judged: Judged) -> str | None:
        if self.provider_holds(head["billing_provider"], head["sent_on"]):
            return None
        judged.marks.add(("file", None, None, "PRO-002", None))
        return "PRO-002"

    def invoice_codes(self, number: int, invoice: Row, lines: list[Row], judged: Judged) -> list[str]:
        """The codes that refuse the invoice, in order; marks are added."""
        codes = list(self.person_codes(invoice, lines))
        codes += self.prescription_codes(invoice, lines)
        if invoice["accident_number"] is not None:
            text = invoice["accident_number"]
            if not (len(text) == 10 and text[0] in "UL" and all(sign in "0123456789" for sign in text[1:])):
                codes.append("ACC-001")
        elif invoice["accident_on"] and invoice["issued_on"] >= months_later(invoice["accident_on"], 3):
            codes.append("ACC-002")
        follow = {
            "PER-002": ("PER-001",),
            "PER-003": ("PER-001", "PER-002"),
            "PER-005": ("PER-001", "PER-002", "PER-003"),
            "PRE-003": ("PRE-002",),
        }
        for code in codes:
            root = next((other for other in follow.get(code, ()) if other in codes), None)
            judged.marks.add(("invoice", number, None, code, root))
        return codes

    def person_codes(self, invoice: Row, lines: list[Row]) -> Iterator[str]:
        yield from number_faults(invoice["insured_person"])
        invoice["person"] = invoice["insured_person"]
        invoice["some_day"] = True
        if self.facts.insured is None:
            return
        periods = self.persons.get(invoice["insured_person"])
        if periods is None:
            invoice["some_day"] = False
            yield "PER-005"
            return
        invoice["person"] = periods[0][0]
        for line in lines:
            line["insured"] = any(holds(line["date_of_service"], start, end) for _, start, end in periods)
        invoice["some_day"] = any(line["insured"] for line in lines)
        if not invoice["some_day"]:
            yield "PER-004"

    def prescription_codes(self, invoice: Row, lines: list[Row]) -> Iterator[str]:
        prescribed, prescriber = invoice["prescribed_on"], invoice["prescriber"]
        if prescribed is None or prescriber is None or not invoice["prescription_reference"]:
            yield "PRE-001"
        if prescriber is not None:
            if not right_provider(prescriber):
                yield "PRE-002"
            if prescribed is not None and not self.provider_holds(prescriber, prescribed):
                yield "PRE-003"
        stated = invoice["prescription_valid_until"]
        last = stated or (prescribed and months_later(prescribed, 2))
        first = min((line["sampled_on"] for line in lines), default=None)
        invoice["spread_until"] = None
        if last and first:
            if min([first, *self.sampled_before(invoice)]) >= last:
                yield "PRE-005"
            else:
                ends = [day for day in (stated, prescribed and months_later(prescribed, 6)) if day]
                invoice["spread_until"] = max(ends)

    def sampled_before(self, invoice: Row) -> Iterator[date]:
        """The samplings earlier files were paid for on this prescription."""
        if self.facts.history is None or invoice["prescribed_on"] is None or invoice["prescriber"] is None:
            return
        names = ("person", "prescribed_on", "prescriber", "prescription_reference")
        for row in self.facts.history.rows.iter_rows(named=True):
            same = all(row[name] == invoice[name] for name in names)
            if same and row["billing_provider"] == self.biller:
                yield row["sampled_on"]

    def judge_line(self, head: Mapping[str, Any], invoice: Row, line: Row, judged: Judged) -> None:
        codes = [
            *self.day_codes(head, invoice, line),
            *self.executing_codes(head, line),
            *self.act_codes(head, invoice, line),
        ]
        follow = {"EXE-002": ("EXE-001",), "EXE-003": ("EXE-001", "EXE-002")}
        for code in codes:
            root = next((other for other in follow.get(code, ()) if other in codes), None)
            judged.marks.add(("line", line["invoice"], line["number"], code, root))
        line["stands"] = not any(code not in ("PRI-001", "PRI-004") for code in codes)
        line["left"] = line["quantity"]

    def day_codes(self, head: Mapping[str, Any], invoice: Row, line: Row) -> Iterator[str]:
        if self.facts.insured is not None and invoice["some_day"] and not line["insured"]:
            yield "PER-004"
        if invoice["prescribed_on"] and invoice["prescribed_on"] > line["sampled_on"]:
            yield "PRE-004"
        if invoice["spread_until"] and line["sampled_on"] >= invoice["spread_until"]:
            yield "PRE-006"
        if line["date_of_service"] > head["sent_on"]:
            yield "DAT-001"
        if line["sampled_on"] > line["date_of_service"]:
            yield "DAT-002"

    def executing_codes(self, head: Mapping[str, Any], line: Row) -> Iterator[str]:
        code, biller, day = line["executing_provider"], head["billing_provider"], line["date_of_service"]
        if not right_provider(code):
            yield "EXE-001"
        if not self.provider_holds(code, day):
            yield "EXE-002"
        periods = self.executing.get((biller, code), ())
        declared = code == biller or any(holds(day, *period) for period in periods)
        if self.facts.executing is not None and not declared:
            yield "EXE-003"

    def act_codes(self, head: Mapping[str, Any], invoice: Row, line: Row) -> Iterator[str]:
        yield from self.nomenclature_codes(line)
        gross, net = line["gross_cents"], line["net_cents"]
        if gross < 0 or net < 0:
            yield "PRI-005"
        if net != gross:
            yield "PRI-003"
        if line["act"] in self.collective:
            yield from self.authorisation_codes(head, invoice, line)
        elif line["tariff"] is not None:
            due = line["tariff"] * line["quantity"]
            if gross != due:
                yield "PRI-001" if gross > due else "PRI-004"

    def nomenclature_codes(self, line: Row) -> Iterator[str]:
        """What is wrong with the act; its edition and its tariff, None where there is none."""
        day, letter = line["date_of_service"], self.letter_on(line["date_of_service"])
        act = self.act_on(line["act"], day)
        line["edition"] = act["edition"] if act else None
        line["tariff"], line["grant"] = None, None
        if act is None and line["act"] not in self.collective:
            yield "ACT-001"
        if line["complements"]:
            yield "ACT-002"
        if act and act["doctors_only"]:
            yield "ACT-003"
        if line["quantity"] < 1:
            yield "QTY-001"
        if act and letter is None:
            yield "PRI-002"
        elif act:
            # In ten-millionths of a euro; half a cent and more goes up.
            cents, rest = divmod(act["coefficient_hundredths"] * letter, 100_000)
            line["tariff"] = cents + (1 if rest >= 50_000 else 0)

    def act_on(self, act: str, day: date) -> Row | None:
        rows = (row for row in self.acts.get(act, ()) if holds(day, row["valid_from"], row["valid_until"]))
        return next(rows, None)

    def edition_of(self, act: str, day: date) -> str | None:
        """The edition that holds the act on that day; None where none does."""
        held = self.act_on(act, day)
        return held["edition"] if held else None

    def letter_on(self, day: date) -> int | None:
        at = bisect_right(self.letter_starts, day) - 1
        if at < 0:
            return None
        start, end, value = self.letters[at]
        return value if holds(day, start, end) else None

    def authorisation_codes(self, head: Mapping[str, Any], invoice: Row, line: Row) -> Iterator[str]:
        reference = line["authorisation_reference"]
        if not reference:
            yield "AUT-001"
            return
        if self.facts.authorisations is None:
            return
        grant = self.granted.get((reference, line["act"]))
        if grant is None:
            yield "AUT-001"
            return
        day = line["date_of_service"]
        too_early = self.collective[line["act"]] and day < grant["valid_from"]
        too_late = grant["valid_until"] is not None and day >= grant["valid_until"]
        if (
            grant["laboratory"] != head["billing_provider"]
            or self.stable(grant["insured_person"]) != invoice["person"]
            or too_early
            or too_late
        ):
            yield "AUT-002"
        else:
            line["grant"] = grant["granted_cents"]
            if line["gross_cents"] > line["grant"]:
                yield "PRI-001"
        if line["act"] == "LGE0001" and (reference, "LFE0001") not in self.granted:
            yield "AUT-003"

    def pay(self, line: Row, verdict: Verdict) -> None:
        """At most the tariff of what still stands; a price only the fund knows leaves the amount as asked."""
        if not line["stands"]:
            verdict.quantity, verdict.refused = 0, verdict.asked
            return
        due = line["grant"] if line["act"] in self.collective else line["tariff"] * line["left"]
        verdict.quantity = line["left"]
        verdict.paid = verdict.asked if due is None else min(verdict.asked, due)
        verdict.refused = verdict.asked - verdict.paid
        cut = verdict.refused > 0 or line["left"] < line["quantity"]
        verdict.outcome = "reduced" if cut else "paid"
