"""The states of cases, documents and sessions, as tables; docs/lifecycle.md prints their diagrams."""

from collections.abc import Mapping
from types import MappingProxyType

#: The life of a case. `refused` leads back only through an appeal that is upheld.
CASE: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "draft": frozenset({"submitted", "withdrawn", "lapsed"}),
        "submitted": frozenset({"in_review", "withdrawn"}),
        "in_review": frozenset(
            {
                "incomplete", "awaiting_signatures", "awaiting_board", "proposed",
                "cooling_off", "granted", "refused", "withdrawn",
            }
        ),
        "incomplete": frozenset({"in_review", "withdrawn", "lapsed"}),
        "awaiting_signatures": frozenset({"in_review", "withdrawn", "lapsed"}),
        "awaiting_board": frozenset({"in_review", "granted", "refused", "withdrawn"}),
        "proposed": frozenset({"in_review", "cooling_off", "granted", "refused"}),
        "cooling_off": frozenset({"granted", "in_review", "withdrawn"}),
        "granted": frozenset(),
        "refused": frozenset({"in_review"}),
        "withdrawn": frozenset(),
        "lapsed": frozenset(),
    }
)  # fmt: skip

#: The life of one document of a case. `removed`: taken back by the applicant before it was judged.
DOCUMENT: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "received": frozenset({"accepted", "refused", "replaced", "removed"}),
        "accepted": frozenset({"refused", "replaced"}),
        "refused": frozenset({"accepted", "replaced"}),
        "replaced": frozenset(),
        "removed": frozenset(),
    }
)

#: The life of a session of the Board.
SESSION: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "planned": frozenset({"convened", "cancelled"}),
        "convened": frozenset({"held", "cancelled"}),
        "held": frozenset(),
        "cancelled": frozenset(),
    }
)

LIFECYCLES: Mapping[str, Mapping[str, frozenset[str]]] = MappingProxyType(
    {"case": CASE, "case_document": DOCUMENT, "board_session": SESSION}
)

#: The applicant may still change the sheet and the documents.
OPEN_TO_APPLICANT = ("draft", "incomplete")
#: Nothing more happens to the case by itself.
CLOSED = ("granted", "refused", "withdrawn", "lapsed")
#: The fund has something to do, or waits for somebody else than itself.
AT_THE_FUND = ("submitted", "in_review", "awaiting_board", "proposed")
#: The documents that count: one for each place of the list of what is asked for.
STANDING_DOCUMENTS = ("received", "accepted", "refused")
