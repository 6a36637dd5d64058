from datetime import UTC, datetime, timedelta

import pytest

from caisse.fund.audit.models import AuditEvent
from caisse.fund.casework.models import Case
from caisse.fund.exchange import actions as exchange
from caisse.fund.notices.models import RelayState
from caisse.fund.registry import actions as registry
from tests.fund.desk.counter import Counter, text_of


@pytest.fixture
def granted(counter: Counter) -> Case:
    return counter.office.grant(counter.office.reviewed("physiotherapists"))


@pytest.mark.parametrize("by", ["name", "code", "dashed", "national"])
def test_a_provider_is_found_by_what_one_has(counter: Counter, granted: Case, by: str) -> None:
    code = str(granted.code)
    text = {
        "name": "exemp", "code": code, "dashed": f"{code[:6]}-{code[6:]}", "national": granted.sheet["national_number"],
    }[by]  # fmt: skip
    page = text_of(counter.at("officer").get("/desk/register/", {"q": text}))
    assert "1 provider found" in page
    assert "Exemple Exemple" in page
    event = AuditEvent.objects.get(action="provider.listed")
    assert event.data == {"providers": [granted.provider_id]}
    assert "Nobody found" in text_of(counter.at("officer").get("/desk/register/", {"q": "nobody at all"}))


def test_the_whole_account_number_is_the_supervisors_and_on_the_record(
    counter: Counter, granted: Case
) -> None:
    address, iban = f"/desk/register/{granted.provider_id}/", "LU280019400644750000"
    for name in ("officer", "supervisor"):
        page = counter.at(name).get(address).content.decode()
        assert iban not in page
        assert "LU… 0000" in page
    account = granted.provider.accounts.get().pk
    assert counter.at("officer").post(f"{address}accounts/{account}/").status_code == 403
    shown = counter.at("supervisor").post(f"{address}accounts/{account}/")
    assert iban in shown.content.decode()
    event = AuditEvent.objects.filter(action="provider.read", data={"what": f"account {account}"})
    assert event.count() == 1
    assert counter.at("supervisor").post(f"{address}accounts/{account + 99}/").status_code == 404
    # A past day stays the one that is looked at.
    asked = "on=2031-03-04&known_at="
    page = counter.at("supervisor").get(f"{address}?{asked}").text
    assert f'action="{address}accounts/{account}/?{asked}"'.replace("&", "&amp;") in page
    assert 'value="2031-03-04"' in counter.at("supervisor").post(f"{address}accounts/{account}/?{asked}").text


def test_any_day_as_it_was_known_at_any_time(counter: Counter, granted: Case) -> None:
    office = counter.office
    before = office.tick()
    office.tick(days=1)
    day = office.today + timedelta(days=60)
    registry.suspend_code(code=granted.code, valid_from=day, why="Enquiry.", by="test", at=office.tick())
    officer, address = counter.at("officer"), f"/desk/register/{granted.provider_id}/"
    assert "Suspended" in text_of(officer.get(address, {"on": str(day)}))
    known = before.strftime("%Y-%m-%dT%H:%M")
    page = text_of(officer.get(address, {"on": str(day), "known_at": known}))
    assert "Suspended" not in page
    assert "as they were known on" in page
    assert officer.get(address, {"on": "nonsense", "known_at": "99"}).status_code == 200
    assert officer.get("/desk/register/987654/").status_code == 404


@pytest.mark.parametrize(("language", "says"), [
    ("fr", "1er décembre 2026 à 00:30"), ("de", "1. Dezember 2026, 00:30"), ("en", "1 December 2026, 00:30"),
])  # fmt: skip
def test_a_moment_is_written_as_the_letters_write_days(
    counter: Counter, granted: Case, language: str, says: str
) -> None:
    RelayState.objects.create(
        failing_since=datetime(2026, 11, 30, 23, 30, tzinfo=UTC), try_again_at=counter.office.at, attempts=3,
        why="x",
    )  # fmt: skip
    officer = counter.at("officer", language=language)
    given = {"on": "2026-12-01", "known_at": "2026-12-01T00:30"}
    for address in ("/desk/outbox/", f"/desk/register/{granted.provider_id}/"):
        shown = " ".join(text_of(officer.get(address, given)).split())
        assert says in shown and (language != "fr" or " 1 décembre" not in shown)


def test_licences_near_their_end_are_followed_up(counter: Counter) -> None:
    office = counter.office
    case = office.grant(office.reviewed("physiotherapists"))
    end = office.today + timedelta(days=20)
    registry.record_licence(
        provider_id=case.provider_id, kind="authorisation_to_practise", number="A-77", issued_on=None,
        valid_from=office.today - timedelta(days=400), valid_until=end, document_sha256="", codes=[case.code],
        by="test", at=office.tick(),
    )  # fmt: skip
    gone = registry.register_provider(name="Gone Astray", by="test", at=office.tick())
    registry.record_licence(
        provider_id=gone, kind="authorisation_to_practise", number="A-78", issued_on=None,
        valid_from=office.today - timedelta(days=400), valid_until=office.today - timedelta(days=5),
        document_sha256="", codes=[], by="test", at=office.tick(),
    )  # fmt: skip
    page = text_of(counter.at("officer").get("/desk/expiring/"))
    soon, lapsed = page.index("A-77"), page.index("A-78")
    assert page.index("Within 30 days") < soon < page.index("Within 90 days") < lapsed
    assert (end - timedelta(days=1)).strftime("%d/%m/%Y") in page
    assert "none asked for" in page
    renewal = office.submit(
        office.complete(
            office.open(
                "physiotherapists", kind="licence_renewal", provider_id=case.provider_id, code=case.code
            )
        )
    )
    assert renewal.number in text_of(counter.at("officer").get("/desk/expiring/"))


def test_who_has_to_be_connected_and_is_not(counter: Counter) -> None:
    office = counter.office
    case = office.grant(office.reviewed("laboratories"))
    from caisse.fund.casework.exchange_access import not_connected

    day = office.today + timedelta(days=30)
    assert [one.code for one in not_connected(day)] == [case.code]
    assert not_connected(day)[0].days == (day - not_connected(day)[0].since).days
    exchange.create_account(provider_code=case.code, frame="LAB", password=None, by="test", at=office.tick())
    assert not_connected(day) == []
