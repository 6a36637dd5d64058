"""The same rules as a plain loop over rows, written from the regulation and docs/pricing.md: the tests' oracle.

It shares no code with `caisse.agreement.rules`. It is slow and says what is meant.
"""

from bisect import bisect_right
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from caisse.agreement.rules import Batch, Facts
from caisse.agreement.tables import Tables

Row = dict[str, Any]
#: (level, invoice, line, code, follows)
Mark = tuple[str, int | None, int | None, str, str | None]


@dataclass
class Verdict:
    """What a line came to."""

    quantity: int
    asked: int
    paid: int = 0
    patient: int = 0
    refused: int = 0
    outcome: str = "refused"


@dataclass
class Judged:
    """Decisions line by line, findings as marks, in the shape the tests compare."""

    lines: list[Verdict] = field(default_factory=list)
    marks: set[Mark] = field(default_factory=set)


def months_later(day: date, months: int) -> date:
    """The day after the deadline: the last day that counts has the same number as ``day``."""
    year, month = day.year + (day.month - 1 + months) // 12, (day.month - 1 + months) % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1])) + timedelta(days=1)


def holds(day: date, start: date, end: date | None) -> bool:
    return start <= day and (end is None or day < end)


def luhn(eleven: str) -> int:
    total = 0
    for place, digit in enumerate(reversed(eleven)):
        doubled = int(digit) * 2 if place % 2 == 0 else int(digit)
        total += doubled - 9 if doubled > 9 else doubled
    return -total % 10


def verhoeff(eleven: str) -> int:
    """The check digit, by the symmetries of a pentagon: 0-4 turn, 5-9 turn and flip."""

    def after(first: int, second: int) -> int:
        turn, flip = first % 5, first >= 5
        moved = (turn - second % 5) if flip else (turn + second % 5)
        return moved % 5 + (5 if flip != (second >= 5) else 0)

    permute = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]
    check = 0
    for place, digit in enumerate(reversed(eleven), start=1):
        value = int(digit)
        for _ in range(place % 8):
            value = permute[value]
        check = after(check, value)
    return next(digit for digit in range(10) if after(check, digit) == 0)


def right_provider(code: int) -> bool:
    return 10_000_000 <= code <= 99_999_999 and code // 100 % 97 == code % 100


def number_faults(number: int) -> list[str]:
    """PER-001, PER-002, PER-003 as far as they hold."""
    text = str(number)
    if len(text) != 13 or number < 0:
        return ["PER-001"]
    year, month, day = int(text[:4]), int(text[4:6]), int(text[6:8])
    exists = month <= 12 and day <= (31 if month == 0 else monthrange(year, month)[1])
    faults = [] if exists else ["PER-001"]
    if int(text[11]) != luhn(text[:11]):
        faults.append("PER-002")
    if int(text[12]) != verhoeff(text[:11]):
        faults.append("PER-003")
    return faults


