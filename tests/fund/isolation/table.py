"""Who may see and do what at every address of the pages. An address without a row here fails the test.

A row names its gate, its methods, the things its address can name, and what a POST carries that is in order.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from caisse.fund.notices.models import Issue
from caisse.fund.pages.static_files import assets
from tests.fund.casework.office import filled
from tests.fund.isolation.world import STAFF, VISITORS, World

ALL = frozenset(VISITORS)
FAR = frozenset({"nobody_far", "officer_far"})
UNKNOWN = frozenset({"nobody", "nobody_far", "deactivated", "link"})
WEAK = frozenset({"officer_weak", "administrator_weak"})
#: Whoever has not proved two factors a moment ago: what needs them leads to the page where he does.
NOT_STRONG = WEAK | {"signer_weak"}
#: Who acts for provider A, and who for B.
FOR_A, FOR_B = frozenset({"provider_a", "casework_a"}), frozenset({"provider_b"})
SIGNERS = frozenset({"signer", "signer_weak"})
#: Who keeps the secrets of A's account, and of B's.
KEEPERS_A, KEEPERS_B = frozenset({"provider_a", "mandate_other_scope"}), frozenset({"provider_b"})
READERS = ("officer", "supervisor", "board_secretary")
OFFICERS = ("officer", "supervisor")
SECRETARIES = ("board_secretary", "supervisor")
WRITERS = ("editor", "supervisor")
SENDERS = ("editor", "officer", "supervisor", "board_secretary")
ROLES: dict[str, frozenset[str]] = {
    **{role: frozenset({role}) for role in STAFF},
    "officer_weak": frozenset({"officer"}),
    "officer_far": frozenset({"officer"}),
    "administrator_weak": frozenset({"administrator"}),
    "administrator_and_officer": frozenset({"administrator", "officer"}),
}
_SIGNED_WITH_B = frozenset({"signing", "card of provider_b", "code of provider_b"})
#: Whose secrets each visitor may read: those of cases and providers in his reach, and his own name.
_MAY_READ: dict[str, frozenset[str]] = {
    "link": frozenset({"linked"}),
    "owner": frozenset({"owned"}),
    "casework_a": frozenset({"provider_a"}),
    "mandate_other_scope": frozenset({"card of provider_a", "code of provider_a"}),
    # Whoever is asked to sign reads with whom, and for what.
    "provider_b": frozenset({"signing", "founding", "card of signer", "code of signer"}),
    "signer": _SIGNED_WITH_B,
    "signer_weak": _SIGNED_WITH_B | {"signer"},
    "editor": frozenset({"newsletter", "staff"}),
    "auditor": frozenset({"staff"}),
    "administrator": frozenset({"staff", "person"}),
    "administrator_and_officer": frozenset({"staff", "person", "newsletter"}),
}
#: What no officer reads: a draft nobody handed in, and who signs in but has nothing to do with a case.
_NOT_AT_THE_DESK = frozenset({"draft", "person", "mandate_ended", "mandate_begins"})


def may_read(visitor: str, whose: str) -> bool:
    """Whether a secret may stand in an answer to a visitor."""
    kind, of, owner = whose.partition(" of ")
    if of:
        # The record names cases, codes and keys, but nobody by his name.
        recorded = visitor == "auditor" and kind != "card"
        return recorded or whose in _MAY_READ.get(visitor, ()) or may_read(visitor, owner)
    if visitor in READERS:
        return whose not in _NOT_AT_THE_DESK
    if visitor in WEAK | {"officer_far"}:
        return whose == "staff"
    return whose == visitor or whose in _MAY_READ.get(visitor, ())


@dataclass(frozen=True)
class Thing:
    """Something an address names: who reaches it, and the address of something alike that does not exist.

    ``shows``: whose secrets the address itself proves one may read, such as a link's.
    """

    address: Mapping[str, Any]
    twin: Mapping[str, Any] | None = None
    reach: frozenset[str] = ALL
    shows: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Row:
    """One address: ``gate`` gives the answer to be expected, by visitor and thing, where the method is right.

    "known …": whoever is refused reaches the thing and may know that it is there.
    """

    gate: Callable[[str, Thing], str]
    methods: str = "GET"
    things: Callable[[World], list[Thing]] = lambda world: [Thing({})]
    body: Callable[[World, Thing], Mapping[str, Any]] = lambda world, thing: {}
    #: What a GET carries, if anything.
    query: Mapping[str, str] = field(default_factory=dict)
    #: Where a POST is for fewer than a GET.
    post_gate: Callable[[str, Thing], str] | None = None


def in_reach(visitor: str, thing: Thing) -> str:
    return "ok" if visitor in thing.reach else "gone"


def signed_in(visitor: str, thing: Thing) -> str:
    return "login" if visitor in UNKNOWN else in_reach(visitor, thing)


def strongly(visitor: str, thing: Thing) -> str:
    """As `signed_in`, but who reaches the thing must have proved two factors a moment ago."""
    answer = signed_in(visitor, thing)
    return "known strong" if answer == "ok" and visitor in NOT_STRONG else answer


def desk(*roles: str) -> Callable[[str, Thing], str]:
    """A page for some roles of the staff; the others are told so."""

    def gate(visitor: str, thing: Thing) -> str:
        held = ROLES.get(visitor, frozenset())
        if visitor in FAR:
            return "gone"
        if visitor in UNKNOWN:
            return "login"
        if not held:
            return "gone"
        if visitor in WEAK:
            return "strong"
        return "forbidden" if roles and held.isdisjoint(roles) else in_reach(visitor, thing)

    return gate


def reader(*roles: str) -> Callable[[str, Thing], str]:
    """A page that shows cases or providers: to others, and to administrators, it does not exist."""

    def gate(visitor: str, thing: Thing) -> str:
        first = desk()(visitor, Thing({}))
        held = ROLES.get(visitor, frozenset())
        if first != "ok":
            return first
        if "administrator" in held or held.isdisjoint(READERS):
            return "gone"
        return "forbidden" if roles and held.isdisjoint(roles) else in_reach(visitor, thing)

    return gate


NUMBER, ID = "2026-999999", 999_999
NONE: frozenset[str] = frozenset()
#: The cases of the portal: one for each way of reaching one.
_REACH = {"linked": frozenset({"link"}), "owned": frozenset({"owner"}), "of_a": FOR_A, "of_b": FOR_B}


def cases(world: World) -> list[Thing]:
    return [Thing({"number": world.cases[name].number}, {"number": NUMBER}, reach)
            for name, reach in _REACH.items()]  # fmt: skip


def parts(what: str) -> Callable[[World], list[Thing]]:
    """A part of each case, one that belongs to another case, and one of a case out of reach."""

    def things(world: World) -> list[Thing]:
        key = f"{what}_id"
        found = []
        for name, reach in _REACH.items():
            number = world.cases[name].number
            other = "of_b" if name != "of_b" else "linked"
            own, stolen = world.ids[f"{name} {what}"], world.ids[f"{other} {what}"]
            found += [
                Thing({"number": number, key: own}, {"number": NUMBER, key: own}, reach),
                Thing({"number": number, key: stolen}, {"number": number, key: ID}, NONE),
            ]
        return found

    return things


def answers(world: World) -> list[Thing]:
    """As `parts`, but a question of another case is told of in the same words as one that does not exist."""
    return [one if one.reach else Thing(one.address, one.twin, _reach_of(world, one)) for one in parts("question")(world)]  # fmt: skip


def _reach_of(world: World, thing: Thing) -> frozenset[str]:
    name = next(name for name in _REACH if world.cases[name].number == thing.address["number"])
    return _REACH[name]


def providers(**more: str) -> Callable[[World], list[Thing]]:
    def things(world: World) -> list[Thing]:
        return [
            Thing(
                {"provider_id": world.ids[f"provider_{letter}"], **more}, {"provider_id": ID, **more}, reach
            )
            for letter, reach in (("a", FOR_A), ("b", FOR_B))
        ]

    return things


def letters_of_providers(world: World) -> list[Thing]:
    a, b = world.ids["provider_a"], world.ids["provider_b"]
    la, lb = world.ids["provider_a letter"], world.ids["provider_b letter"]
    return [
        Thing({"provider_id": a, "letter_id": la}, {"provider_id": ID, "letter_id": la}, FOR_A),
        Thing({"provider_id": b, "letter_id": lb}, {"provider_id": b, "letter_id": ID}, FOR_B),
        Thing({"provider_id": a, "letter_id": lb}, {"provider_id": a, "letter_id": ID}, NONE),
    ]


def _statements(world: World) -> list[Thing]:
    a, b, own = world.ids["provider_a"], world.ids["provider_b"], world.ids["provider_b statement"]
    return [
        Thing({"provider_id": b, "statement_id": own}, {"provider_id": b, "statement_id": ID}, FOR_B),
        Thing({"provider_id": a, "statement_id": own}, {"provider_id": a, "statement_id": ID}, NONE),
    ]


def signatures(world: World) -> list[Thing]:
    """One that was given, whose record can be kept, and one that is still asked for."""
    b, signer = world.ids["signature b"], world.ids["signature signer"]
    return [
        Thing({"signature_id": b}, {"signature_id": ID}, FOR_B),
        Thing({"signature_id": signer}, {"signature_id": ID}, SIGNERS),
    ]


def records(world: World) -> list[Thing]:
    """There is a record only of what was signed."""
    return [Thing(one.address, one.twin, one.reach & FOR_B) for one in signatures(world)]


def access_of(world: World) -> list[Thing]:
    """The page of a provider's accounts, for its owner and who acts for it in the exchange."""
    return [
        Thing(
            {"provider_id": _provider(world, who)}, {"provider_id": ID}, reach, frozenset({f"provider_{who}"})
        )
        for who, reach in (("a", KEEPERS_A), ("b", KEEPERS_B), ("signer", SIGNERS))
    ]


