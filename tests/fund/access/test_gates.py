"""Who gets to which page."""

from datetime import date

import pytest
from django.http import HttpResponse
from django.test import override_settings
from django.urls import include, path
from django.utils import timezone

from caisse.fund.access import actions, gates, queries
from caisse.fund.registry.models import Provider
from tests.fund.visitors import person, staff, visitor


def _says(request, **kwargs):
    return HttpResponse("here")


urlpatterns = [
    path("desk/any/", gates.desk_page()(_says)),
    path("desk/cases/", gates.desk_page("officer", "supervisor")(_says)),
    path("provider/<int:provider_id>/", gates.provider_page("casework")(_says)),
    path("signing/", gates.strong_page(within=5)(_says)),
    path("own/", gates.signed_in_page(_says)),
    path("", include("caisse.fund.pages.urls")),
]
handler403 = "caisse.fund.pages.errors.forbidden"
handler404 = "caisse.fund.pages.errors.not_found"


@pytest.fixture(autouse=True)
def _urls(db):
    with override_settings(ROOT_URLCONF=__name__):
        yield


@pytest.mark.parametrize("address", ["/desk/any/", "/desk/cases/", "/provider/1/", "/signing/", "/own/"])
def test_somebody_unknown_is_led_to_sign_in(address):
    answer = visitor().get(address)
    assert answer.status_code == 302
    assert answer["Location"] == f"/account/login/?next={address}"


def test_the_desk_does_not_exist_for_whoever_is_no_staff(now):
    client = visitor(person(now), factor="totp")
    assert client.get("/desk/any/").status_code == 404
    assert client.get("/desk/any/").content == client.get("/desk/nothing-here/").content


def test_the_desk_needs_a_second_factor_used_in_this_session(now):
    user = staff(now, "officer")
    answer = visitor(user).get("/desk/cases/")
    assert answer["Location"] == "/account/confirm/?next=%2Fdesk%2Fcases%2F"
    for factor in ("totp", "webauthn", "recovery_codes"):
        assert visitor(user, factor=factor).get("/desk/cases/").content == b"here"


def test_staff_without_the_role_are_told_so_and_the_administrator_reads_no_case(now):
    client = visitor(staff(now, "administrator"), factor="totp")
    assert client.get("/desk/any/").content == b"here"
    answer = client.get("/desk/cases/")
    assert answer.status_code == 403
    assert "role" in answer.text


def test_a_role_opens_nothing_before_its_first_day_and_after_its_last(now):
    user = person(now)
    today = timezone.localdate()
    actions.grant_role(user=user, role="officer", valid_from=date(2999, 1, 1), by="test", at=now)
    client = visitor(user, factor="totp")
    assert client.get("/desk/cases/").status_code == 404
    actions.grant_role(
        user=user,
        role="supervisor",
        valid_from=date(2020, 1, 1),
        valid_until=date(2999, 1, 1),
        by="test",
        at=now,
    )
    assert client.get("/desk/cases/").status_code == 200
    actions.end_role(user=user, role="supervisor", valid_until=today, why="left", by="test", at=now)
    assert client.get("/desk/cases/").status_code == 404


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ({}, "192.0.2.7"),
        ({}, "2001:db8::7"),
        ({"X-Forwarded-For": "127.0.0.1"}, "192.0.2.7"),
        ({"X-Forwarded-For": "127.0.0.1"}, "127.0.0.1"),
        ({"Forwarded": "for=127.0.0.1"}, "127.0.0.1"),
        ({"Via": "1.1 somewhere"}, "127.0.0.1"),
        ({}, "nonsense"),
        ({}, ""),
    ],
)
def test_the_desk_does_not_exist_in_other_networks_or_through_unknown_proxies(now, headers, address):
    client = visitor(staff(now, "officer"), factor="totp")
    answer = client.get("/desk/cases/", headers=headers, REMOTE_ADDR=address)
    assert answer.status_code == 404
    # Not even for somebody unknown, who is asked to sign in elsewhere.
    assert visitor().get("/desk/cases/", headers=headers, REMOTE_ADDR=address).status_code == 404


def test_a_provider_exists_only_for_those_who_may_act_for_it(now):
    mine, other = (Provider.objects.create(name=f"Practice {n}") for n in "AB")
    user = person(now)
    actions.grant_mandate(
        user=user, provider_id=mine.pk, scope="casework", valid_from=date(2020, 1, 1), by="test", at=now
    )
    client = visitor(user)
    assert client.get(f"/provider/{mine.pk}/").content == b"here"
    foreign, nobody = client.get(f"/provider/{other.pk}/"), client.get("/provider/999999/")
    assert foreign.status_code == nobody.status_code == 404
    assert foreign.content == nobody.content


def test_an_owner_may_do_everything_and_a_scope_is_no_other(now):
    provider = Provider.objects.create(name="Practice")
    owner, exchange = person(now, "owner@example.org"), person(now, "exchange@example.org")
    for user, scope in ((owner, "owner"), (exchange, "exchange")):
        actions.grant_mandate(
            user=user, provider_id=provider.pk, scope=scope, valid_from=date(2020, 1, 1), by="test", at=now
        )
    assert visitor(owner).get(f"/provider/{provider.pk}/").status_code == 200
    assert visitor(exchange).get(f"/provider/{provider.pk}/").status_code == 404
    today = timezone.localdate()
    assert queries.providers_of(exchange, today) == (provider.pk,)
    assert queries.providers_of(exchange, today, "casework") == ()
    actions.set_active(user=owner, active=False, why="asked", by="test", at=now)
    assert queries.providers_of(owner, today) == ()


def test_a_signature_needs_two_factors_just_now(now):
    user = person(now)
    assert visitor(user).get("/signing/").status_code == 302
    assert visitor(user, factor="totp", ago=60).get("/signing/").content == b"here"
    assert visitor(user, factor="totp", ago=301).get("/signing/").status_code == 302
    # A recovery code proves who signs in, but no more; nor does a provider that is not configured.
    assert visitor(user, factor="recovery_codes").get("/signing/").status_code == 302
    assert visitor(user, factor="oidc").get("/signing/").status_code == 302
