"""Signing in as people do, in a real browser: link and password, authenticator app, security key, recovery code."""

import base64
import hmac
import re
import struct
import time

from allauth.mfa.models import Authenticator
from django.db import connection
from playwright.sync_api import expect

from caisse.fund.access import actions, invitations
from tests.fund.visitors import person

PASSWORD = "sieben magere Geigen"
OWN_PAGE = re.compile(r"^https://[^/]+/account/email/$")


def code(secret, at=None):
    """The code an authenticator app shows (RFC 6238: SHA-1, 6 digits, 30 seconds)."""
    counter = int((at or time.time()) // 30)
    mac = hmac.digest(base64.b32decode(secret), struct.pack(">Q", counter), "sha1")
    place = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[place : place + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


def events(user):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT action FROM audit_event WHERE subject_type = 'user' AND subject_id = %s ORDER BY id",
            [str(user.pk)],
        )
        return [row[0] for row in cursor.fetchall()]


def with_password(user):
    user.set_password(PASSWORD)
    user.save()
    return user


def sign_in(page, user):
    page.goto("/account/login/")
    page.get_by_label("Email").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign In", exact=True).click()


def set_up_app(page):
    """Set up an authenticator app and return its secret; the password is asked for again first."""
    page.goto("/account/2fa/totp/activate/")
    if "reauthenticate" in page.url:
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Confirm").click()
    secret = page.locator("#authenticator_secret").input_value()
    page.get_by_label("Authenticator code").fill(code(secret))
    page.get_by_role("button", name="Activate").click()
    expect(page.get_by_role("heading", name="Recovery Codes")).to_be_visible()
    return secret


def test_from_the_link_in_the_mail_to_the_second_factor(visit, check, now):
    user = person(now)
    link = invitations.invite(user=user, by="test", at=now)
    path = re.sub(r"^https://[^/]+", "", link)
    page = visit(path)
    page.get_by_label("New Password", exact=False).first.fill(PASSWORD)
    page.get_by_label("New Password (again)", exact=False).fill(PASSWORD)
    check(page, "set-password", both=True)
    page.get_by_role("button", name="Change Password").click()
    expect(page.get_by_role("heading")).to_contain_text("Change Password")
    # The address works once.
    expect(visit(path).locator("main")).to_contain_text("invalid")
    sign_in(page, user)
    page.wait_for_url("**/")
    page.goto("/account/confirm/?next=/account/email/")
    expect(page.locator("#messages")).to_contain_text("second factor")
    check(page, "second-factor", both=True)
    page.goto("/account/2fa/totp/activate/")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    check(page, "authenticator-app", both=True)
    secret = set_up_app(page)
    check(page, "recovery-codes", both=True)
    stored = Authenticator.objects.get(user=user, type="totp").data
    assert secret not in str(stored)
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, user)
    check(page, "asks-for-code", both=True)
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Sign In").click()
    expect(page.locator(".summary")).to_contain_text("Incorrect code")
    # The code of the next half minute is accepted too; the one used above would be no second time.
    page.get_by_label("Code").fill(code(secret, time.time() + 30))
    page.get_by_role("button", name="Sign In").click()
    page.wait_for_url("**/")
    page.goto("/account/confirm/?next=/account/email/")
    check(page, "confirm-by-code", both=True)
    assert events(user)[:3] == ["user.created", "user.invited", "user.password_reset"]
    assert events(user)[3:].count("user.signed_in") == 2
    assert "user.totp_activated" in events(user)


def test_a_recovery_code_works_once_and_a_reset_takes_everything_away(visit, now):
    user = with_password(person(now))
    page = visit("/")
    sign_in(page, user)
    set_up_app(page)
    recovery = page.locator("textarea").input_value().split()
    assert len(recovery) == 10
    for attempt in range(2):
        page.get_by_role("button", name="Sign out").click()
        sign_in(page, user)
        page.get_by_label("Code").fill(recovery[attempt and 0])
        page.get_by_role("button", name="Sign In").click()
        if attempt == 0:
            page.wait_for_url("**/")
            expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        else:
            expect(page.locator(".summary")).to_contain_text("Incorrect code")
            page.get_by_label("Code").fill(recovery[1])
            page.get_by_role("button", name="Sign In").click()
            page.wait_for_url("**/")
            break
    assert actions.reset_second_factor(user=user, why="telephone lost", by="test", at=now) == 2
    page.goto("/account/email/")
    assert "/account/login/" in page.url
    user.refresh_from_db()
    assert not user.has_usable_password()
    assert events(user)[-1] == "user.second_factor_reset"


def test_a_security_key_signs_in_alone_and_confirms(visit, check, now):
    user = with_password(person(now))
    page = visit("/")
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send(
        "WebAuthn.addVirtualAuthenticator",
        {"options": {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
                     "isUserVerified": True, "automaticPresenceSimulation": True}},
    )  # fmt: skip
    sign_in(page, user)
    page.wait_for_url("**/")
    page.goto("/account/2fa/webauthn/add/")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    check(page, "add-security-key", both=True)
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name="Recovery Codes")).to_be_visible()
    assert Authenticator.objects.filter(user=user, type="webauthn").count() == 1
    page.get_by_role("button", name="Sign out").click()
    page.goto("/account/login/?next=/account/email/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_url(OWN_PAGE)
    page.goto("/account/confirm/?next=/account/email/")
    check(page, "confirm-by-key", both=True)
    page.locator("main form button").first.click()
    expect(page).to_have_url(OWN_PAGE)
    assert events(user).count("user.signed_in") == 2
    assert page.said == []
