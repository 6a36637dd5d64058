"""A small fund in which every word about a person occurs once, so that a stray one tells whose it is.

Two providers with codes, cases in several states with documents, questions, letters and decisions, a session
of the Board, newsletters, subscriptions, mails; and one visitor of every sort.
"""

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

import asyncssh
from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives.asymmetric import ec
from django.db.models import QuerySet
from django.test import Client
from django.utils import timezone
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

from caisse.agreement.identifiers import national_number, provider_code
from caisse.fund.access import actions as access
from caisse.fund.access.models import User
from caisse.fund.casework import links, queries
from caisse.fund.casework.actions import applications, board, decisions, examination, files, hand_over
from caisse.fund.casework.actions import signatures as signing
from caisse.fund.casework.models import BoardItem, BoardSession, Case, Decision
from caisse.fund.exchange import actions as exchange
from caisse.fund.exchange.models import Account
from caisse.fund.notices import issues, subscriptions
from caisse.fund.notices.links import change_link, confirm_link, unsubscribe_link
from caisse.fund.notices.models import Subscription
from caisse.fund.payments.models import AnnualStatement
from caisse.fund.payments.statements import issue_statements
from caisse.fund.registry import actions as registry
from caisse.fund.registry import queries as register
from tests.fund.casework.associations.members import proof
from tests.fund.casework.office import Office, filled, pdf
from tests.fund.visitors import visitor

#: Far from the desk's networks.
FAR = "192.0.2.7"
STAFF = ("officer", "supervisor", "board_secretary", "editor", "auditor", "administrator")
_serial = itertools.count(1)
_NONE: Mapping[str, Any] = MappingProxyType({})


def iban(number: int) -> str:
    """A Luxembourg account number of nobody."""
    bban = f"0019{number:012d}9"[:16]
    rest = int(bban + "213000") % 97
    return f"LU{98 - rest:02d}{bban}"


