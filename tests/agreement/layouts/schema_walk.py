"""What a schema says about each element, read from the XSD itself: the tests' second opinion on the cards."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from lxml import etree

from caisse.agreement.layouts.catalogue import Layout

XS = "{http://www.w3.org/2001/XMLSchema}"


@dataclass(frozen=True)
class Element:
    """One element of the schema with what may stand in it."""

    name: str
    optional: bool
    repeated: bool
    children: "tuple[Element, ...]" = ()
    base: str | None = None
    facets: dict[str, str] = field(default_factory=dict)
    values: tuple[str, ...] = ()

    def leaves(self, path: tuple[str, ...] = ()) -> "Iterator[tuple[tuple[str, ...], Element]]":
        """Every element that holds a value, with its path below this one, in order."""
        for child in self.children:
            if child.children:
                yield from child.leaves((*path, child.name))
            else:
                yield (*path, child.name), child

    def at(self, path: tuple[str, ...]) -> "Element":
        """The element at a path below this one."""
        if not path:
            return self
        return next(child for child in self.children if child.name == path[0]).at(path[1:])


@cache
def root_element(layout: Layout) -> Element:
    """The root element of a layout's schema."""
    schema = etree.fromstring(layout.schema)
    types = {node.get("name"): node for node in schema if node.get("name") and node.tag.endswith("Type")}
    return _element(schema.find(f"{XS}element"), types)


def _element(node, types) -> Element:
    kind = types.get(node.get("type"))
    if kind is None:
        kind = next((child for child in node if child.tag.endswith("Type")), None)
    optional, repeated = node.get("minOccurs") == "0", node.get("maxOccurs", "1") != "1"
    if kind is not None and kind.tag == f"{XS}complexType":
        children = tuple(_element(child, types) for child in kind.find(f"{XS}sequence"))
        return Element(node.get("name"), optional, repeated, children)
    restriction = kind.find(f"{XS}restriction")
    facets = {facet.tag.removeprefix(XS): facet.get("value") for facet in restriction}
    values = tuple(facet.get("value") for facet in restriction if facet.tag == f"{XS}enumeration")
    return Element(node.get("name"), optional, repeated, (), restriction.get("base"), facets, values)
