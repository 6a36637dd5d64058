import asyncio
import threading
from dataclasses import dataclass, field, replace

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from tests.ports import reserved_port


@pytest.fixture
def mail_config(db, monkeypatch):
    """Change [mail] of fund.toml for one test."""
    from django.conf import settings

    def change(**values):
        changed = replace(settings.FUND, mail=replace(settings.FUND.mail, **values))
        monkeypatch.setattr(settings, "FUND", changed)
        return changed.mail

    return change


@dataclass
class Relay:
    """A real SMTP server: what it took, and the answers it gives before it takes anything."""

    taken: list = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    recipients: dict[str, str] = field(default_factory=dict)
    hang_up: int = 0
    sessions: int = 0

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        self.sessions += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.recipients:
            return self.recipients[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.hang_up:
            self.hang_up -= 1
            server.transport.abort()
            await asyncio.sleep(0)
            return "421 gone"
        if self.answers:
            return self.answers.pop(0)
        self.taken.append(envelope)
        return "250 OK"


class _Controller(Controller):
    def factory(self):
        return SMTP(self.handler, hostname="relay.test", **self.SMTP_kwargs)


def start_relay(handler, port=0, **options):
    """The controller of a running relay; `controller.port` is real though 0 was asked for."""
    controller = _Controller(handler, hostname="127.0.0.1", port=port or reserved_port(), **options)
    controller.start()
    return controller


@pytest.fixture
def relay(mail_config):
    handler = Relay()
    controller = start_relay(handler)
    mail_config(relay=f"smtp://127.0.0.1:{controller.port}", sender="Fund <noreply@fund.test>",
                intake="intake@fund.test", bounces="bounces@fund.test")  # fmt: skip
    yield handler
    controller.stop()
    assert threading.active_count() < 50


@pytest.fixture
def at_once(db):
    """Make every mail and the relay due now, as if the time had passed."""
    from django.utils import timezone

    from caisse.fund.notices.models import Mail, RelayState

    def due():
        Mail.objects.filter(state="queued").update(due_at=timezone.now())
        RelayState.objects.update(try_again_at=None)

    return due


@pytest.fixture
def subscribed(relay, now):
    """A confirmed subscription; its confirmation mail is gone."""

    from caisse.fund.notices import subscriptions
    from caisse.fund.notices.models import Mail

    from .newsletter import ask, token

    def make(address="anna@practice.test", professions=("dentists",), language="fr", at=None):
        at = at or now
        ask(at, address, professions, language)
        mail = Mail.objects.get(to=address)
        found = subscriptions.confirm(token=token(mail, "confirm"), by="t", at=at)
        mail.delete()
        return found

    return make


@pytest.fixture
def issue(db, now):
    from caisse.fund.notices import issues

    from .newsletter import TEXTS

    def make(professions=(), send_at=None, written=TEXTS):
        made = issues.write_issue(texts=written, professions=professions, by="user 1", at=now)
        issues.schedule_issue(issue_id=made, send_at=send_at or now, by="user 1", at=now)
        return made

    return make
