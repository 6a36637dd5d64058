"""Who may come in through the HTTPS door: network first, then account, then how often."""

import base64
import binascii
import math
from functools import cache

from django.conf import settings

from caisse.fund.exchange import queries
from caisse.fund.exchange.doors.mail import Mail
from caisse.fund.exchange.doors.problems import CHALLENGE, Problem
from caisse.fund.exchange.doors.resumable import ResumableUploads
from caisse.fund.exchange.doors.threads import DatabaseThreads
from caisse.fund.exchange.doors.throttle import FailedLogins, Places, Window
from caisse.fund.exchange.models import Account
from caisse.fund.home import FundConfig, Home

_REQUESTS, _SECONDS = 600, 10.0  # of one account
_UPLOADS = 8  # of one account at a time


class Reception:
    """The reception of one web process."""

    def __init__(self, home: Home, config: FundConfig) -> None:
        self.home, self.config = home, config
        self.threads = DatabaseThreads(8, "https")
        self._login_threads = DatabaseThreads(2, "https-login")
        self._failed = FailedLogins()
        self._requests = Window(_REQUESTS, _SECONDS)
        self.uploads = Places(_UPLOADS)
        self._resumable: dict[int, ResumableUploads] = {}

    def check_network(self, address: str) -> None:
        """Raise Problem unless the address lies in an allowed network."""
        if not self.config.is_allowed(address):
            raise Problem(403)

    async def admit(self, address: str, authorization: str) -> Account:
        """The account of the caller. Raises Problem: wrong network, not logged in, or too many requests;
        CodeClosed when the account's provider code does not hold today.

        An unknown user name costs the caller the same time and gets the same answer as a wrong password.
        """
        self.check_network(address)
        user, password = _credentials(authorization)
        if (wait := self._failed.wait_seconds(address, user)) > 0:
            raise _too_many(wait)
        account = await self._login_threads.run(queries.authenticate_password, user, password)
        if account is None:
            self._failed.failed(address, user)
            raise Problem(401, headers=CHALLENGE)
        self._failed.succeeded(address, user)
        if (wait := self._requests.take(account.pk)) > 0:
            raise _too_many(wait)
        return account

    def resumable(self, account_id: int) -> ResumableUploads:
        """The account's uploads that may be gone on with."""
        if account_id not in self._resumable:
            folder = self.home.staging / "https" / str(account_id)
            self._resumable[account_id] = ResumableUploads(folder, self.config.limits.bytes, self.threads)
        return self._resumable[account_id]

    def mail(self, account: Account) -> Mail:
        """The account's mailbox."""
        return Mail(self.home, account, "https")


@cache
def reception() -> Reception:
    """The reception of this process."""
    return Reception(settings.HOME, settings.FUND)


def _too_many(wait: float) -> Problem:
    seconds = max(1, math.ceil(wait))
    return Problem(429, "LIM-005", headers={"Retry-After": str(seconds)})


def _credentials(authorization: str) -> tuple[str, str]:
    """User name and password of HTTP Basic authentication (RFC 7617)."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise Problem(401, headers=CHALLENGE)
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise Problem(401, headers=CHALLENGE) from None
    if not colon or "\0" in user:
        raise Problem(401, headers=CHALLENGE)
    return user, password
