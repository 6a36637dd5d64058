"""Data files of this package, read through importlib.resources so that an installed wheel works too."""

import csv
import io
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any


def folder(*parts: str) -> Traversable:
    """A folder or file below ``caisse/agreement/tables``."""
    return files(__package__ or "caisse.agreement.tables").joinpath(*parts)


def toml(source: Traversable) -> dict[str, Any]:
    """The content of a TOML file."""
    return tomllib.loads(source.read_text(encoding="utf-8"))


def rows(source: Traversable) -> Iterator[dict[str, str]]:
    """The rows of a CSV file, one dictionary each."""
    return csv.DictReader(io.StringIO(source.read_text(encoding="utf-8"), newline=""))
