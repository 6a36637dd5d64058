"""Addresses that pass as such in a browser, but to which the fund cannot write."""

import pytest

from caisse.fund.access.models import User
from caisse.fund.notices.models import Mail
from tests.fund.visitors import visitor

_ADDRESSES = (
    "x@ex\u00e4mple.org",
    "-x@example.org",
    "x@example.org\r\nBcc: y@example.org",
    '"x y"@example.org',
)


@pytest.mark.parametrize("email", _ADDRESSES)
@pytest.mark.parametrize(
    "path", ["/newsletter/", "/apply/doctors/", "/account/signup/", "/account/password/reset/"]
)
def test_they_are_told_and_nothing_breaks(db, path, email):
    client = visitor()
    client.raise_request_exception = False
    password = "a long pass phrase of a test"
    given = {
        "email": email,
        "language": "en",
        "name": "Somebody",
        "password1": password,
        "password2": password,
    }
    answer = client.post(path, given)
    assert answer.status_code < 500
    assert not Mail.objects.exists() or '"x y"' in email
    if answer.status_code != 302:
        assert not User.objects.exists()
