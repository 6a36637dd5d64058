"""Every case the catalogue knows, with every way to answer its questions."""

from collections.abc import Iterator
from datetime import date
from itertools import product

from caisse.agreement.tables.professions import Catalogue, catalogue_on

DAY = date(2026, 11, 22)


def catalogue() -> Catalogue:
    return catalogue_on(DAY)


def cases(of: Catalogue | None = None) -> list[tuple[str, str]]:
    """Every kind of case with every profession that can open it."""
    held = of or catalogue()
    return [(kind.key, profession) for profession in held.professions for kind in held.kinds_for(profession)]


def answers(kind: str, profession: str, of: Catalogue | None = None) -> Iterator[dict[str, bool]]:
    """Every combination of yes and no."""
    facts = [fact.key for fact in (of or catalogue()).facts_for(kind, profession)]
    for given in product((False, True), repeat=len(facts)):
        yield dict(zip(facts, given, strict=True))


def documents(kind: str, profession: str, *yes: str, **counts: int) -> list[str]:
    """What is required when these questions are answered with yes: ``document`` or ``document/part``."""
    required = catalogue().requirements(kind, profession, dict.fromkeys(yes, True), counts)
    return [f"{one.document}/{one.part}" if one.part else one.document for one in required]
