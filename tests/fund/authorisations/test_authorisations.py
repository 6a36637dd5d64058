"""The register of authorisations: what was granted, how it ended, and how it stood at any earlier moment."""

import json
from datetime import date

import pytest
from django.db import IntegrityError, transaction

from caisse.fund.audit.models import AuditEvent
from caisse.fund.authorisations import actions, queries
from caisse.fund.authorisations.actions import Grant
from caisse.fund.authorisations.models import Authorisation, GrantedAct
from caisse.fund.registry import actions as registry
from tests.together.harness import run

LAB, PERSON, NEW_NUMBER = 52001700, 1980010100187, 2000123199983
FROM, UNTIL = date(2024, 3, 1), date(2024, 9, 1)


@pytest.fixture
def registered(db, now):
    by = {"by": "test", "at": now}
    registry.publish_funds(**by)
    provider = registry.register_provider(name="Laboratory", **by)
    registry.allocate_code(
        provider_id=provider, code=LAB, profession="laboratories", valid_from=date(2020, 1, 1), **by
    )
    return registry.enrol_person(number=PERSON, fund="CNS", insured_from=date(2020, 1, 1), **by)


def grant_of(number: str = "A-1", **changes) -> Grant:
    given = {
        "laboratory": LAB, "insured_person": PERSON, "acts": {"LFE0001": 25_000, "LGE0001": 6_000},
        "granted_on": date(2024, 2, 26), "valid_from": FROM, "valid_until": UNTIL,
    }  # fmt: skip
    return Grant(number=number, **{**given, **changes})


def granted(now, *numbers: str, **changes) -> int:
    for number in numbers:
        actions.grant_authorisation(grant=grant_of(number, **changes), by="medical control", at=now)
    return queries.current_revision()


def statuses(number: str, revision: int) -> list[tuple]:
    return queries.grants([number], revision=revision).select("act", "valid_until", "status").rows()


def test_what_was_granted_is_read_as_the_rules_ask_for_it(registered, now):
    revision = granted(now, "A-1", "A-2")
    frame = queries.grants(["A-1", "unheard of"], revision=revision)
    assert frame.schema == queries.GRANTS_SCHEMA
    assert frame.rows() == [
        ("A-1", LAB, PERSON, "LFE0001", 25_000, FROM, UNTIL, "granted"),
        ("A-1", LAB, PERSON, "LGE0001", 6_000, FROM, UNTIL, "granted"),
    ]
    assert queries.grants([], revision=revision).is_empty()
    assert {entry.number: entry.acts for entry in queries.entries(laboratory=LAB, limit=1)} == {
        "A-2": {"LFE0001": ("APCM", 25_000), "LGE0001": ("APCNS", 6_000)}
    }
    assert queries.entries(laboratory=LAB + 1, limit=9) == []


def test_no_two_authorisations_share_a_number(registered, now):
    granted(now, "A-1")
    with pytest.raises(actions.NumberTaken, match="A-1"):
        granted(now, "A-1", acts={"LDE0001": 100})
    assert (Authorisation.objects.count(), GrantedAct.objects.count()) == (1, 2)
    row = Authorisation.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        GrantedAct.objects.create(authorisation=row, act="LFE0001", letters="APCM", granted_cents=1)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"acts": {}}, "no collective code"),
        ({"acts": {"BC001": 229}}, "BC001 is no collective code; those are LDE0001"),
        ({"acts": {"LDE0001": 0}}, "not positive"),
        ({"valid_until": FROM}, "before its first day"),
        ({"laboratory": LAB + 97}, "No provider"),
        ({"insured_person": NEW_NUMBER}, "does not know"),
        ({"number": " A-1"}, "no number a request file could carry"),
        ({"number": "A" * 51}, "no number a request file could carry"),
    ],
)
def test_what_cannot_be_granted_leaves_nothing_behind(registered, now, wrong, told):
    events = AuditEvent.objects.count()
    with pytest.raises(actions.NotAuthorisable, match=told):
        grant = {"number": "A-1", **wrong}
        actions.grant_authorisation(grant=grant_of(**grant), by="test", at=now)
    assert not Authorisation.objects.exists()
    assert (queries.current_revision(), AuditEvent.objects.count()) == (0, events)


