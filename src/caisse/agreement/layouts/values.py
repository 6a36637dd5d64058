"""One value from the wire to the tables: white space collapsed as in xs:token, then by the column's type."""

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

_SPACE: Final = re.compile(r"[ \t\r\n]+")
_ONE_DAY: Final = timedelta(days=1)

Value = str | int | bool | date | None


def collapse(text: str) -> str:
    """White space of XML (space, tab, line ends) collapsed to single spaces, none at the ends."""
    if " " in text or "\n" in text or "\t" in text or "\r" in text:
        return _SPACE.sub(" ", text).strip(" ")
    return text


def cents(text: str) -> int:
    """Cents of an xs:decimal of at most two decimals, exactly."""
    if text[-3:-2] == ".":
        return int(text[:-3] + text[-2:])
    return int(Decimal(text).scaleb(2))


def day_after(text: str) -> date:
    """The first day that no longer counts, from the last that does."""
    return date.fromisoformat(text) + _ONE_DAY


#: Reads a value that the schema has accepted and whose white space is collapsed.
FROM_TEXT: Final[Mapping[str, Callable[[str], Value]]] = {
    "text": str,
    "words": str,
    "int32": int,
    "int64": int,
    "cents": cents,
    "date": date.fromisoformat,
    "last_day": day_after,
    "yes_no": "O".__eq__,
}


def read_value(text: str | None, column_type: str) -> Value:
    """The value of an element's text; None when it is absent or empty."""
    bare = collapse(text) if text else ""
    return FROM_TEXT[column_type](bare) if bare else None
