"""What the catalogue of professions says to the register: ranges of codes, associations, lapses, licences."""

from datetime import date

from caisse.agreement.errors import WrongUse
from caisse.agreement.tables.professions import LicenceKind, Profession, Range, catalogue_on

#: The range common codes of associations come from.
_COMMON = "associations"


def _profession(key: str, on: date) -> Profession:
    found = catalogue_on(on).professions.get(key)
    if found is None:
        raise WrongUse(f"The catalogue of {on} has no profession {key!r}.")
    return found


def code_range(profession: str, on: date, *, common: bool = False) -> Range:
    """The range a new code comes from; ``common``: one of an association. WrongUse when none is offered."""
    found = _profession(profession, on)
    if not found.offered:
        raise WrongUse(f"No code is offered to {profession}.")
    return catalogue_on(on).ranges[_COMMON if common else found.range]


def association_rule(profession: str, on: date) -> str | None:
    """What members of an association have in common: "speciality", "profession", or None: they may not."""
    return _profession(profession, on).associates


def fewest_members(on: date) -> int:
    """An association ends when fewer than so many members remain."""
    return catalogue_on(on).period("association_members")


def warning_days(on: date) -> tuple[int, ...]:
    """How many days ahead of a lapse its holder is warned, longest first."""
    return catalogue_on(on).warnings


def licence_kind(key: str, on: date) -> LicenceKind:
    """A kind of licence; raises WrongUse when the catalogue of that day has none of this name."""
    licences = catalogue_on(on).licences
    if key not in licences:
        raise WrongUse(f"{key!r} is no kind of licence; there are {', '.join(sorted(licences))}.")
    return licences[key]


def on_lapse(kind: str, on: date) -> str:
    """What the end of a licence does to the codes that rest on it: "suspends", "ends", "noted" (nothing)."""
    found = catalogue_on(on).licences.get(kind)
    # A kind a later edition no longer has: what it closed can be opened again, so the code is not ended.
    return found.on_lapse if found else "suspends"


def provider_kind(profession: str, on: date) -> str:
    """Whether those of a profession are entered as a "person" or, for establishments, a "company"."""
    found = catalogue_on(on).professions.get(profession)
    return "company" if found and found.code_kind == "establishment" else "person"