def _provider(world: World, who: str) -> int:
    return world.ids["signer" if who == "signer" else f"provider_{who}"]


def accounts(*not_for: str, key: bool = False) -> Callable[[World], list[Thing]]:
    """Accounts of the exchange: one's own, and others' under one's own provider and under theirs."""

    def things(world: World) -> list[Thing]:
        found = []
        for who, reach in (("a", KEEPERS_A - {*not_for}), ("b", KEEPERS_B), ("signer", NONE)):
            for account in ("a", "b"):
                keys = {"key_id": world.ids[f"key {account}"]} if key else {}
                own = {
                    "provider_id": _provider(world, who),
                    "account_id": world.ids[f"exchange {account}"],
                    **keys,
                }
                shows = frozenset({f"provider_{who}"})
                found.append(Thing(own, {**own, "account_id": ID}, reach if who == account else NONE, shows))
        return found

    return things


def keys(world: World) -> list[Thing]:
    """As `accounts`; a key of another account is taken away as one that is not there: not at all."""
    stolen = {
        "provider_id": world.ids["provider_a"],
        "account_id": world.ids["exchange a"],
        "key_id": world.ids["key b"],
    }
    return [*accounts(key=True)(world), Thing(stolen, {**stolen, "key_id": ID}, KEEPERS_A)]


