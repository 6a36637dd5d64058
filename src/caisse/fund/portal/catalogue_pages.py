"""What the catalogue says about a profession, put in order for its page."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from caisse.agreement.tables.professions import Catalogue, Condition, Profession
from caisse.fund.portal.words import STANDINGS, Word, pick, word


@dataclass(frozen=True, slots=True)
class Asked:
    """A document that a profession has to attach, why, and under which answers only."""

    label: str
    why: str
    when: tuple[str, ...]
    days: str
    online: bool


def documents_asked(catalogue: Catalogue, profession: Profession, kind: str = "new_code") -> list[Asked]:
    """The documents of a kind of case, also those that only some answers ask for."""
    return list(_asked(catalogue, profession, kind))


def _asked(catalogue: Catalogue, profession: Profession, kind: str) -> Iterator[Asked]:
    for rule in catalogue.content.rules:
        if kind not in rule.kinds or (
            rule.professions is not None and profession.key not in rule.professions
        ):
            continue
        traits = Condition(tuple(one for one in rule.when.literals if one.kind == "trait"))
        if not traits.holds({}, profession.traits):
            continue
        key = profession.licence if rule.document.startswith("@") else rule.document
        document = catalogue.documents[key]
        label = pick(document.label)
        if document.per:
            part = catalogue.parts[document.per]
            each = ", ".join(pick(name) for name in part.members.values())
            label = f"{label} – {each or _('one for each: {part}').format(part=pick(part.label))}"
        why = pick(rule.why) or pick(document.why)
        yield Asked(label, why, _when(catalogue, rule.when), _days(document), document.online)


def _when(catalogue: Catalogue, condition: Condition) -> tuple[str, ...]:
    said = []
    for one in condition.literals:
        if one.kind == "fact":
            question = pick(catalogue.facts[one.name].question)
            said.append(
                (_("If yes to: {question}") if one.wanted else _("If no to: {question}")).format(
                    question=question
                )
            )
    return tuple(said)


def _days(document: object) -> str:
    said = []
    if document.max_age_months:
        said.append(_("not older than {months} months").format(months=document.max_age_months))
    if document.issued == "required":
        said.append(_("with its date of issue"))
    if document.expires == "required":
        said.append(_("with its last day of validity"))
    return ", ".join(said)


def sources_of(catalogue: Catalogue, profession: Profession) -> list[tuple[str, Word]]:
    """The sources of what the page says, each once, with how far they carry."""
    found: dict[str, Word] = {}
    dated = [*profession.duties, *profession.conventions]
    for entry in (profession, *dated):
        if entry.source:
            found.setdefault(entry.source, word(STANDINGS, entry.standing))
    if profession.offered:
        for wanted in catalogue.requirements("new_code", profession.key, {}):
            if wanted.source:
                found.setdefault(wanted.source, word(STANDINGS, wanted.standing))
    return list(found.items())
