"""The legal frame under which a profession exchanges files with the fund, by day.

>>> frame_of("laboratories", date(2026, 11, 22))
'LAB'
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache

from caisse.agreement.errors import BrokenSystem, WrongUse
from caisse.agreement.tables import package_data
from caisse.agreement.validity import holds_on

_SHAPE = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Frame:
    """A profession's frame in a half-open period; ``standing``: sourced, inferred or ours."""

    profession: str
    frame: str
    valid_from: date | None
    valid_until: date | None
    source: str
    standing: str


@cache
def frames() -> tuple[Frame, ...]:
    """Every frame; raises BrokenSystem when one has no source or belongs to two professions."""
    table = package_data.toml(package_data.folder("frames.toml"))
    return _checked(tuple(_frame(entry, table["sources"]) for entry in table["frames"]))


def _frame(entry: Mapping[str, object], sources: Mapping[str, str]) -> Frame:
    source, standing = str(entry.get("source", "")), str(entry["standing"])
    if (standing == "ours") is bool(source) or (source and source not in sources):
        raise BrokenSystem(f"frames.toml: {entry} has no source, or needs none.")
    start, end = entry.get("valid_from"), entry.get("valid_until")
    return Frame(
        str(entry["profession"]), str(entry["frame"]), start if isinstance(start, date) else None,
        end if isinstance(end, date) else None, sources.get(source, ""), standing,
    )  # fmt: skip


def _checked(found: tuple[Frame, ...]) -> tuple[Frame, ...]:
    holders: dict[str, str] = {}
    for one in found:
        if not _SHAPE.fullmatch(one.frame) or holders.setdefault(one.frame, one.profession) != one.profession:
            raise BrokenSystem(
                f"frames.toml: {one.frame} is no frame of three letters, or of two professions."
            )
    return found


def frame_of(profession: str, day: date) -> str:
    """The three letters of a profession's frame on a day; raises WrongUse when it has none."""
    for one in frames():
        if one.profession == profession and holds_on(day, one.valid_from, one.valid_until):
            return one.frame
    raise WrongUse(f"{profession} has no legal frame for the exchange on {day}.")
