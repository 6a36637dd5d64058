"""The catalogues of the interface: `make messages` extracts what is to be translated and compiles what is.

Each room of the fund has its own catalogue per language, in `src/caisse/fund/<room>/locale`. Babel reads Python;
Django itself turns a template into Python that Babel can read, as its own makemessages does for xgettext. So
GNU gettext need not be installed.
"""

import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

FUND = Path(__file__).parents[2] / "src" / "caisse" / "fund"
LANGUAGES = ("fr", "de")
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
#: A date that never changes, so that a catalogue changes only when its texts do.
_DATE = datetime(2026, 1, 1, tzinfo=UTC)

Found = tuple[int, object, list[str], str | None]


def rooms() -> list[Path]:
    """Every folder of the fund that may have texts of its own."""
    return sorted(path.parent for path in FUND.glob("*/__init__.py"))


def python_of_template(text: str, name: str) -> str:
    """A template as Python that holds its translatable texts, on the lines where they stood."""
    return "\n".join(line.lstrip() for line in templatize(text, origin=name).splitlines())


def texts_of(path: Path) -> Iterator[Found]:
    """The translatable texts of one file, with their lines."""
    content = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        content = python_of_template(content, str(path))
    source = io.BytesIO(content.encode())
    yield from extract("python", source, KEYWORDS, ("Translators:",), strip_comment_tags=True)


def sources(room: Path) -> list[Path]:
    """The files of a room that may hold texts."""
    templates = [path for kind in ("*.html", "*.txt") for path in room.glob(f"templates/**/{kind}")]
    code = [path for path in room.rglob("*.py") if "migrations" not in path.parts]
    return sorted(code + templates)


def template_of(room: Path) -> Catalog:
    """Every text of a room, untranslated, with the files it stands in."""
    catalog = Catalog(charset="utf-8", project="caisse", creation_date=_DATE)
    for path in sources(room):
        for _line, message, comments, context in texts_of(path):
            place = (path.relative_to(room).as_posix(), None)
            catalog.add(message, locations=[place], auto_comments=comments, context=context)
    return catalog


def po_file(room: Path, language: str) -> Path:
    """Where a room's catalogue in a language lies."""
    return room / "locale" / language / "LC_MESSAGES" / "django.po"


def read(path: Path, language: str) -> Catalog:
    """A catalogue, empty when there is none yet."""
    if not path.exists():
        return Catalog(locale=language, charset="utf-8", creation_date=_DATE)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def updated(room: Path, language: str) -> Catalog:
    """The catalogue as it should be: the room's texts of today with the translations there are."""
    before = read(po_file(room, language), language)
    now = Catalog(
        locale=language, charset="utf-8", project="caisse", version="fund", creation_date=_DATE, revision_date=_DATE,
        msgid_bugs_address="none", last_translator="the project", language_team=language, header_comment="# The fund's interface.", fuzzy=False,
    )  # fmt: skip
    for message in template_of(room):
        if message.id:
            old = before.get(_first(message), context=message.context)
            same = old is not None and old.id == message.id
            now.add(
                message.id, old.string if same and old is not None else None, message.locations, message.flags,
                message.auto_comments, (), context=message.context,
            )  # fmt: skip
    return now


def _first(message: Message) -> str:
    return message.id[0] if isinstance(message.id, tuple | list) else message.id


def as_po(catalog: Catalog) -> bytes:
    """The catalogue as a .po file."""
    target = io.BytesIO()
    write_po(target, catalog, width=110, sort_output=False, include_lineno=False, ignore_obsolete=True)
    return target.getvalue()


def as_mo(catalog: Catalog) -> bytes:
    """The catalogue compiled."""
    target = io.BytesIO()
    write_mo(target, catalog)
    return target.getvalue()


def untranslated(catalog: Catalog) -> list[str]:
    """The texts without a translation in every form, or whose translation nobody has confirmed."""
    found = []
    for message in catalog:
        forms = message.string if isinstance(message.string, tuple | list) else (message.string,)
        if message.id and (message.fuzzy or not forms or not all(forms)):
            found.append(_first(message))
    return found


def faults(catalog: Catalog) -> list[str]:
    """Translations whose placeholders are not those of the text."""
    return [f"{_first(m)}: {error}" for m in catalog if m.id and m.string for error in m.check(catalog)]


def write() -> None:
    """Write every room's catalogues again and say what is still to be translated."""
    for room in rooms():
        for language in LANGUAGES:
            catalog = updated(room, language)
            path = po_file(room, language)
            if not len(catalog):
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(as_po(catalog))
            path.with_suffix(".mo").write_bytes(as_mo(catalog))
            missing = untranslated(catalog)
            print(f"{room.name} {language}: {len(catalog)} texts, {len(missing)} to translate")


if __name__ == "__main__" and sys.argv[1:2] == ["write"]:
    write()
