"""The cumulation rules as a page of documentation: the grammar, what became of it, and what stayed text."""

from collections.abc import Iterable, Iterator

from caisse.agreement.tables import package_data
from caisse.agreement.tables.cumulation.grammar import FORMS, TextRule, clauses, form_of
from caisse.agreement.tables.cumulation.reading import EditionRules, coverage, parse_edition
from caisse.agreement.tables.editions import read_editions


def page(profession: str = "laboratories") -> str:
    """The page in Markdown; the same for the same data."""
    editions = [parse_edition(edition) for edition in read_editions(profession)]
    return "\n".join([*_introduction(), *_shares(editions), *_forms(editions), *_kept(editions[-1])]) + "\n"


def _introduction() -> Iterator[str]:
    unit = package_data.toml(package_data.folder("ours", "cumulation_unit.toml"))
    yield "# Cumulation rules\n"
    yield "The nomenclature of laboratories prints, act by act, what may not be billed together and how often"
    yield "an act counts. These French texts are read clause by clause; a clause that holds only under a"
    yield "condition the file does not show stays text and warns (CUM-900), it never refuses.\n"
    yield f'A rule that names no unit holds per {", ".join(unit["unit"])}; one "par prescription" per'
    yield f"{', '.join(unit['prescription'])}. Both are our decision (`tables/ours/cumulation_unit.toml`).\n"


def _shares(editions: Iterable[EditionRules]) -> Iterator[str]:
    yield "## Share structured\n"
    yield "| Edition | Cells | Fully structured | In part | Text only |"
    yield "|---|---:|---:|---:|---:|"
    for rules in editions:
        share = coverage(rules)
        yield f"| {share.edition} | {share.cells} | {share.full} | {share.part} | {share.text} |"
    yield ""


def _forms(editions: Iterable[EditionRules]) -> Iterator[str]:
    printed = [text for rules in editions for cell in rules.cells for text in clauses(cell.text)]
    yield "## The grammar\n"
    yield "Tried in this order. Clauses are counted over all editions.\n"
    yield "| Form | Clauses | Example |"
    yield "|---|---:|---|"
    for form in FORMS:
        count = sum(form_of(text) is form for text in printed)
        yield f"| {form.name} | {count} | {form.example} |"
    yield ""


def _kept(rules: EditionRules) -> Iterator[str]:
    yield f"## Kept as text, edition {rules.edition}\n"
    yield "| Clause | Why | Acts |"
    yield "|---|---|---|"
    acts: dict[tuple[str, str], list[str]] = {}
    for rule in rules.rules(TextRule):
        acts.setdefault((rule.text, rule.why), []).append(rule.act)
    for (text, why), named in acts.items():
        yield f"| {text} | {why} | {', '.join(named)} |"
    yield ""
    yield "Remarks on whole sections kept as text:\n"
    for remark in rules.section_texts:
        yield f"- {remark.section.rpartition(' > ')[2]}: {remark.text}"