def token(name: str, shows: str = "") -> Callable[[World], list[Thing]]:
    """A link that proves what its holder may do, and one with another signature."""

    def things(world: World) -> list[Thing]:
        made = world.tokens[name]
        wrong = made[:-20] + made[-20:-10].swapcase() + made[-10:]
        shown = frozenset({shows} if shows else ())
        return [
            Thing({"token": made}, None, ALL, shown),
            Thing({"token": wrong}, {"token": "nonsense"}, NONE),
        ]

    return things


def desk_cases(name: str) -> Callable[[World], list[Thing]]:
    """A case in the state its page is for; a draft of an applicant's own does not exist for the staff."""

    def things(world: World) -> list[Thing]:
        return [
            Thing({"number": world.cases[name].number}, {"number": NUMBER}),
            Thing({"number": world.cases["draft"].number}, {"number": NUMBER}, NONE),
        ]

    return things


def desk_parts(name: str, what: str, **more: int) -> Callable[[World], list[Thing]]:
    def things(world: World) -> list[Thing]:
        number, key = world.cases[name].number, f"{what}_id"
        stolen = world.ids[f"of_b {what}"]
        own = {"number": number, key: world.ids[f"{name} {what}"], **more}
        absent = {"number": number, key: ID, **more}
        return [
            Thing(own, {**own, "number": NUMBER}),
            Thing({**own, key: stolen}, absent, NONE),
        ]

    return things


