"""What can be wrong in a register file, in words: where, what was found, what is expected, how to go on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from tomllib import loads

import polars as pl

from caisse.fund.registry.errors import RegisterRefused

#: At most so many faults are named; the rest are counted.
FAULTS_NAMED = 200

#: The column of a frame that says on which line of the file a row stands (UInt32).
LINE = "line"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong; ``line`` 0 is the file as a whole. ``words`` fill the text's brackets."""

    line: int
    column: str
    kind: str
    found: str | None = None
    words: dict[str, str] = field(default_factory=dict)

    def expected(self, language: str) -> str:
        """What should stand there, in ``fr``, ``de`` or ``en``."""
        return texts()[self.kind]["expected"][language].format(**self.words)

    def remedy(self, language: str) -> str:
        """How to go on."""
        return texts()[self.kind]["remedy"][language].format(**self.words)

    def sentence(self, language: str) -> str:
        """All of it on one line."""
        said = texts()["words"]
        place = said["line"][language].format(line=self.line) if self.line else said["file"][language]
        column = f", {self.column}" if self.column else ""
        found = "" if self.found is None else f"{said['found'][language]} {self.found!r}; "
        expected = f"{said['expected'][language]} {self.expected(language)}"
        return f"{place}{column}: {found}{expected}. {self.remedy(language)}"

    def as_dict(self, language: str) -> dict[str, object]:
        """For JSON."""
        return {
            "line": self.line or None,
            "column": self.column or None,
            "fault": self.kind,
            "found": self.found,
            "expected": self.expected(language),
            "remedy": self.remedy(language),
        }


@cache
def texts() -> dict[str, dict[str, dict[str, str]]]:
    """Every kind of fault with its texts in three languages."""
    return loads(files(__package__).joinpath("register_faults.toml").read_text(encoding="utf-8"))


def faults_where(frame: pl.DataFrame, broken: pl.Expr, kind: str, column: str, **words: str) -> list[Fault]:
    """One fault for each row of ``frame`` where ``broken`` is true."""
    lines = frame.filter(broken).select(LINE, pl.col(column).cast(pl.String))
    return [Fault(line, column, kind, found, words) for line, found in lines.iter_rows()]


def refuse(faults: Iterable[Fault]) -> None:
    """Raise RegisterRefused, in the order of the file, if there is any fault."""
    found: Sequence[Fault] = sorted(faults, key=lambda fault: fault.line)
    if found:
        raise RegisterRefused(found[:FAULTS_NAMED], max(0, len(found) - FAULTS_NAMED))