def test_an_end_holds_from_its_day_and_a_withdrawal_altogether(registered, now):
    first = granted(now, "A-1")
    actions.end_authorisation(number="A-1", valid_until=date(2024, 6, 1), why="treated", by="test", at=now)
    second = queries.current_revision()
    actions.withdraw_authorisation(number="A-1", why="granted in error", by="test", at=now)
    third = queries.current_revision()
    # What was known at each moment stays known: a file is judged again on what held then.
    for revision, end, status in ((first, UNTIL, "granted"), (second, date(2024, 6, 1), "granted"), (third, date(2024, 6, 1), "withdrawn")):  # fmt: skip
        assert statuses("A-1", revision) == [("LFE0001", end, status), ("LGE0001", end, status)]
    assert queries.grants(["A-1"], revision=first - 1).is_empty()
    entry = queries.entries(limit=9)[0]
    assert (entry.status, entry.valid_until, entry.why) == ("withdrawn", date(2024, 6, 1), "granted in error")


def test_what_has_ended_is_not_ended_again_later(registered, now):
    granted(now, "A-1")
    known = {"number": "A-1", "why": "test", "by": "test", "at": now}
    with pytest.raises(actions.NothingToEnd):
        actions.end_authorisation(valid_until=UNTIL, **known)
    actions.end_authorisation(valid_until=date(2024, 6, 1), **known)
    with pytest.raises(actions.NothingToEnd):
        actions.end_authorisation(valid_until=date(2024, 6, 2), **known)
    actions.end_authorisation(valid_until=date(2024, 5, 1), **known)
    actions.withdraw_authorisation(**known)
    for again in (actions.withdraw_authorisation, lambda **k: actions.end_authorisation(valid_until=FROM, **k)):  # fmt: skip
        with pytest.raises(actions.NothingToEnd):
            again(**known)
    with pytest.raises(actions.NoSuchAuthorisation, match="A-9"):
        actions.withdraw_authorisation(number="A-9", why="test", by="test", at=now)


def test_every_change_is_an_event_that_names_no_person(registered, now):
    before = AuditEvent.objects.count()
    granted(now, "A-1", acts={"LDE0001": 4_000})
    actions.end_authorisation(number="A-1", valid_until=date(2024, 6, 1), why="treated", by="test", at=now)
    actions.withdraw_authorisation(number="A-1", why="in error", by="test", at=now)
    events = AuditEvent.objects.order_by("pk")[before:]
    assert [(event.action, event.subject_type, event.subject_id, event.why) for event in events] == [
        ("authorisations.grant", "authorisation", "A-1", ""),
        ("authorisations.end", "authorisation", "A-1", "treated"),
        ("authorisations.withdraw", "authorisation", "A-1", "in error"),
    ]
    assert events[0].data["acts"] == {"LDE0001": 4_000}
    assert str(PERSON) not in json.dumps([event.data for event in events])


def test_the_commands_record_list_and_end(registered, home):
    def said(*words, accept=(0,)):
        told = run("fund", "authorisation", *words, "--home", home.path, "--json", accept=accept)
        return json.loads(told.stdout)

    new = ("record", "--provider", LAB, "--person", PERSON, "--from", FROM, "--until", UNTIL)
    assert said(*new, "--number", "A-7", "--act", "LDE0001=40.00", "--act", "LGE0001=9.5", "--granted-on", "2024-02-26") == {
        "number": "A-7", "acts": {"LDE0001": 4_000, "LGE0001": 950},
    }  # fmt: skip
    for wrong in (
        ("--number", "A-7", "--act", "LDE0001=40.00"),
        ("--number", "A-8", "--act", "LDE0001"),
        ("--number", "A-8", "--act", "LDE0001=1", "--act", "LDE0001=2"),
        ("--number", "A-8", "--act", "BC001=2.29"),
    ):
        assert said(*new, *wrong, accept=(2,))["exit_code"] == 2
    assert said("end", "A-7", "--why", "neither", accept=(2,))["exit_code"] == 2
    assert said("end", "A-7", "--until", "2024-05-01", "--why", "treated")["until"] == "2024-05-01"
    (entry,) = said("list", "--provider", LAB)["authorisations"]
    assert (entry["number"], entry["status"], entry["valid_until"]) == ("A-7", "ended", "2024-05-01")
    assert (entry["granted_on"], entry["why"]) == ("2024-02-26", "treated")
    assert entry["acts"] == [
        {"act": "LDE0001", "letters": "ACM", "granted_cents": 4_000, "used_by": None},
        {"act": "LGE0001", "letters": "APCNS", "granted_cents": 950, "used_by": None},
    ]