@dataclass
class World:
    """What there is, by name: ``cases``, ``users``, ``ids`` of everything else, and whose each secret is."""

    office: Office
    cases: dict[str, Case] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    #: Secret -> whose it is: the name of a case, a provider, "staff" or "subscribers"; what others than its
    #: owner may read, too, is "number of …" a case, "actor of …", "card of …" a provider (his name), "code of …",
    #: "key of …".
    secrets: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    _owners: dict[str, str] = field(default_factory=dict)

    @property
    def today(self) -> date:
        return timezone.localdate()

    def secret(self, owner: str, what: str) -> str:
        """A word that stands nowhere else."""
        made = f"Xq{next(_serial)}{what}Zw"
        self.secrets[made] = owner
        return made

    def keep(self, owner: str, value: str) -> str:
        """A value that must not be seen by others, in a form the system wants."""
        self.secrets[value] = owner
        return value

    def user(self, name: str, owner: str = "") -> User:
        """A person who signs in, with a name and an address of his own."""
        owner = owner or name
        email = self.keep(owner, f"{name.replace('_', '-')}-x{next(_serial)}@example.org")
        made = access.create_user(
            email=email, name=self.secret(f"actor of {owner}", "Name"), language="en", by="test",
            at=self.office.tick(),
        )  # fmt: skip
        self.users[name] = made
        return made

    def sheet(self, case: Case, owner: str, given: Mapping[str, str]) -> dict[str, str]:
        """A sound sheet whose every word is a secret of ``owner``, but for what is given."""
        found = filled(case)
        for asked in queries.catalogue_of(case).fields(case.kind, case.profession, case.facts):
            number = next(_serial)
            if asked.name in given:
                found[asked.name] = given[asked.name]
            elif "house_number" in asked.name:
                found[asked.name] = str(number)
            elif asked.type in ("text", "long_text") and found[asked.name]:
                found[asked.name] = self.secret(owner, "")
            elif asked.type == "national_number":
                found[asked.name] = self.keep(owner, national_number.make(1950, 5, 17, number % 1000))
            elif asked.type == "iban":
                found[asked.name] = self.keep(owner, iban(number))
            elif asked.type == "email":
                found[asked.name] = self.keep(owner, f"sheet-x{number}@example.org")
            elif asked.type == "phone":
                found[asked.name] = self.keep(owner, f"+352 621 {number:06d}")
            elif asked.type == "date" and found[asked.name]:
                ahead = -60 if asked.name in ("licence_issued_on", "notified_on") else 0
                found[asked.name] = str(self.today + timedelta(days=ahead))
        return found

    def case(
        self, name: str, profession: str, kind: str = "new_code", owner: str = "",
        facts: Mapping[str, bool] = _NONE, sheet: Mapping[str, str] = _NONE, **more: Any,
    ) -> Case:  # fmt: skip
        """A complete draft; everything in it is a secret of ``owner``. Facts are "no" unless given."""
        owner = self._owners[name] = owner or name
        given = {"email": self.keep(owner, f"case-x{next(_serial)}@example.org"), "language": "en",
                 "door": "portal", **more}  # fmt: skip
        new = applications.NewCase(kind=kind, profession=profession, **given)
        opened = applications.open_case(new=new, by="test", at=self.office.tick())
        case = Case.objects.get(pk=opened.case_id)
        self.keys[name] = opened.key
        self.keep(f"number of {owner}", opened.number)
        if profession:
            self.fill(case, owner, facts, sheet)
        case.refresh_from_db()
        self.cases[name] = case
        return case

    def fill(self, case: Case, owner: str, facts: Mapping[str, bool], sheet: Mapping[str, str]) -> None:
        """Answer, fill in and attach; also the names of files are secrets."""
        catalogue = queries.catalogue_of(case)
        asked = {fact.key: False for fact in catalogue.facts_for(case.kind, case.profession)} | dict(facts)
        applications.answer_facts(case_id=case.pk, facts=asked, by="test", at=self.office.tick())
        case.refresh_from_db()
        applications.fill_sheet(
            case_id=case.pk, values=self.sheet(case, owner, sheet), by="test", at=self.office.tick()
        )
        for wanted in queries.requirements(case):
            if not wanted.online:
                self.attach(case, wanted.document, wanted.part, owner)

    def attach(self, case: Case, kind: str, part: str, owner: str) -> int:
        """Hand in a document under a name that is a secret."""
        wanted = queries.catalogue_of(case).documents.get(kind)
        dates: dict[str, object] = {}
        if wanted is not None and wanted.issued != "none":
            dates["issued_on"] = self.today - timedelta(days=30)
        if wanted is not None and wanted.expires == "required":
            dates["expires_on"] = self.today + timedelta(days=700)
        name = f"{self.secret(owner, 'File')}.pdf"
        content = pdf(f"{kind} {part} {case.number} {next(_serial)}")
        arriving = files.Arriving(path=self.office.upload(content), name=name, kind=kind, part=part, **dates)
        return files.receive_file(case_id=case.pk, arriving=arriving, by="test", at=self.office.tick())

    def submit(self, name: str) -> Case:
        case = self.cases[name]
        lacking = queries.missing(case, on=self.today)
        assert not lacking, [(one.place, one.why, one.detail) for one in lacking]
        return self.office.submit(case)

    def review(self, name: str, *, accept: bool = True) -> Case:
        """Handed in and taken by the officer, with everything accepted if wanted."""
        case = self.submit(name)
        officer = self.users["officer"].pk
        examination.take_case(case_id=case.pk, officer_id=officer, at=self.office.tick())
        for document in case.documents.filter(state="received") if accept else ():
            examination.judge_document(
                document_id=document.pk, accepted=True, officer_id=officer, at=self.office.tick()
            )
        case.refresh_from_db()
        return case

    def ask(self, name: str) -> None:
        """Ask something back, and leave a note for colleagues."""
        case, officer, owner = self.cases[name], self.users["officer"].pk, self._owners[name]
        examination.write_note(
            case_id=case.pk, text=self.secret("desk", "Note"), officer_id=officer, at=self.office.tick()
        )
        examination.ask_back(
            case_id=case.pk, questions=[("", self.secret(owner, "Question"))], officer_id=officer,
            at=self.office.tick(),
        )  # fmt: skip
        case.refresh_from_db()
        self.ids[f"{name} question"] = case.questions.latest("pk").pk
        # A new document, so that there is one to take back.
        self.ids[f"{name} document"] = self.attach(case, "unsorted", "", owner)
        self.ids[f"{name} letter"] = case.letters.filter(made_at__isnull=False).latest("pk").pk

    def decide(self, name: str, outcome: str = "granted", *, second: bool = True) -> Case:
        case = self.cases[name]
        grounds = self.secret(self._owners[name], "Grounds") if outcome == "refused" else ""
        state = decisions.propose_decision(
            case_id=case.pk, verdict=decisions.Verdict(outcome, grounds),
            officer_id=self.users["officer"].pk, at=self.office.tick(),
        )  # fmt: skip
        if state == "proposed" and second:
            decisions.confirm_decision(
                case_id=case.pk, officer_id=self.users["supervisor"].pk, at=self.office.tick()
            )
        case.refresh_from_db()
        return case

    def card(self, owner: str, provider_id: int, code: int | None) -> None:
        """A provider's name and code, which others read who are asked to sign with him."""
        found = register.provider_page(provider_id, self.today)
        assert found is not None and code is not None
        for value in SECRET.findall(found.provider.name):
            self.keep(f"card of {owner}", value)
        for value in (provider_code.format(str(code)), str(code)):
            self.keep(f"code of {owner}", value)

    def client(self, name: str) -> Client:
        """The browser of one of the visitors; made anew each time, so that nothing is left in it."""
        return _MAKERS[name](self)