def numbered(key: str, name: str, **more: Any) -> Callable[[World], list[Thing]]:
    return lambda world: [Thing({key: world.ids[name], **more}, {key: ID, **more})]


def users(world: World) -> list[Thing]:
    return [Thing({"user_id": world.users["person"].pk}, {"user_id": ID})]


def _seen(world: World, thing: Thing) -> dict[str, str]:
    """The mark of the case as it stands, which the page carries along."""
    from caisse.fund.casework import looking

    case = looking.case_of_number(thing.address["number"])
    return {"seen": looking.version_of(case)} if case else {"seen": ""}


def seen_and(**more: str) -> Callable[[World, Thing], dict[str, str]]:
    return lambda world, thing: {**_seen(world, thing), **more}


def just(**body: str) -> Callable[[World, Thing], dict[str, str]]:
    return lambda world, thing: body


def _sheet(world: World, thing: Thing) -> dict[str, str]:
    found = next((one for one in world.cases.values() if one.number == thing.address["number"]), None)
    return filled(found) if found else {}


def _code(world: World, thing: Thing) -> dict[str, str]:
    letter = "a" if thing.address["provider_id"] == world.ids["provider_a"] else "b"
    return {"code": str(world.cases[f"granted_{letter}"].code)}


def _items(world: World) -> list[Thing]:
    item, session, planned = world.ids["item"], world.ids["convened"], world.ids["planned"]
    return [
        Thing({"session_id": session, "item_id": item}, {"session_id": session, "item_id": ID}),
        Thing({"session_id": planned, "item_id": item}, {"session_id": planned, "item_id": ID}, NONE),
    ]


def _accounts(world: World) -> list[Thing]:
    a, b = world.ids["provider_a"], world.ids["provider_b"]
    own, stolen = world.ids["provider_a account"], world.ids["provider_b account"]
    return [
        Thing({"provider_id": a, "account_id": own}, {"provider_id": ID, "account_id": own}),
        Thing({"provider_id": b, "account_id": own}, {"provider_id": b, "account_id": ID}, NONE),
        Thing({"provider_id": a, "account_id": stolen}, {"provider_id": a, "account_id": ID}, NONE),
    ]


def _desk_letters(world: World) -> list[Thing]:
    return [Thing(one.address, one.twin, ALL if one.reach else NONE) for one in letters_of_providers(world)]


def _files(_world: World) -> list[Thing]:
    name, no_mark = "pages/caisse.css", "0" * 16
    return [
        Thing({"mark": assets()[name].mark, "name": name}),
        Thing({"mark": no_mark, "name": name}, {"mark": no_mark, "name": "x"}, NONE),
    ]


def _proposer(visitor: str, thing: Thing) -> str:
    """Whoever proposed a decision does not confirm it."""
    answer = reader(*OFFICERS)(visitor, thing)
    return "known 409" if answer == "ok" and visitor == "officer" else answer


def _issue(world: World, thing: Thing) -> dict[str, str]:
    """The mark of an issue as it stands, which the page carries along."""
    found = Issue.objects.filter(pk=thing.address["issue_id"]).first()
    return {"seen": found.changed_at.isoformat() if found else ""}


def _sender(visitor: str, thing: Thing) -> str:
    """Whoever wrote an issue does not send it."""
    answer = desk(*SENDERS)(visitor, thing)
    return "known forbidden" if answer == "ok" and visitor == "officer" else answer


_ISSUE = {
    f"{language}": {f"subject_{language}": "A subject", f"body_{language}": "A body"}
    for language in ("fr", "de", "en")
}
_ISSUE_TEXTS = {key: value for texts in _ISSUE.values() for key, value in texts.items()}
_BOTH = "GET POST"
_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUxvVBnM1rQwU5o0mZ5yHxHqQm0n6V5d0Qk0s3o0h2C"

