"""What a schema must be for structures and values to be judged apart, and the schema that judges its values.

The constructs allowed here are listed; a schema that uses any other is never taken apart.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

from lxml import etree

from caisse.agreement.layouts.catalogue import Layout

_XS: Final = "http://www.w3.org/2001/XMLSchema"
_FACETS: Final = (
    *("enumeration", "pattern", "whiteSpace", "length", "minLength", "maxLength"),
    *("minInclusive", "maxInclusive", "minExclusive", "maxExclusive", "totalDigits", "fractionDigits"),
)
#: Constructs with their attributes. What is missing makes validity depend on more than names in order and
#: each value by itself: identity, references, wildcards, attributes, mixed content, substitution, defaults.
_ALLOWED: Final[Mapping[str, frozenset[str]]] = {
    "schema": frozenset({"elementFormDefault"}),
    "element": frozenset({"name", "type", "minOccurs", "maxOccurs"}),
    "complexType": frozenset({"name"}),
    "sequence": frozenset(),
    "simpleType": frozenset({"name"}),
    "restriction": frozenset({"base"}),
    **dict.fromkeys(_FACETS, frozenset({"value"})),
}
#: Which constructs may stand in which.
_INSIDE: Final[Mapping[str, frozenset[str]]] = {
    "schema": frozenset({"element", "complexType", "simpleType"}),
    "element": frozenset({"complexType", "simpleType"}),
    "complexType": frozenset({"sequence"}),
    "sequence": frozenset({"element"}),
    "simpleType": frozenset({"restriction"}),
    "restriction": frozenset(_FACETS),
}
#: Built-in types whose values mean the same wherever they stand (no ID, no QName, no entity).
_TYPES: Final = frozenset(
    {
        *("string", "normalizedString", "token", "boolean", "decimal", "integer", "long", "int", "short"),
        *("nonNegativeInteger", "positiveInteger", "date", "dateTime", "time"),
    }
)
_DEEPEST: Final = 16


class _Unsuited(Exception):
    """The schema cannot be taken apart."""


@dataclass(frozen=True, slots=True)
class Structure:
    """A schema taken apart.

    ``leaves``: names of the elements in a record that hold a value, each with one type wherever it stands.
    ``repeated``: elements of the record that may stand any number of times in one place and nowhere else.
    ``values``: a schema of one element in which every leaf may stand any number of times, in that order.
    """

    record: str
    leaves: tuple[str, ...]
    repeated: tuple[str, ...]
    values: bytes


def structure(layout: Layout) -> Structure | None:
    """The schema of a layout taken apart; None when it holds anything that forbids it."""
    root = etree.fromstring(layout.schema)
    try:
        return _Reader(root).read(layout)
    except _Unsuited:
        return None


def _demand(condition: object) -> None:
    if not condition:
        raise _Unsuited


def _local(node: Any) -> str:
    name = etree.QName(node)
    _demand(name.namespace == _XS)
    return str(name.localname)


def _parts(node: Any) -> list[Any]:
    """Children that say something: no comments, no annotations."""
    return [child for child in node.iterchildren("*") if child.tag != f"{{{_XS}}}annotation"]


@dataclass(slots=True)
class _Names:
    """The elements met in a record: declarations of leaves, types of containers, how often each stands."""

    leaves: dict[str, Any] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)


class _Reader:
    def __init__(self, root: Any) -> None:
        _demand(_local(root) == "schema" and None not in root.nsmap)
        _check(root)
        self.root = root
        self.types = {node.get("name"): node for node in _parts(root) if _local(node) != "element"}
        self.roots = [node for node in _parts(root) if _local(node) == "element"]
        for node in root.iter(f"{{{_XS}}}restriction"):
            kind = self.named(node.get("base"))
            _demand(kind is None or _local(kind) == "simpleType")

    def read(self, layout: Layout) -> Structure:
        """What can be said of the layout's record; raises _Unsuited."""
        _demand(len(self.roots) == 1 and self.roots[0].get("name") == layout.root)
        element = self.roots[0]
        *around, record = layout.record.path
        for step in around:
            element = self.only(element, step)
            _demand(element.get("maxOccurs", "1") == "1")
        element = self.only(element, record)
        _demand(_is_repeated(element))
        names = _Names()
        self.walk(element, names, 0)
        _demand(names.places[record] == 1)
        repeated = tuple(
            table.path[0]
            for table in layout.record.children
            if len(table.path) == 1
            and names.places.get(table.path[0]) == 1
            and _is_repeated(self.only(element, table.path[0]))
        )
        return Structure(record, tuple(names.leaves), repeated, self.values(names))

    def named(self, reference: str | None) -> Any:
        """The definition of a type by its name; None for a built-in type."""
        _demand(reference)
        prefix, _, name = str(reference).rpartition(":")
        if prefix:
            _demand(self.root.nsmap.get(prefix) == _XS and name in _TYPES)
            return None
        _demand(name in self.types)
        return self.types[name]

    def kind(self, element: Any) -> Any:
        """The definition of an element's type; None for a built-in type."""
        inline = _parts(element)
        _demand(len(inline) + (element.get("type") is not None) == 1)
        return inline[0] if inline else self.named(element.get("type"))

    def children(self, element: Any) -> list[Any]:
        """What may stand in an element, in order; empty when it holds a value."""
        kind = self.kind(element)
        if kind is None or _local(kind) == "simpleType":
            return []
        content = _parts(kind)
        _demand(len(content) == 1 and len(_parts(content[0])))
        return _parts(content[0])

    def only(self, element: Any, name: str) -> Any:
        """The one declaration of a name in an element."""
        found = [child for child in self.children(element) if child.get("name") == name]
        _demand(len(found) == 1)
        return found[0]

    def walk(self, element: Any, names: _Names, depth: int) -> None:
        """Notes an element and all that may stand in it; no name may have two types."""
        _demand(depth < _DEEPEST)
        name = element.get("name")
        children = self.children(element)
        kind = element.get("type") or etree.tostring(_parts(element)[0], with_tail=False).decode()
        _demand(names.kinds.setdefault(name, kind) == kind)
        names.places[name] = names.places.get(name, 0) + 1
        if not children:
            names.leaves.setdefault(name, element)
        for child in children:
            self.walk(child, names, depth + 1)

    def values(self, names: _Names) -> bytes:
        """The simple types as they are published, and one element for all leaves."""
        schema = etree.Element(f"{{{_XS}}}schema", nsmap=self.root.nsmap)
        for node in self.types.values():
            if _local(node) == "simpleType":
                schema.append(deepcopy(node))
        element = etree.SubElement(schema, f"{{{_XS}}}element", name="values")
        complex_type = etree.SubElement(element, f"{{{_XS}}}complexType")
        sequence = etree.SubElement(complex_type, f"{{{_XS}}}sequence")
        for leaf in names.leaves.values():
            copy = deepcopy(leaf)
            copy.set("minOccurs", "0")
            copy.set("maxOccurs", "unbounded")
            sequence.append(copy)
        return bytes(etree.tostring(schema))


def _check(node: Any) -> None:
    name = _local(node)
    _demand(name in _ALLOWED and _ALLOWED[name].issuperset(node.attrib))
    for child in _parts(node):
        _demand(_local(child) in _INSIDE.get(name, ()))
        _check(child)


def _is_repeated(element: Any) -> bool:
    return element.get("maxOccurs") == "unbounded" and element.get("minOccurs", "1") in {"0", "1"}
