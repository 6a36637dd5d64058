"""What a document would do or carry beside being read: found by walking every object, used or not.

Refused: scripts, programs started, forms sent away, files carried inside, sound, film and 3D, XFA forms,
links to anywhere but a web page or an address, and anything that happens by itself but turning to a page.
A link that a reader has to click on, to http, https or mailto, is fine.
"""

from collections.abc import Iterator
from typing import Any

import pikepdf

from caisse.fund.casework.documents.refusal import Refusal

_CONTAINERS = (pikepdf.Dictionary, pikepdf.Stream)

#: Actions that run something, send something or fetch something.
_HARMFUL_ACTIONS = {
    "/JavaScript": "a script",
    "/Launch": "an order to start a program",
    "/SubmitForm": "a form that sends itself away",
    "/ImportData": "an order to read another file",
    "/GoToE": "a link into an attached file",
    "/Rendition": "sound or film",
    "/Movie": "sound or film",
    "/Sound": "sound or film",
    "/RichMediaExecute": "sound or film",
}
_MEDIA = frozenset({"/RichMedia", "/Movie", "/Sound", "/3D", "/Screen"})
#: What may happen by itself when the document or a page is opened or a field is entered.
_QUIET_ACTIONS = frozenset({"/GoTo", "/Named", "/SetOCGState", "/Trans", "/Hide", "/Thread", "/GoTo3DView"})
_LINKS = ("http:", "https:", "mailto:", "tel:")


def check(pdf: pikepdf.Pdf) -> None:
    """Raise Refusal for the first thing found that a document to be read does not need."""
    _check_dictionary(pdf.trailer)
    for entry in pdf.objects:
        for dictionary in _dictionaries(entry):
            _check_dictionary(dictionary)


def _dictionaries(entry: Any) -> Iterator[Any]:
    """The object and what lies directly inside it; what is referred to comes by itself."""
    waiting = [entry]
    while waiting:
        current = waiting.pop()
        if isinstance(current, _CONTAINERS):
            yield current
            inside = [value for _, value in current.items()]
        elif isinstance(current, pikepdf.Array):
            inside = list(current)
        else:
            continue
        waiting += [
            value
            for value in inside
            if isinstance(value, (*_CONTAINERS, pikepdf.Array)) and not value.is_indirect
        ]


def _check_dictionary(entry: Any) -> None:
    names = set(entry.keys())
    if names & {"/JS", "/JavaScript"}:
        raise Refusal("DOC-014", "a script")
    if "/S" in names:
        _check_action(entry)
    _check_carried(entry, names)
    for name in names & {"/OpenAction", "/AA"}:
        _check_automatic(entry[name], of_object=name == "/AA")


def _check_carried(entry: Any, names: set[str]) -> None:
    if "/EF" in names or "/EmbeddedFiles" in names or "/Collection" in names:
        raise Refusal("DOC-015")
    if _is(entry, "/Type", {"/EmbeddedFile"}) or _is(entry, "/Subtype", {"/FileAttachment"}):
        raise Refusal("DOC-015")
    if "/XFA" in names:
        raise Refusal("DOC-016", "an XFA form")
    if "/RichMediaContent" in names or (_is(entry, "/Subtype", _MEDIA) and "/Rect" in names):
        raise Refusal("DOC-016", "sound, film or 3D")


def _check_action(entry: Any) -> None:
    kind = entry["/S"]
    if not isinstance(kind, pikepdf.Name):
        return
    if str(kind) in _HARMFUL_ACTIONS:
        raise Refusal("DOC-014", _HARMFUL_ACTIONS[str(kind)])
    if kind == "/URI" and not _is_web_link(_text(entry.get("/URI"))):
        raise Refusal("DOC-014", "a link to something that is no web page")
    if kind == "/GoToR" and _leads_away(entry.get("/F")):
        raise Refusal("DOC-014", "a link to a file on another machine")


def _check_automatic(value: Any, *, of_object: bool) -> None:
    """What happens by itself: a destination is fine, and so are actions that only move the page."""
    actions = [each for _, each in value.items()] if of_object and isinstance(value, _CONTAINERS) else [value]
    seen = 0
    while actions:
        action = actions.pop()
        seen += 1
        if seen > 1000:
            raise Refusal("DOC-014", "an endless chain of actions")
        if isinstance(action, pikepdf.Array):
            # An array in an opening action is a destination; in /Next it is a list of actions.
            actions += [each for each in action if isinstance(each, _CONTAINERS) and "/S" in each]
        elif isinstance(action, _CONTAINERS) and "/S" in action:
            if str(action["/S"]) not in _QUIET_ACTIONS:
                raise Refusal("DOC-014", "something that happens by itself")
            if "/Next" in action:
                actions.append(action["/Next"])


def _is(entry: Any, name: str, values: set[str] | frozenset[str]) -> bool:
    value = entry.get(name)
    return isinstance(value, pikepdf.Name) and str(value) in values


def _text(value: Any) -> str:
    return str(value).strip() if isinstance(value, pikepdf.String) else ""


def _is_web_link(link: str) -> bool:
    """A page, a mail address, a telephone number, or a relative link (no scheme, no host)."""
    if link.lower().startswith(_LINKS):
        return True
    return ":" not in link.partition("/")[0] and not link.startswith(("//", "\\\\"))


def _leads_away(target: Any) -> bool:
    """A file specification on another machine: a share (//host, \\\\host) or any address with a scheme."""
    if isinstance(target, _CONTAINERS):
        return any(_leads_away(target.get(name)) for name in ("/F", "/UF", "/DOS", "/Unix", "/Mac"))
    name = _text(target)
    return name.startswith(("//", "\\\\")) or "://" in name
