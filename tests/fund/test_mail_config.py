"""[mail] of fund.toml: read whole, or refused with the entry that cannot be read."""

import tomllib

import pytest

from caisse.fund import mail_config
from caisse.fund.mail_config import Relay


def test_the_template_is_what_it_says():
    config = mail_config.read(tomllib.loads(mail_config.TEMPLATE)["mail"])
    assert (config.relay, config.host, config.port) == ("", "", 8025)
    assert config.sender == "Caisse <noreply@caisse.example>"
    assert [str(network) for network in config.relays] == ["127.0.0.0/8", "::1/128"]


@pytest.mark.parametrize(
    ("url", "relay"),
    [
        ("smtp://mail.test", Relay("smtp", "mail.test", 25)),
        ("smtps://fund%40x@mail.test", Relay("smtps", "mail.test", 465, "fund@x")),
        ("smtp+starttls://u@[::1]:2525", Relay("smtp+starttls", "::1", 2525, "u")),
    ],
)
def test_a_relay_is_a_url(url, relay):
    assert mail_config.read_relay(url) == relay


@pytest.mark.parametrize(
    "table",
    [
        {"relay": "mail.test:25"},
        {"relay": "http://mail.test"},
        {"relay": "smtp://user@mail.test"},
        {"relay": "smtps://user:secret@mail.test"},
        {"relays": ["10.0.0.1/8"]},
        {"sender": "x@y.test"},
        {"unknown": 1},
        {"intake": "a+b@fund.test"},
        {"bounces": "nobody"},
    ],
)
def test_what_cannot_be_read_is_refused(table):
    with pytest.raises(ValueError, match=r"mail|host bits"):
        mail_config.read(table)
