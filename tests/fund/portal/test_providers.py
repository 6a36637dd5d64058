"""What is registered of a provider, and the cases that begin there."""

from datetime import date

import pytest

from caisse.fund.access import actions as access
from caisse.fund.audit.models import AuditEvent
from caisse.fund.casework.models import Case
from caisse.fund.registry.models import Provider
from tests.fund.portal.test_application import complete
from tests.fund.visitors import person, visitor


@pytest.fixture
def granted(office):
    """An application of a signed-in doctor, granted: with a code, a site, an account and a licence."""
    case = office.open("doctors", owner_id=office.user("owner"))
    office.submit(office.complete(case))
    from caisse.fund.casework.actions import examination

    examination.take_case(case_id=case.pk, officer_id=office.user("officer"), at=office.tick())
    office.accept_all(case)
    return office.grant(case, effective_from=office.today)


def test_a_provider_sees_what_is_registered_but_no_number_in_full(granted):
    client = visitor(granted.owner)
    page = f"/providers/{granted.provider_id}/"
    assert page in client.get("/").text
    text = client.get(page).text
    shown = f"{granted.code // 100:06}-{granted.code % 100:02}"
    assert shown in text and "Valable" in text
    assert "LU280019400644750000" not in text and "•••• 0000" in text
    assert granted.sheet["national_number"] not in text
    letter = granted.provider.letters.get(kind="code_granted")
    answer = client.get(f"{page}letters/{letter.pk}/")
    assert b"".join(answer.streaming_content).startswith(b"%PDF-")
    assert granted.number in text


def test_that_somebody_reads_for_the_owner_is_recorded(granted, now):
    user = person(now, "secretary@example.org")
    access.grant_mandate(
        user=user, provider_id=granted.provider_id, scope="casework", valid_from=date(2020, 1, 1), by="test",
        at=now,
    )  # fmt: skip
    for one in (granted.owner, user):
        assert visitor(one).get(f"/providers/{granted.provider_id}/").status_code == 200
    [event] = AuditEvent.objects.filter(action="provider.read")
    assert (event.by, event.subject_id) == (f"user {user.pk}", str(granted.provider_id))


def test_nobody_else_sees_a_provider(granted, now):
    for user in (person(now, "other@example.org"),):
        for page in ("", "start/address_change/", "letters/1/"):
            foreign = visitor(user).get(f"/providers/{granted.provider_id}/{page}")
            nobody = visitor(user).get(f"/providers/999999/{page}")
            assert foreign.status_code == nobody.status_code == 404
            assert foreign.content == nobody.content
    assert visitor().get(f"/providers/{granted.provider_id}/").status_code == 302


def test_a_letter_of_another_provider_is_not_there(granted, office, now):
    other = Provider.objects.create(name="Practice")
    access.grant_mandate(
        user=person(now, "other@example.org"), provider_id=other.pk, scope="owner",
        valid_from=date(2020, 1, 1), by="test", at=now,
    )  # fmt: skip
    client = visitor(type(granted.owner).objects.get(email="other@example.org"))
    letter = granted.provider.letters.first()
    assert client.get(f"/providers/{other.pk}/letters/{letter.pk}/").status_code == 404
    # Who has no code opens no case about one.
    assert client.get(f"/providers/{other.pk}/start/address_change/").status_code == 404


@pytest.mark.parametrize(
    "kind", ["new_site", "address_change", "bank_account_change", "licence_renewal", "end_of_activity"]
)
def test_each_change_is_begun_filled_in_and_handed_in(granted, kind):
    client = visitor(granted.owner)
    page = f"/providers/{granted.provider_id}/start/{kind}/"
    assert client.get(page).status_code == 200
    assert client.post(page, {"code": "12345678"}).status_code == 200
    answer = client.post(page, {"code": str(granted.code)})
    case = Case.objects.latest("pk")
    assert answer["Location"] == f"/cases/{case.number}/questions/"
    assert (case.kind, case.code, case.provider_id) == (kind, granted.code, granted.provider_id)
    complete(client, case)
    client.post(f"/cases/{case.number}/check/")
    case.refresh_from_db()
    assert case.state == "submitted", client.get(f"/cases/{case.number}/check/").text


def test_only_what_the_profession_may_ask_for_begins(granted):
    client = visitor(granted.owner)
    text = client.get(f"/providers/{granted.provider_id}/").text
    assert "start/manager_change/" not in text
    # Doctors are offered no electronic exchange; an application is no case of a provider.
    for kind in ("manager_change", "exchange_access", "new_code", "appeal", "nothing"):
        assert client.get(f"/providers/{granted.provider_id}/start/{kind}/").status_code == 404
        assert client.post(f"/providers/{granted.provider_id}/start/{kind}/").status_code == 404
