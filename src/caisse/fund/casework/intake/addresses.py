"""Our addresses for incoming mail, and the one that leads to a case: intake+2026-000123-abc…@fund.example."""

import base64
import re

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

_CASE = re.compile(r"(20\d\d-\d{6})-([a-z2-7]{16})")


def case_address(number: str) -> str:
    """The address at which mail belongs to a case whoever sends it; for the applicant's eyes alone."""
    local, _, host = settings.FUND.mail.intake.partition("@")
    return f"{local}+{number}-{_mac(number)}@{host}"


def case_of(recipient: str) -> str | None:
    """The number of the case that an address proves knowledge of; None for any other address."""
    token = recipient.lower().partition("@")[0].partition("+")[2]
    found = _CASE.fullmatch(token)
    return found[1] if found and constant_time_compare(_mac(found[1]), found[2]) else None


def is_bounce(recipient: str) -> bool:
    """True for the address that reports of failed delivery go to."""
    return _is_at(recipient, settings.FUND.mail.bounces)


def is_ours(recipient: str) -> bool:
    """True for the intake and bounce addresses, whatever follows a "+" in them."""
    return _is_at(recipient, settings.FUND.mail.intake) or is_bounce(recipient)


def _is_at(recipient: str, ours: str) -> bool:
    local, _, host = recipient.lower().rpartition("@")
    our_local, _, our_host = ours.lower().partition("@")
    return host == our_host and local.partition("+")[0] == our_local


def _mac(number: str) -> str:
    digest = salted_hmac("caisse.casework.intake", number, algorithm="sha256").digest()
    return base64.b32encode(digest[:10]).decode().lower()