def _signed_in(name: str, factor: str = "totp") -> Any:
    return lambda world: visitor(world.users[name], factor=factor)


def _weak(name: str) -> Any:
    return _signed_in(name, "")


def _far(world: World, name: str = "") -> Client:
    client = visitor(world.users[name], factor="totp") if name else visitor()
    client.defaults["REMOTE_ADDR"] = FAR
    return client


def _by_link(world: World) -> Client:
    client = visitor()
    answer = client.get(f"/case/{world.cases['linked'].number}/{world.keys['linked']}")
    assert answer.status_code == 302
    return client


_MAKERS: dict[str, Any] = {
    "nobody": lambda world: visitor(),
    "nobody_far": _far,
    "deactivated": _signed_in("deactivated"),
    "link": _by_link,
    "person": _signed_in("person"),
    "owner": _signed_in("owner"),
    "provider_a": _signed_in("provider_a"),
    "casework_a": _signed_in("casework_a"),
    "mandate_ended": _signed_in("mandate_ended"),
    "mandate_begins": _signed_in("mandate_begins"),
    "mandate_other_scope": _signed_in("mandate_other_scope"),
    "provider_b": _signed_in("provider_b"),
    "signer": _signed_in("signer"),
    "signer_weak": _weak("signer"),
    **{role: _signed_in(role) for role in STAFF},
    **{f"{role}_weak": _weak(role) for role in ("officer", "administrator")},
    "officer_ended": _signed_in("officer_ended"),
    "officer_begins": _signed_in("officer_begins"),
    "officer_far": lambda world: _far(world, "officer"),
    "administrator_and_officer": _signed_in("administrator_and_officer"),
}
VISITORS = tuple(_MAKERS)
#: What a secret of the world looks like.
SECRET = re.compile(
    r"Xq\d+\w*?Zw|[\w.-]+-x\d+@example\.org|LU\d\d(?: ?\d{4}){4}|19500517\d{5}"
    r"|\+352 621 \d{6}|\d{4}-\d{6}|\d{6}-\d\d|\b\d{8}\b|SHA256:[\w+/]{43}"
)


def make_world(office: Office) -> World:
    """Everything, through the real actions."""
    world = World(office)
    _users(world)
    _providers(world)
    _signer(world)
    _cases(world)
    _signatures(world)
    _accounts(world)
    _board(world)
    _newsletter(world)
    _statements(world)
    return world