TABLE: dict[str, Row] = {
    # The portal
    "portal:front": Row(in_reach),
    "portal:professions": Row(in_reach),
    "portal:profession": Row(
        in_reach,
        things=lambda world: [Thing({"key": "doctors"}), Thing({"key": "none"}, {"key": "nobody"}, NONE)],
    ),
    "portal:apply": Row(
        in_reach,
        _BOTH,
        lambda world: [Thing({"key": "doctors"}), Thing({"key": "none"}, {"key": "nobody"}, NONE)],
        just(email="somebody-new@example.org"),
    ),
    "portal:open_again": Row(in_reach, things=token("again", "linked")),
    "portal:open_link": Row(
        in_reach,
        things=lambda world: [
            Thing(
                {"number": world.cases["linked"].number, "key": world.keys["linked"]},
                shows=frozenset({"linked"}),
            ),
            Thing(
                {"number": world.cases["linked"].number, "key": world.keys["owned"]},
                {"number": NUMBER, "key": "x"},
                NONE,
            ),
            Thing({"number": world.cases["of_b"].number, "key": "y"}, {"number": NUMBER, "key": "x"}, NONE),
        ],
    ),
    "portal:cases": Row(in_reach),
    "portal:again": Row(in_reach, _BOTH, body=just(number=NUMBER)),
    "portal:case": Row(in_reach, things=cases),
    "portal:facts": Row(in_reach, _BOTH, cases, just(radiation="no")),
    "portal:sheet": Row(in_reach, _BOTH, cases, _sheet),
    "portal:check": Row(in_reach, _BOTH, cases),
    "portal:answer": Row(in_reach, "POST", answers, just(text="An answer")),
    "portal:withdraw": Row(in_reach, _BOTH, cases),
    "portal:appeal": Row(
        in_reach,
        _BOTH,
        lambda world: [
            Thing({"number": world.cases["refused"].number}, {"number": NUMBER}, frozenset({"owner"})),
            *cases(world),
        ],
        just(text="I oppose it."),
    ),
    "portal:object": Row(
        in_reach,
        _BOTH,
        lambda world: [
            Thing({"number": world.cases["cooling"].number}, {"number": NUMBER}, FOR_B),
            *cases(world),
        ],
        just(text="It was not me."),
    ),
    "portal:adopt": Row(signed_in, "POST", cases),
    "portal:choose": Row(in_reach, "POST", cases, just(profession="doctors")),
    "portal:letter": Row(in_reach, things=parts("letter")),
    "portal:documents": Row(in_reach, _BOTH, cases, just(place="unsorted")),
    "portal:document": Row(in_reach, things=parts("document")),
    "portal:original": Row(in_reach, things=parts("document")),
    "portal:remove": Row(in_reach, "POST", parts("document")),
    "portal:objection": Row(in_reach, _BOTH, token("objection", "provider_b"), just(text="It was not me.")),
    "portal:provider": Row(signed_in, things=providers()),
    "portal:start": Row(signed_in, _BOTH, providers(kind="address_change"), _code),
    "portal:provider_letter": Row(signed_in, things=letters_of_providers),
    "portal:statements": Row(signed_in, things=providers()),
    "portal:statement_figures": Row(signed_in, things=_statements),
    "portal:signatures": Row(signed_in),
    "portal:signature": Row(signed_in, things=signatures),
    "portal:signature_record": Row(signed_in, things=records),
    "portal:sign": Row(strongly, "POST", signatures),
    "portal:refuse": Row(signed_in, "POST", signatures, just(text="I do not want to.")),
    "portal:exchange": Row(signed_in, things=access_of),
    "portal:collect_secret": Row(strongly, "POST", accounts("mandate_other_scope")),
    "portal:rotate_secret": Row(strongly, "POST", accounts()),
    "portal:add_key": Row(strongly, "POST", accounts(), just(key=_KEY)),
    "portal:remove_key": Row(strongly, "POST", keys),
    "portal:newsletter": Row(in_reach, _BOTH, body=just(email="reader@example.org", language="en")),
    "portal:newsletter_confirm": Row(in_reach, _BOTH, token("confirm")),
    "portal:newsletter_change": Row(
        in_reach, _BOTH, token("change"), just(language="de", professions="doctors")
    ),
    "portal:newsletter_unsubscribe": Row(in_reach, _BOTH, token("unsubscribe")),
    # The desk
    "desk:front": Row(desk()),
    "desk:queue": Row(
        reader(),
        things=lambda world: [Thing({"name": "all"}), Thing({"name": "none"}, {"name": "nobody"}, NONE)],
    ),
    "desk:take_next": Row(reader(*OFFICERS), "POST"),
    "desk:case": Row(reader(), things=desk_cases("judging")),
    "desk:take": Row(reader(*OFFICERS), "POST", desk_cases("new")),
    "desk:assign": Row(
        reader(*OFFICERS),
        "POST",
        desk_cases("judging"),
        lambda world, thing: {"to": world.users["supervisor"].pk},
    ),
    "desk:note": Row(reader(*OFFICERS), "POST", desk_cases("judging"), just(text="A note")),
    "desk:profession": Row(reader(*OFFICERS), "POST", desk_cases("mailed"), just(profession="doctors")),
    "desk:case_audit": Row(reader("supervisor"), things=desk_cases("judging")),
    "desk:ask_back": Row(reader(*OFFICERS), _BOTH, desk_cases("judging"), seen_and(general="What is this?")),
    "desk:decide": Row(reader(*OFFICERS), _BOTH, desk_cases("deciding"), seen_and(outcome="granted")),
    "desk:confirm": Row(_proposer, "POST", desk_cases("proposed"), seen_and(preview="1")),
    "desk:give_back": Row(reader(*OFFICERS), "POST", desk_cases("proposed"), seen_and(reason="Why?")),
    "desk:letter": Row(reader(), things=desk_parts("judging", "letter")),
    "desk:document": Row(reader(), things=desk_parts("judging", "document")),
    "desk:picture": Row(reader(), things=desk_parts("judging", "document", page=1)),
    "desk:original": Row(reader(), things=desk_parts("judging", "document")),
    "desk:signed": Row(reader(), things=desk_parts("judging", "document")),
    "desk:ask_signatures": Row(reader(*OFFICERS), "POST", desk_cases("founding")),
    "desk:assign_signature": Row(
        reader(*OFFICERS),
        "POST",
        desk_parts("signing", "document"),
        lambda world, thing: {"field": "x", "code": world.ids["signer code"]},
    ),
    "desk:tell_signer": Row(
        reader(*OFFICERS),
        "POST",
        desk_cases("signing"),
        lambda world, thing: {"code": world.ids["signer code"]},
    ),
    "desk:offer_again": Row(reader(*OFFICERS), "POST", desk_cases("access_b")),
    "desk:judge": Row(
        reader(*OFFICERS), "POST", desk_parts("judging", "document"), just(verdict="accept", judged="")
    ),
    "desk:sort": Row(
        reader(*OFFICERS), "POST", desk_parts("mailed", "document"), just(place="identity_document")
    ),
    "desk:dates": Row(
        reader(*OFFICERS), "POST", desk_parts("judging", "document"), just(issued_on="2026-01-31")
    ),
    "desk:board": Row(
        reader(),
        _BOTH,
        body=lambda world, thing: {"day": world.today + timedelta(days=70)},
        post_gate=reader(*SECRETARIES),
    ),
    "desk:session": Row(reader(), things=numbered("session_id", "convened")),
    "desk:convene": Row(reader(*SECRETARIES), "POST", numbered("session_id", "planned")),
    "desk:close": Row(reader(*SECRETARIES), "POST", numbered("session_id", "empty"), just(present="A chair")),
    "desk:record": Row(reader(*SECRETARIES), "POST", _items, just(outcome="adjourned", note="Later")),
    "desk:session_paper": Row(reader(), things=numbered("session_id", "convened", what="agenda")),
    "desk:expiring": Row(reader()),
    "desk:register": Row(reader(), query={"q": "Xq"}),
    "desk:provider": Row(reader(), things=numbered("provider_id", "provider_a")),
    "desk:account": Row(reader("supervisor"), "POST", _accounts),
    "desk:provider_letter": Row(reader(), things=_desk_letters),
    "desk:newsletter": Row(desk(*SENDERS)),
    "desk:new_issue": Row(desk(*WRITERS), _BOTH, body=just(**_ISSUE_TEXTS)),
    "desk:issue": Row(desk(*SENDERS), things=numbered("issue_id", "issue")),
    "desk:write_issue": Row(desk(*WRITERS), _BOTH, numbered("issue_id", "issue"), just(**_ISSUE_TEXTS)),
    "desk:send_issue": Row(_sender, "POST", numbered("issue_id", "own issue"), _issue),
    "desk:call_back_issue": Row(desk(*SENDERS), "POST", numbered("issue_id", "scheduled")),
    "desk:proof": Row(desk(*WRITERS), "POST", numbered("issue_id", "issue"), just(language="fr")),
    "desk:discard_issue": Row(desk(*WRITERS), "POST", numbered("issue_id", "issue")),
    "desk:outbox": Row(reader()),
    "desk:release": Row(reader("supervisor"), "POST"),
    "desk:send_again": Row(
        reader(*OFFICERS), "POST", lambda world: [Thing({"mail_id": 1}), Thing({"mail_id": ID})]
    ),
    "desk:staff": Row(
        desk("administrator"),
        _BOTH,
        body=just(name="New", email="new@example.org", language="fr", role="officer"),
    ),
    "desk:member": Row(desk("administrator"), things=users),
    "desk:grant_role": Row(
        desk("administrator"), "POST", users, just(role="officer", valid_from="2026-01-01")
    ),
    "desk:end_role": Row(
        desk("administrator"),
        "POST",
        lambda world: [Thing({"user_id": world.users["editor"].pk}, {"user_id": ID})],
        just(role="editor", why="left"),
    ),
    "desk:reset_factor": Row(desk("administrator"), "POST", users, just(why="lost")),
    "desk:set_active": Row(desk("administrator"), "POST", users, just(why="left", active="no")),
    "desk:audit": Row(desk("auditor"), query={"action": "case"}),
    # What belongs to no room
    "signed_in": Row(signed_in, _BOTH),
    "strong_sign_in": Row(signed_in, _BOTH),
    "set_language": Row(in_reach, "POST", body=just(language="de")),
    "static_file": Row(in_reach, things=_files),
}


