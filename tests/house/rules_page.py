"""docs/rules.md: what is checked, what we settled ourselves, and every reason in three languages."""

from collections.abc import Iterator

from caisse.agreement.rules.adjudication import ROOTS
from caisse.agreement.rules.checks import CHECKS, STAGED
from caisse.agreement.rules.file_checks import FILE_CHECKS
from caisse.agreement.rules.policies import all_policies
from caisse.agreement.tables import load_tables
from caisse.agreement.tables.reasons import FOLLOW_UPS, all_reasons
from tests.spec.cases import CASES, Case

_EFFECTS = {"refuse": "refused", "reduce": "reduced to what is due", "warn": "paid, with a warning"}


def page() -> str:
    """The page in Markdown; the same for the same rules."""
    return "\n".join([*_introduction(), *_file(), *_rows(), *_together(), *_policies(), *_reasons()])


def _introduction() -> Iterator[str]:
    yield "# Rules\n"
    yield "Printed from `caisse.agreement.rules` and the reasons' texts. How an amount comes about stands in"
    yield "`pricing.md`, what may not be billed together in `cumulation.md`. The cases are those of `tests/spec/`;"
    yield "`INV-1/2` is the second line of the first invoice, `A < B` means that A follows from B."
    yield "*Needs* names what only the fund knows: without it the practice's own check leaves the verdict open.\n"


def _file() -> Iterator[str]:
    yield "## The file by itself\n"
    yield "One error and the whole file is not conform.\n"
    for check in FILE_CHECKS:
        yield f"- {(check.__doc__ or '').strip()}"
    yield ""


def _rows() -> Iterator[str]:
    for level, title in (("invoice", "An invoice"), ("line", "A line")):
        yield f"## {title}\n"
        yield "| Code | What must hold | Article | Else | Needs | Follows from |"
        yield "|---|---|---|---|---|---|"
        for check in CHECKS:
            if check.level == level:
                needs, follows = ", ".join(check.needs), ", ".join(check.follows)
                whole = level == "invoice" and check.code in ROOTS
                effect = "all its lines refused" if whole else _EFFECTS[check.effect]
                yield f"| {check.code} | {check.name} | {check.article} | {effect} | {needs} | {follows} |"
        yield ""


def _together() -> Iterator[str]:
    yield "## Several lines, or what was paid before\n"
    yield "Of those that need the history the practice finds what stands in the file itself.\n"
    yield "| Code | What is wrong | Article | Needs |"
    yield "|---|---|---|---|"
    for code, needs in STAGED.items():
        reason = all_reasons()[code]
        yield f"| {code} | {reason.text('en')} | {reason.article} | {', '.join(needs)} |"
    yield ""


def _policies() -> Iterator[str]:
    yield "## What the texts leave open and we settled\n"
    yield "OURS, NOT PUBLISHED LAW (`src/caisse/agreement/rules/policies.toml`).\n"
    yield "| What | Because |"
    yield "|---|---|"
    for policy in all_policies().values():
        yield f"| {policy.text} | {policy.basis} |"
    months = ", ".join(
        f"{name.replace('_', ' ')} {count} months" for name, count in load_tables().deadlines.items()
    )
    yield f"\nDeadlines (`tables/deadlines.toml`, each with its source): {months}.\n"


def _reasons() -> Iterator[str]:
    yield "## Reasons\n"
    for key, words in FOLLOW_UPS.items():
        yield f"- *{key}*: {words['fr']} · {words['de']} · {words['en']}"
    yield ""
    for code, reason in all_reasons().items():
        yield f"### {code}\n"
        yield f"{reason.level} · {reason.severity} · {reason.kind} · {reason.follow_up} · {reason.article}\n"
        yield "| | What is wrong | How to go on |"
        yield "|---|---|---|"
        for lang in ("fr", "de", "en"):
            yield f"| {lang} | {reason.text(lang)} | {reason.remedy(lang)} |"
        yield ""
        yield from (_case(case) for case in CASES if case.code == code)
        yield ""


def _case(case: Case) -> str:
    found = ", ".join(f"`{text}`" for text in case.found) or "no finding"
    decided = ", ".join(
        f"{place} {outcome} {cents // 100}.{cents % 100:02}"
        for place, (outcome, cents) in case.decided.items()
    )
    if not case.conform:
        decided = "the file is not conform"
    return f"- {case.title} → {found}" + (f" → {decided}" if decided else "")