def _users(world: World) -> None:
    since, at = date(2020, 1, 1), world.office.tick()
    for role in STAFF:
        access.grant_role(user=world.user(role, "staff"), role=role, valid_from=since, by="test", at=at)
    both = world.user("administrator_and_officer", "staff")
    for role in ("administrator", "officer"):
        access.grant_role(user=both, role=role, valid_from=since, by="test", at=at)
    access.grant_role(
        user=world.user("officer_ended"), role="officer", valid_from=since, valid_until=world.today,
        by="test", at=at,
    )  # fmt: skip
    access.grant_role(
        user=world.user("officer_begins"), role="officer", valid_from=world.today + timedelta(days=1),
        by="test", at=at,
    )  # fmt: skip
    for name in ("person", "owner", "provider_a", "casework_a", "mandate_ended", "mandate_begins",
                 "mandate_other_scope", "provider_b", "signer", "deactivated"):  # fmt: skip
        world.user(name)


def _providers(world: World) -> None:
    """Each provider comes from a case that was granted; who opened it may act for it as its owner."""
    for letter, profession in (("a", "dieticians"), ("b", "physiotherapists")):
        owner = world.users[f"provider_{letter}"]
        world.case(f"granted_{letter}", profession, owner=f"provider_{letter}", owner_id=owner.pk)
        world.review(f"granted_{letter}")
        case = world.decide(f"granted_{letter}")
        assert case.state == "granted", case.state
        provider = case.provider_id
        assert provider is not None
        world.ids[f"provider_{letter}"] = provider
        world.card(f"provider_{letter}", provider, case.code)
        world.ids[f"provider_{letter} letter"] = case.letters.filter(made_at__isnull=False).latest("pk").pk
        world.ids[f"provider_{letter} account"] = register.provider_page(provider, world.today).accounts[0].pk
    today, one = world.today, timedelta(days=1)
    for name, scope, first, until in (
        ("casework_a", "casework", date(2020, 1, 1), None),
        ("mandate_ended", "casework", date(2020, 1, 1), today),
        ("mandate_begins", "casework", today + one, None),
        ("mandate_other_scope", "exchange", date(2020, 1, 1), None),
        ("deactivated", "owner", date(2020, 1, 1), None),
    ):
        access.grant_mandate(
            user=world.users[name], provider_id=world.ids["provider_a"], scope=scope, valid_from=first,
            valid_until=until, by="test", at=world.office.tick(),
        )  # fmt: skip
    world.users["deactivated"].is_active = False
    User.objects.filter(pk=world.users["deactivated"].pk).update(is_active=False)


def _of_provider(world: World, letter: str) -> dict[str, Any]:
    granted = world.cases[f"granted_{letter}"]
    return {"owner": f"provider_{letter}", "provider_id": granted.provider_id, "code": granted.code}


def _cases(world: World) -> None:
    a, b = _of_provider(world, "a"), _of_provider(world, "b")
    # Those that wait for their applicants: one for each way of reaching a case.
    world.case("linked", "doctors")
    world.case("owned", "physiotherapists", owner_id=world.users["owner"].pk)
    world.case("of_a", "dieticians", "address_change", **a)
    world.case("of_b", "physiotherapists", "address_change", **b)
    for name in ("linked", "owned", "of_a", "of_b"):
        world.review(name, accept=False)
        world.ask(name)
    # Those the staff works on, one for each page.
    world.case("new", "midwives")
    world.submit("new")
    world.case("judging", "nurses")
    world.review("judging", accept=False)
    world.case("deciding", "dentists")
    world.review("deciding")
    world.case("proposed", "dieticians", "bank_account_change", **a)
    world.review("proposed")
    world.decide("proposed", second=False)
    world.case("cooling", "physiotherapists", "bank_account_change", **b)
    world.review("cooling")
    world.decide("cooling")
    world.case("refused", "dieticians", owner_id=world.users["owner"].pk, owner="owned")
    world.review("refused")
    world.decide("refused", "refused")
    world.case("draft", "doctors")
    world.case("mailed", "", door="mail")
    world.ids["mailed document"] = world.attach(world.cases["mailed"], "unsorted", "", "mailed")
    states = {name: case.state for name, case in world.cases.items()}
    assert states["proposed"] == "proposed" and states["cooling"] == "cooling_off", states
    assert states["refused"] == "refused" and states["of_b"] == "incomplete", states
    world.ids["key"] = _security_key(world, "provider_a")
    for name in ("judging", "deciding"):
        world.ids[f"{name} document"] = world.cases[name].documents.earliest("pk").pk
        world.ids[f"{name} letter"] = (
            world.cases[name].letters.filter(made_at__isnull=False).earliest("pk").pk
        )
    world.tokens["objection"] = links.objection_link(_decisions("cooling", world).latest("pk")).rpartition(
        "/"
    )[2]
    world.tokens["again"] = links.again_link(world.cases["linked"]).rpartition("/")[2]