def _keys(world: World) -> list[Thing]:
    return [Thing({"pk": world.ids["key"]}, {"pk": ID}, NONE)]


#: Pages of django-allauth, which answer somebody known with a page or lead elsewhere, and never with an error.
SIGN_IN: dict[str, Row] = {
    **{
        name: Row(signed_in, "any")
        for name in (
            "account_reauthenticate",
            "account_email",
            "account_change_password",
            "account_set_password",
            "mfa_index",
            "mfa_reauthenticate",
            "mfa_activate_totp",
            "mfa_deactivate_totp",
            "mfa_view_recovery_codes",
            "mfa_generate_recovery_codes",
            "mfa_download_recovery_codes",
            "mfa_list_webauthn",
            "mfa_add_webauthn",
            "mfa_reauthenticate_webauthn",
            "socialaccount_connections",
        )
    },
    **{
        name: Row(in_reach, "any")
        for name in (
            "account_login",
            "account_logout",
            "account_inactive",
            "account_signup",
            "account_email_verification_sent",
            "account_reset_password",
            "account_confirm_login_code",
            "account_reset_password_from_key_done",
            "account_reset_password_done",
            "mfa_authenticate",
            "mfa_login_webauthn",
            "socialaccount_login_cancelled",
            "socialaccount_login_error",
            "socialaccount_signup",
            "account/social/login/cancelled/",
            "account/social/login/error/",
            "account/social/signup/",
            "account/social/connections/",
            "account/oidc/oidc/login/",
        )
    },
    "account_confirm_email": Row(
        in_reach, "any", lambda world: [Thing({"key": "MQ:none"}, {"key": "Mg:none"}, NONE)]
    ),
    "account_reset_password_from_key": Row(
        in_reach,
        "any",
        lambda world: [
            Thing({"uidb36": str(world.users["person"].pk), "key": "a-b"}, {"uidb36": "zzz", "key": "a-b"})
        ],
    ),
    "mfa_remove_webauthn": Row(signed_in, "any", _keys),
    "mfa_edit_webauthn": Row(signed_in, "any", _keys),
    "openid_connect_login": Row(in_reach, "any", lambda world: [Thing({"provider_id": "none"})]),
    "openid_connect_callback": Row(in_reach, "any", lambda world: [Thing({"provider_id": "none"})]),
}
