"""Prints docs/rules.md: every reason with its words, its checks and its cases; and what we decided ourselves."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from caisse.agreement.money import text_from_cents
from caisse.agreement.rules import CHECKS
from caisse.agreement.rules.policies import all_policies
from caisse.agreement.tables import package_data
from caisse.agreement.tables.reasons import reason
from tests.spec.cases import CASES, WORLD, Case

_LANGUAGES = {"fr": "Français", "de": "Deutsch", "en": "English"}


def rules() -> str:
    """The document, from the reasons, the checks, the policies and the cases."""
    codes = list(package_data.toml(package_data.folder("reasons", "laboratory.toml")))
    parts = [
        "# The rules of a laboratory's invoices\n",
        "What is checked, in which words it is told, and cases that show it. Every case is run by the tests.\n"
        "A finding that follows from another is written `CODE place < root`; the root alone has to be corrected.\n",
        *_contents(codes),
        "## Where we decided\n",
        "Not published law: what the texts leave open, as `caisse/agreement/rules/policies.toml` settles it.\n",
        "| Policy | What it says | What it rests on |\n|---|---|---|",
        *(f"| `{one.name}` | {one.text} | {one.basis} |" for one in all_policies().values()),
        "\n## The world of the cases\n",
        *_world(),
        *(text for code in codes for text in _reason(code)),
    ]
    return "\n".join(parts)


def _contents(codes: Iterable[str]) -> Iterator[str]:
    yield "| Code | Level | Severity | What is wrong | Then |\n|---|---|---|---|---|"
    for code in codes:
        entry = reason(code)
        told = (f"[{code}](#{code.lower()})", entry.level, entry.severity, entry.text("en"))
        yield f"| {' | '.join(told)} | {entry.follow_up_text('en')} |"
    yield ""


def _world() -> Iterator[str]:
    yield "All cases are sent on 2024-04-02 by laboratory 52001700. Unless a case says otherwise a line is of"
    yield "2024-03-12, prescribed on 2024-03-01 by 90000135 for person 1980010100187, and asks for its tariff.\n"
    for name, rows in WORLD.items():
        yield f"* {name}: " + " · ".join(" ".join(_word(value) for value in row) for row in rows)
    yield ""


def _reason(code: str) -> Iterator[str]:
    entry = reason(code)
    yield f"## {code}\n"
    yield f"{entry.article} · {entry.level} · {entry.severity} · {entry.follow_up_text('en')}\n"
    for language, name in _LANGUAGES.items():
        yield f"* {name}: {entry.text(language)} {entry.remedy(language)}"
    names = [check.name for check in CHECKS if check.code == code]
    if names:
        yield "\nChecked: " + "; ".join(names) + "."
    for case in (case for case in CASES if case.code == code):
        yield from _case(case)
    yield ""


def _case(case: Case) -> Iterator[str]:
    yield f"\n**{case.title}**\n"
    yield "```"
    if case.header:
        yield f"file {_words(case.header)}"
    for number, invoice in enumerate(case.invoices, start=1):
        yield f"INV-{number} {_words({name: value for name, value in invoice.items() if name != 'lines'})}".rstrip()
        for at, line in enumerate(invoice["lines"], start=1):
            place = f"INV-{number}/{at}"
            yield f"  {place} {_words(line)}{_decision(case, place)}"
    for person, act, day in case.paid_before:
        yield f"paid before: {person} {act} {day}"
    if case.not_known:
        yield f"not looked up: {', '.join(case.not_known)}"
    yield f"found: {' · '.join(case.found) or 'nothing'}"
    yield "```" if case.conform else "the file is not conform\n```"


def _decision(case: Case, place: str) -> str:
    if place not in case.decided:
        return ""
    outcome, cents = case.decided[place]
    return f"  → {outcome}, {text_from_cents(cents)} EUR"


def _words(given: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={_word(value)}" for name, value in given.items())


def _word(value: Any) -> str:
    return "–" if value is None else str(value)