def _security_key(world: World, name: str) -> int:
    """A security key of a visitor, as a browser registers it."""
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    credential = AttestedCredentialData.create(Aaguid.NONE, b"k" * 32, ES256.from_cryptography_key(point))
    flags = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.AT
    proved = AuthenticatorData.create(b"r" * 32, flags, 0, credential)
    told = {
        "id": websafe_encode(b"k" * 32), "rawId": websafe_encode(b"k" * 32), "type": "public-key",
        "clientExtensionResults": {},
        "response": {
            "clientDataJSON": websafe_encode(
                CollectedClientData.create("webauthn.create", b"c" * 32, "https://localhost")
            ),
            "attestationObject": websafe_encode(AttestationObject.create("none", proved, {})),
        },
    }  # fmt: skip
    data = {"name": world.secret(name, "Key"), "credential": told}
    return Authenticator.objects.create(user=world.users[name], type="webauthn", data=data).pk


def _signer(world: World) -> None:
    """Somebody of provider B's profession, whom B wants to practise with."""
    said: dict[str, Any] = {"by": "test", "at": world.office.tick()}
    provider = registry.register_provider(
        name=world.secret("signer", "Name"), kind="person", language="en", **said,
        email=world.keep("signer", f"signer-x{next(_serial)}@example.org"),
    )  # fmt: skip
    code = registry.allot_code(
        provider_id=provider, profession="physiotherapists", valid_from=date(2020, 1, 1), **said
    )
    access.grant_mandate(
        user=world.users["signer"], provider_id=provider, scope="owner", valid_from=date(2020, 1, 1), **said
    )
    world.ids |= {"signer": provider, "signer code": code}
    world.card("signer", provider, code)


def _signatures(world: World) -> None:
    """Two associations of B and the signer: for one they are asked to sign, for the other not yet."""
    b = _of_provider(world, "b")
    codes = {"b": b["code"], "signer": world.ids["signer code"]}
    given = {"members": "\n".join(map(str, codes.values())), "effective_from": str(world.today)}
    for name in ("signing", "founding"):
        more = {**b, "owner": name, "facts": {"founding": True}, "sheet": given}
        world.case(name, "physiotherapists", "association", **more)
        world.review(name)
        world.ids[f"{name} document"] = world.attach(world.cases[name], "unsorted", "", name)
    case = world.cases["signing"]
    signing.ask_signatures(case_id=case.pk, officer_id=world.users["officer"].pk, at=world.office.tick())
    case.refresh_from_db()
    assert case.state == "awaiting_signatures", case.state
    for name, code in codes.items():
        world.ids[f"signature {name}"] = case.signatures.get(signer_code=code).pk
    at = world.office.tick()
    signing.give_signature(
        signature_id=world.ids["signature b"], user=world.users["provider_b"], evidence=proof(at), at=at
    )


