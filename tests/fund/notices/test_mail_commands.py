"""`caisse fund mails`: what waits, left or failed, and what arrived; neither texts nor addresses."""

import json

import pytest
from click.testing import CliRunner

from caisse.cli import cli
from caisse.fund.notices import incoming
from caisse.fund.notices.actions import queue_mail
from caisse.fund.notices.errors import NoRelay
from caisse.fund.notices.incoming import Outcome
from caisse.fund.notices.models import IncomingMail, Mail


@pytest.fixture
def say(db):
    def run(*arguments, code=0):
        done = CliRunner().invoke(cli, ["fund", "mails", "--home", str(db.path), *arguments])
        assert done.exit_code == code, done.output
        return done.output

    return run


def test_mails_are_listed_without_content_and_addresses(say, db, mail_config, now):
    assert say() == "No mail yet.\n"
    mail_config(relay="")
    refused = CliRunner().invoke(cli, ["fund", "mails", "--home", str(db.path), "--release"])
    assert isinstance(refused.exception, NoRelay)
    mail_config(relay="smtp://127.0.0.1:9")
    queue_mail(
        to="anna@practice.test", subject="secret", text="body", about=("case", "2026-000001"), by="t", at=now
    )
    Mail.objects.update(state="failed", answer="550 5.1.1 <anna@practice.test> no such user")
    for said in (say(), say("--json"), say("--state", "failed")):
        assert "2026-000001" in said and "no such user" in said and "practice.test" in said
        assert "anna" not in said and "secret" not in said and "body" not in said
    assert json.loads(say("--json"))["states"] == {"failed": 1}
    assert json.loads(say("--json", "--state", "sent"))["mails"] == []
    say("--again", "1")
    assert Mail.objects.get().state == "queued"


def test_incoming_mails_are_listed_with_what_became_of_them(say, now):
    assert say("--incoming") == "No mail arrived yet.\n"
    incoming.receive_mail(
        sha256="a" * 64,
        size=12,
        envelope_from="anna@practice.test",
        recipients=["intake@fund.test"],
        by="t",
        at=now,
    )
    assert "not read yet" in say("--incoming")
    read = Outcome(
        "opened", "anna@practice.test", case_number="2026-000001", notes=[("Anna Muster.pdf", "kept")]
    )
    incoming.note_read(mail_id=IncomingMail.objects.get().pk, outcome=read, by="t", at=now)
    for said in (say("--incoming"), say("--incoming", "--json")):
        assert "opened" in said and "2026-000001" in said
        assert "nna" not in said