class Oracle:
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
        self.excluded = defaultdict(set)
        for edition, act, other in tables.incompatible.select("edition", "act", "other").iter_rows():
            self.excluded[edition, act].add(other)
        self.maxima: dict[tuple[str, str], int] = {}
        for edition, act, maximum in tables.act_maxima.select("edition", "act", "maximum").iter_rows():
            self.maxima[edition, act] = min(maximum, self.maxima.get((edition, act), maximum))
        members = defaultdict(set)
        for edition, group, act in tables.group_members.select("edition", "group", "act").iter_rows():
            members[edition, group].add(act)
        self.groups = [
            ("CUM-003", row, row["maximum"], row["counts"] == "acts", members[row["edition"], row["group"]])
            for row in tables.group_maxima.iter_rows(named=True)
        ] + [
            ("CUM-004", row, row["pregnancy_maximum"], False, members[row["edition"], row["group"]])
            for row in tables.section_maxima.iter_rows(named=True)
        ]
        self.texts = defaultdict(list)
        for row in tables.text_rules.iter_rows(named=True):
            self.texts[row["edition"], row["act"]].append(row)
        self.repeatable = set(self.maxima)
        for code, row, _, by_acts, acts in self.groups:
            if by_acts or code == "CUM-004":
                self.repeatable |= {(row["edition"], act) for act in acts}
        self.repeatable |= {
            place
            for place, rows in self.texts.items()
            if any(row["why"] == "counts per a unit the file does not show" for row in rows)
        }

    def judge(self, batch: Batch) -> Judged:
        """Decide a file line by line."""
        invoices = list(batch.invoices.iter_rows(named=True))
        lines = list(batch.lines.iter_rows(named=True))
        return self.judge_rows(batch.header, invoices, lines)

    def judge_rows(self, head: Mapping[str, Any], invoices: list[Row], lines: list[Row]) -> Judged:
        """The same over rows, which it marks as it goes."""
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
            if first >= last:
                yield "PRE-005"
            else:
                ends = [day for day in (stated, prescribed and months_later(prescribed, 6)) if day]
                invoice["spread_until"] = max(ends)

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
        rows = (
            row for row in self.acts.get(line["act"], ()) if holds(day, row["valid_from"], row["valid_until"])
        )
        act = next(rows, None)
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

    def judge_together(
        self, head: Mapping[str, Any], invoices: list[Row], lines: list[Row], judged: Judged
    ) -> None:
        """Rules over several lines; each sees what the ones before it left."""

        def refuse(line: Row, code: str) -> None:
            line["stands"], line["left"] = False, 0
            judged.marks.add(("line", line["invoice"], line["number"], code, None))

        for line in lines:
            invoice = invoices[line["invoice"]]
            line["unit"] = (invoice["person"], line["sampled_on"])
            line["prescription"] = tuple(
                invoice[name] for name in ("person", "prescriber", "prescribed_on", "prescription_reference")
            )
        used = set()
        if self.facts.authorisations is not None:
            for line in lines:
                if line["act"] in self.collective:
                    key = (line["authorisation_reference"], line["act"])
                    if key in used or (self.granted.get(key) or {}).get("used_by"):
                        refuse(line, "AUT-002")
                    used.add(key)
        self.refuse_paid_before(head, invoices, lines, refuse)
        seen = set()
        for line in self.standing(lines):
            if line["act"] in self.collective or (line["edition"], line["act"]) in self.repeatable:
                continue
            if (line["unit"], line["act"]) in seen:
                refuse(line, "DUP-002")
            seen.add((line["unit"], line["act"]))
        self.refuse_excluded(lines, refuse)
        self.cut_maxima(invoices, lines, judged)
        self.warn_of_texts(lines, judged)

    def standing(self, lines: list[Row]) -> Iterator[Row]:
        return (line for line in lines if line["stands"])

    def refuse_paid_before(self, head, invoices, lines, refuse) -> None:
        if self.facts.history is None:
            return
        keys = self.paid_keys()
        for line in self.standing(lines):
            person = invoices[line["invoice"]]["person"]
            # A collective code is paid once an authorisation, however often a day.
            if (
                line["act"] not in self.collective
                and (person, line["act"], line["date_of_service"], head["billing_provider"]) in keys
            ):
                refuse(line, "DUP-001")

    def paid_keys(self) -> set[tuple[Any, ...]]:
        """The full keys of the history, read from the test's own rows."""
        if not hasattr(self, "_paid_keys"):
            self._paid_keys = {row[:4] for row in self.facts.history.rows.iter_rows()}
        return self._paid_keys

    def refuse_excluded(self, lines: list[Row], refuse) -> None:
        kept = defaultdict(set)
        out = set()
        for line in list(self.standing(lines)):
            place, act = line["unit"], line["act"]
            if (place, act) in out:
                refuse(line, "CUM-001")
            elif act not in kept[place]:
                # The edition of the later act says what it is not cumulable with.
                if self.excluded.get((line["edition"], act), set()) & kept[place]:
                    out.add((place, act))
                    refuse(line, "CUM-001")
                else:
                    kept[place].add(act)

    def cut(self, line: Row, allowed: int, code: str, judged: Judged) -> None:
        """Leave at most ``allowed`` of the line's quantity."""
        if allowed < line["left"]:
            line["left"] = max(allowed, 0)
            line["stands"] = line["left"] > 0
            judged.marks.add(("line", line["invoice"], line["number"], code, None))

    def cut_maxima(self, invoices: list[Row], lines: list[Row], judged: Judged) -> None:
        count: dict[Any, int] = defaultdict(int)
        for line in self.standing(lines):
            maximum = self.maxima.get((line["edition"], line["act"]))
            if maximum is not None:
                key = (line["unit"], line["act"])
                before, count[key] = count[key], count[key] + line["left"]
                self.cut(line, maximum - before, "CUM-002", judged)
        for code, row, extended, by_acts, members in self.groups:
            within = [
                line
                for line in self.standing(lines)
                if line["edition"] == row["edition"] and line["act"] in members
            ]
            place = "prescription" if row["per"] == "prescription" else "unit"
            if by_acts:
                self.cut_acts(within, place, row["maximum"], judged)
                continue
            totals: dict[Any, int] = defaultdict(int)
            for line in within:
                first_check = code == "CUM-004" and invoices[line["invoice"]]["first_pregnancy_check"]
                maximum = extended if first_check and extended is not None else row["maximum"]
                before, totals[line[place]] = totals[line[place]], totals[line[place]] + line["left"]
                self.cut(line, maximum - before, code, judged)

    def cut_acts(self, lines: list[Row], place: str, maximum: int, judged: Judged) -> None:
        """Every different act counts once and stands or falls with all its lines."""
        counted = defaultdict(list)
        for line in lines:
            acts = counted[line[place]]
            if line["act"] not in acts:
                acts.append(line["act"])
            self.cut(line, line["left"] if acts.index(line["act"]) < maximum else 0, "CUM-003", judged)

    def warn_of_texts(self, lines: list[Row], judged: Judged) -> None:
        paid = list(self.standing(lines))
        quantity: dict[Any, int] = defaultdict(int)
        present = defaultdict(set)
        for line in paid:
            quantity[line["unit"], line["act"], line["edition"]] += line["left"]
            present[line["unit"]].add(line["act"])
        warned = set()
        for line in paid:
            key = (line["invoice"], line["act"])
            rules = self.texts.get((line["edition"], line["act"]), ())
            if key in warned or not any(self.matters(rule, line, quantity, present) for rule in rules):
                continue
            warned.add(key)
            judged.marks.add(("line", line["invoice"], line["number"], "CUM-900", None))

    def matters(self, rule: Row, line: Row, quantity, present) -> bool:
        acts, unit = [line["act"], *rule["others"]], line["unit"]
        if rule["above"] is not None:
            together = sum(quantity.get((unit, act, line["edition"]), 0) for act in acts)
            return together > rule["above"]
        return not rule["others"] or bool(present[unit] & set(rule["others"]))

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