def _accounts(world: World) -> None:
    """An account of the exchange for A, whose password was collected, and one for B, whose password waits."""
    for letter, profession in (("a", "dieticians"), ("b", "physiotherapists")):
        name, of = f"access_{letter}", _of_provider(world, letter)
        given = {"provider_code": str(of["code"]), "verb": "activate", "effective_from": str(world.today)}
        world.case(name, profession, "exchange_access", sheet=given, **of)
        world.review(name)
        world.decide(name)
        account = Account.objects.get(provider_code=of["code"])
        world.ids[f"exchange {letter}"] = account.pk
        key = asyncssh.generate_private_key("ssh-ed25519").export_public_key("openssh").decode()
        made = exchange.add_key(account_id=account.pk, public_key=key, by="test", at=world.office.tick())
        world.ids[f"key {letter}"] = made.pk
        world.keep(f"key of provider_{letter}", made.fingerprint)
    at = timezone.now()
    hand_over.collect_secret(
        account_id=world.ids["exchange a"], user=world.users["provider_a"], evidence=proof(at), at=at
    )


def _decisions(name: str, world: World) -> QuerySet[Decision]:
    return Decision.objects.filter(case=world.cases[name])


def _board(world: World) -> None:
    """A session whose agenda is fixed, one that is only planned, and one that has nothing to decide."""
    secretary, at = f"user {world.users['board_secretary'].pk}", world.office.tick
    for name, ahead in (("convened", 9), ("planned", 40), ("empty", 5)):
        day = world.today + timedelta(days=ahead)
        world.ids[name] = board.plan_session(day=day, by=secretary, at=at())
        if name == "empty":
            board.convene_session(session_id=world.ids[name], by=secretary, at=at())
        if name == "convened":
            world.case("board", "medical_device_traders")
            case = world.review("board")
            board.send_to_board(
                case_id=case.pk, recommendation=world.secret("board", "Recommendation"),
                officer_id=world.users["officer"].pk, at=at(),
            )  # fmt: skip
            board.convene_session(session_id=world.ids[name], by=secretary, at=at())
    world.ids["item"] = BoardItem.objects.get(session_id=world.ids["convened"]).pk
    assert BoardSession.objects.get(pk=world.ids["convened"]).agenda_id


def _newsletter(world: World) -> None:
    texts = {
        language: {
            "subject": world.secret("newsletter", "Subject"),
            "body": world.secret("newsletter", "Body"),
        }
        for language in ("fr", "de", "en")
    }
    for name, author in (("issue", "editor"), ("scheduled", "editor"), ("own issue", "officer")):
        by = f"user {world.users[author].pk}"
        world.ids[name] = issues.write_issue(texts=texts, professions=[], by=by, at=world.office.tick())
    issues.schedule_issue(
        issue_id=world.ids["scheduled"], send_at=timezone.now() + timedelta(days=3), by="test",
        at=world.office.tick(),
    )  # fmt: skip
    found = {}
    for name in ("asked", "confirmed"):
        email = world.keep("subscribers", f"subscriber-x{next(_serial)}@example.org")
        subscriptions.subscribe(
            email=email, professions=["doctors"], language="en", by="test", at=world.office.tick()
        )
        found[name] = Subscription.objects.get(email=email)
    world.tokens["confirm"] = confirm_link(found["asked"]).rpartition("/")[2]
    subscriptions.confirm(
        token=confirm_link(found["confirmed"]).rpartition("/")[2], by="test", at=world.office.tick()
    )
    found["confirmed"].refresh_from_db()
    world.tokens["change"] = change_link(found["confirmed"]).rpartition("/")[2]
    world.tokens["unsubscribe"] = unsubscribe_link(found["confirmed"]).rpartition("/")[2]


def _statements(world: World) -> None:
    """Provider B belongs to an association, and has its statement of this year: issued when the year was over."""
    office, code = world.office, world.cases["granted_b"].code
    assert code is not None
    since = register.standing(code, world.today).valid_from
    given = {"profession": "physiotherapists", "valid_from": since, "by": "test"}
    found = registry.found_association(
        name=world.secret("provider_b", "Association"), at=office.tick(), **given
    )
    common = registry.allot_code(provider_id=found, at=office.tick(), **given)
    world.keep("provider_b", provider_code.format(str(common)))
    registry.add_member(association_id=found, member=code, valid_from=since, by="test", at=office.tick())
    issue_statements(
        year=world.today.year, by="test", at=office.tick().replace(year=world.today.year + 1, month=2, day=1)
    )
    world.ids["provider_b statement"] = AnnualStatement.objects.get().pk
