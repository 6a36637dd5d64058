"""The oracle's rules over several lines of a file, and over what earlier files were paid."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from caisse.agreement.rules import Facts
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


_PRESCRIPTION = ("person", "prescriber", "prescribed_on", "prescription_reference")


class Together:
    """What the loop does once every line was judged by itself; `Oracle` reads the registers."""

    facts: Facts
    granted: dict[tuple[str, str], Row]
    collective: dict[str, bool]
    edition_of: Callable[[str, date], str | None]

    def read_rules(self, tables: Tables) -> None:
        """The rules of cumulation as dictionaries."""
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

    def judge_together(
        self, head: Mapping[str, Any], invoices: list[Row], lines: list[Row], judged: Judged
    ) -> None:
        """Rules over several lines; each sees what the ones before it left."""

        def refuse(line: Row, code: str) -> None:
            if line["settled"]:
                return
            line["stands"], line["left"] = False, 0
            judged.marks.add(("line", line["invoice"], line["number"], code, None))

        for line in lines:
            invoice = invoices[line["invoice"]]
            line["settled"] = False
            line["unit"] = (invoice["person"], line["sampled_on"])
            line["prescription"] = tuple(invoice[name] for name in _PRESCRIPTION)
        self.refuse_used(lines, refuse)
        self.refuse_paid_before(head, invoices, lines, refuse)
        # What earlier files were paid comes first, counts, and is taken from by nothing.
        lines = [*self.settled(head), *lines]
        self.refuse_repeated(lines, refuse)
        self.refuse_excluded(lines, refuse)
        self.cut_maxima(invoices, lines, judged)
        self.warn_of_texts(lines, judged)

    def refuse_used(self, lines: list[Row], refuse) -> None:
        if self.facts.authorisations is None:
            return
        used = set()
        for line in lines:
            if line["act"] in self.collective:
                key = (line["authorisation_reference"], line["act"])
                if key in used or (self.granted.get(key) or {}).get("used_by"):
                    refuse(line, "AUT-002")
                used.add(key)

    def refuse_repeated(self, lines: list[Row], refuse) -> None:
        seen = set()
        for line in self.standing(lines):
            if line["act"] in self.collective or (line["edition"], line["act"]) in self.repeatable:
                continue
            if (line["unit"], line["act"]) in seen:
                refuse(line, "DUP-002")
            seen.add((line["unit"], line["act"]))

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
            keys = self.facts.history.rows.select("person", "act", "date_of_service", "billing_provider")
            self._paid_keys = set(keys.iter_rows())
        return self._paid_keys

    def settled(self, head: Mapping[str, Any]) -> Iterator[Row]:
        """Every line this laboratory was paid before, in the shape of a line that still stands."""
        if self.facts.history is None:
            return
        for row in self.facts.history.rows.iter_rows(named=True):
            if row["billing_provider"] == head["billing_provider"]:
                yield {
                    "settled": True,
                    "stands": True,
                    "invoice": None,
                    "act": row["act"],
                    "left": row["quantity"],
                    "edition": self.edition_of(row["act"], row["date_of_service"]),
                    "unit": (row["person"], row["sampled_on"]),
                    "prescription": tuple(row[name] for name in _PRESCRIPTION),
                }

    def refuse_excluded(self, lines: list[Row], refuse) -> None:
        kept = defaultdict(set)
        out = set()
        for line in list(self.standing(lines)):
            place, act = line["unit"], line["act"]
            if (place, act) in out:
                refuse(line, "CUM-001")
            elif line["settled"]:
                kept[place].add(act)
            elif act not in kept[place]:
                # The edition of the later act says what it is not cumulable with.
                if self.excluded.get((line["edition"], act), set()) & kept[place]:
                    out.add((place, act))
                    refuse(line, "CUM-001")
                else:
                    kept[place].add(act)

    def cut(self, line: Row, allowed: int, code: str, judged: Judged) -> None:
        """Leave at most ``allowed`` of the line's quantity."""
        if allowed < line["left"] and not line["settled"]:
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
                maximum = row["maximum"]
                if code == "CUM-004" and extended is not None and not line["settled"]:
                    first_check = invoices[line["invoice"]]["first_pregnancy_check"]
                    maximum = extended if first_check else maximum
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
            if line["settled"]:
                continue
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
