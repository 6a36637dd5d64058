"""Mails leave once, by a real relay that is slow to agree, refuses, breaks off or is not there."""

import email
import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from email.policy import default

import pytest
from django.conf import settings
from django.core import mail as django_mail
from django.db import connection, transaction
from django.utils import timezone

from caisse.fund.audit.models import AuditEvent as Event
from caisse.fund.notices import actions, addresses, queries, sending
from caisse.fund.notices.actions import Attachment, queue_mail
from caisse.fund.notices.errors import MailNotFailed, MailRefused, NoRelay
from caisse.fund.notices.models import Mail, RelayState
from tests.ports import reserved_port

from .conftest import start_relay


def write(now, to="anna@practice.test", **changes):
    return queue_mail(
        **{
            "to": to, "subject": "Votre dossier 2026-000123", "text": "Bonjour,\n.\nmerci für alles – €\n",
            "about": ("case", "2026-000123"), "by": "test", "at": now, **changes,
        }
    )  # fmt: skip


def read(envelope):
    return email.message_from_bytes(envelope.content, policy=default)


def jobs(task=actions.SEND_TASK):
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs WHERE task_name = %s", [task])
        return cursor.fetchone()[0]


def test_a_mail_arrives_as_it_was_written(relay, now):
    pdf = bytes(range(256)) * 40
    mail_id = write(now, html="<p>Bonjour</p>", language="fr",
                    attachments=[Attachment("décision n° 1.pdf", "application/pdf", pdf)])  # fmt: skip
    assert sending.send_waiting() == 1
    (envelope,) = relay.taken
    assert envelope.rcpt_tos == ["anna@practice.test"]
    assert envelope.mail_from == addresses.bounce_address(mail_id)
    message = read(envelope)
    assert str(message["From"]) == "Fund <noreply@fund.test>"
    assert (message["To"], message["Subject"]) == ("anna@practice.test", "Votre dossier 2026-000123")
    assert (message["Auto-Submitted"], message["Content-Language"]) == ("auto-generated", "fr")
    assert message["Date"].datetime == now
    assert message["Message-ID"].endswith("@fund.test>")
    assert (
        message.get_body(("plain",)).get_content().replace("\r", "") == "Bonjour,\n.\nmerci für alles – €\n"
    )
    assert message.get_body(("html",)).get_content().split() == ["<p>Bonjour</p>"]
    (attached,) = message.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("décision n° 1.pdf", pdf)
    assert max(map(len, envelope.content.split(b"\r\n"))) <= 998
    assert envelope.content.isascii()
    (line,) = queries.latest_mails()
    assert (line.state, line.attempts, line.sent_at is not None) == ("sent", 1, True)
    assert sending.send_waiting() == 0
    assert len(relay.taken) == 1


def test_a_mail_and_its_job_commit_with_the_transaction(relay, now):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        write(now)
        raise ZeroDivisionError
    assert (Mail.objects.count(), jobs(), Event.objects.count()) == (0, 0, 0)
    with transaction.atomic():
        write(now)
    assert (Mail.objects.count(), jobs()) == (1, 1)


def test_the_record_has_neither_address_nor_text(relay, now):
    write(now)
    sending.send_waiting()
    for event in Event.objects.all():
        said = json.dumps(event.data) + event.by + event.why + event.subject_id
        assert "anna" not in said
        assert "Bonjour" not in said
    assert list(Event.objects.order_by("pk").values_list("action", flat=True)) == ["mail.queued", "mail.sent"]


def test_without_a_relay_mails_are_held_until_released(mail_config, relay, now):
    url = mail_config().relay
    mail_config(relay="")
    mail_id = write(now)
    assert queries.mails_by_state() == {"held": 1}
    assert jobs() == 0
    assert sending.send_waiting() == 0
    with pytest.raises(NoRelay):
        actions.release_held_mails(by="test", at=now)
    mail_config(relay=url)
    assert sending.send_waiting() == 0, "nothing old leaves only because a relay is there"
    assert actions.release_held_mails(by="test", at=now) == 1
    assert sending.send_waiting() == 1
    assert Mail.objects.get(pk=mail_id).state == "sent"


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "anna@practice.test\nBcc: all@practice.test"},
        {"to": "anna@practice.test, eve@practice.test"},
        {"to": "<anna@practice.test>"},
        {"to": "anna@practice.test\x00"},
        {"to": "-oQ/tmp@practice.test"},
        {"to": ""},
        {"subject": "x\r\nBcc: eve@practice.test"},
        {"subject": "x\u2028y"},
        {"subject": " "},
        {"subject": "x" * 251},
        {"headers": {"Bcc": "eve@practice.test"}},
        {"headers": {"To": "eve@practice.test"}},
        {"headers": {"List-Id": "x\r\nBcc: eve@practice.test"}},
        {"attachments": [Attachment("x\r\nBcc: y", "application/pdf", b"")]},
        {"attachments": [Attachment('x";y="', "application/pdf", b"")]},
        {"attachments": [Attachment("../x", "application/pdf", b"")]},
        {"attachments": [Attachment("x", "application/pdf\r\nX: y", b"")]},
        {"attachments": [Attachment("x", "application/pdf", bytes(actions.LARGEST_ATTACHMENTS + 1))]},
    ],
)
def test_what_is_no_mail_is_refused_and_nothing_is_kept(relay, now, changes):
    with pytest.raises(MailRefused):
        write(now, **changes)
    assert Mail.objects.count() == 0


def test_a_relay_that_says_later_is_asked_later_with_the_same_mail(relay, at_once):
    relay.answers = ["451 4.7.1 greylisted, come back", "452 4.3.1 full"]
    before = timezone.now()
    # A mail is given up some days after it was written.
    write(before)
    assert sending.send_waiting() == 1
    mail = Mail.objects.get()
    assert (mail.state, mail.attempts, mail.answer) == ("queued", 1, "451 4.7.1 greylisted, come back")
    assert timedelta(seconds=59) < mail.due_at - before < timedelta(minutes=5)
    assert sending.send_waiting() == 0, "not before it is due"
    at_once()
    sending.send_waiting()
    assert Mail.objects.get().attempts == 2
    at_once()
    sending.send_waiting()
    (envelope,) = relay.taken
    assert read(envelope)["Message-ID"] == mail.message_id
    assert Mail.objects.get().state == "sent"


def test_what_never_can_be_sent_fails_once_and_may_be_sent_again_by_hand(relay, now):
    relay.recipients["gone@practice.test"] = "550 5.1.1 no such user"
    failing = write(now, to="gone@practice.test")
    write(now)
    assert sending.send_waiting() == 2, "the next mail leaves all the same"
    mail = Mail.objects.get(pk=failing)
    assert (mail.state, mail.answer) == ("failed", "550 5.1.1 no such user")
    assert sending.send_waiting() == 0
    with pytest.raises(MailNotFailed):
        actions.send_again(mail_id=Mail.objects.get(state="sent").pk, by="test", at=now)
    relay.recipients.clear()
    actions.send_again(mail_id=failing, by="test", at=timezone.now())
    sending.send_waiting()
    assert [e.rcpt_tos for e in relay.taken] == [["anna@practice.test"], ["gone@practice.test"]]


def test_after_five_days_a_mail_is_given_up(relay, now, at_once):
    relay.answers = ["451 later"]
    write(timezone.now() - timedelta(days=5, minutes=1))
    sending.send_waiting()
    assert queries.mails_by_state() == {"failed": 1}


def test_a_relay_that_dies_in_the_middle_gets_the_same_bytes_again(relay, at_once):
    relay.hang_up = 1
    write(timezone.now())
    write(timezone.now(), to="bob@practice.test")
    assert sending.send_waiting() == 0
    trouble = queries.relay_trouble()
    assert trouble is not None and trouble.attempts == 1
    assert sending.send_waiting() == 0, "nobody asks it again before its pause is over"
    assert relay.sessions == 1
    at_once()
    assert sending.send_waiting() == 2
    assert queries.relay_trouble() is None
    assert sorted(e.rcpt_tos[0] for e in relay.taken) == ["anna@practice.test", "bob@practice.test"]


def test_a_mail_that_breaks_every_session_does_not_stop_the_others(relay, now):
    write(now, to="poison@practice.test", subject="poison")
    write(now)
    relay.hang_up = 1
    sending.send_waiting()
    RelayState.objects.update(try_again_at=None)
    assert sending.send_waiting() == 1
    assert [e.rcpt_tos[0] for e in relay.taken] == ["anna@practice.test"]


def test_a_relay_that_is_not_there_is_waited_for(mail_config, db, now, at_once):
    from .conftest import Relay

    port = reserved_port()
    mail_config(relay=f"smtp://127.0.0.1:{port}")
    write(now)
    sending.send_waiting()
    at_once()
    sending.send_waiting()
    first = queries.relay_trouble()
    assert first.attempts == 2
    assert "refused" in first.why
    assert Mail.objects.get().attempts == 0, "the mail is not to blame"
    handler = Relay()
    controller = start_relay(handler, port)
    at_once()
    sending.send_waiting()
    controller.stop()
    assert len(handler.taken) == 1
    assert queries.relay_trouble() is None


def test_bulk_mail_waits_for_the_others(relay, now):
    write(now, to="bulk@practice.test", bulk=True)
    write(now, to="sign-in@practice.test")
    sending.send_waiting()
    assert [e.rcpt_tos[0] for e in relay.taken] == ["sign-in@practice.test", "bulk@practice.test"]


def test_a_long_queue_is_sent_in_shifts(relay, now, monkeypatch):
    monkeypatch.setattr(sending, "_SHIFT_MAILS", 3)
    for number in range(5):
        write(now, to=f"a{number}@practice.test")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    assert sending.send_waiting() == 3
    assert jobs() == 1, "the rest has a job"
    assert sending.send_waiting() == 2
    assert relay.sessions == 2


def test_mails_whose_job_is_lost_get_one(relay, now):
    write(now)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    assert sending.remember_forgotten_mails() == 1
    sending.send_waiting()
    assert sending.remember_forgotten_mails() == 0


_SEND = """
import django; django.setup()
from dataclasses import replace
from django.conf import settings
import sys
settings.FUND = replace(settings.FUND, mail=replace(settings.FUND.mail, relay=sys.argv[1]))
from caisse.fund.notices.sending import send_waiting
print(send_waiting())
"""


@pytest.mark.parametrize(
    ("point", "copies"),
    [("notices.taken", 1), ("notices.sent.before_commit", 2), ("notices.sent.after_commit", 1)],
)
def test_a_sender_that_is_killed_repeats_at_most_one_mail_with_the_same_bytes(
    relay, mail_config, now, tmp_path, point, copies
):
    for number in range(3):
        write(now, to=f"a{number}@practice.test")
    order = tmp_path / "fault"
    order.write_text(point)

    def work():
        return subprocess.run(
            [sys.executable, "-c", _SEND, mail_config().relay],
            env={**os.environ, "CAISSE_FAULT": str(order)}, capture_output=True, check=False,
        )  # fmt: skip

    assert work().returncode == -signal.SIGKILL
    done = work()
    assert done.returncode == 0, done.stderr
    assert queries.mails_by_state() == {"sent": 3}
    ids = [read(envelope)["Message-ID"] for envelope in relay.taken]
    assert len(ids) == 3 + copies - 1
    assert len(set(ids)) == 3
    first = [read(e).as_bytes() for e in relay.taken if e.rcpt_tos == ["a0@practice.test"]]
    assert len(first) == copies
    assert len(set(first)) == 1


def test_mails_of_django_and_of_the_sign_in_go_the_same_way(relay, now):
    from django.core.mail import EmailMultiAlternatives

    message = EmailMultiAlternatives(
        "Confirmez", "texte", "ignored@elsewhere.test", ["anna@practice.test"], cc=["bob@practice.test"],
        headers={"X-Other": "dropped", "Reply-To": "help@fund.test"},
    )  # fmt: skip
    message.attach_alternative("<b>texte</b>", "text/html")
    assert message.send() == 1
    django_mail.send_mail("Second", "texte", None, ["Anna Muster <anna@practice.test>"])
    assert sending.send_waiting() == 3
    got = [read(envelope) for envelope in relay.taken]
    assert [m["To"] for m in got] == ["anna@practice.test", "bob@practice.test", "anna@practice.test"]
    assert {str(m["From"]) for m in got} == {"Fund <noreply@fund.test>"}
    assert got[0]["X-Other"] is None
    assert got[0].get_body(("html",)).get_content().split() == ["<b>texte</b>"]


def test_a_secured_relay_needs_a_certificate_and_a_password(mail_config, home, now, at_once):
    import ssl

    from aiosmtpd.smtp import AuthResult

    from caisse.fund.secrets_folder import write_private

    from .conftest import Relay

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(home.tls / "certificate.pem", home.tls / "key.pem")
    seen = []

    def check(_server, _session, _envelope, _mechanism, auth):
        seen.append((auth.login, auth.password))
        return AuthResult(success=auth.password == b"pass word")

    handler = Relay()
    controller = start_relay(
        handler, tls_context=context, require_starttls=True, auth_required=True, authenticator=check
    )
    try:
        write_private(home.secrets / "mail-password", b"pass word\n")
        url = f"smtp+starttls://fund%40x@localhost:{controller.port}"
        mail_config(relay=url, relay_ca="")
        Mail.objects.all().delete()
        write(now)
        sending.send_waiting()
        assert "CERTIFICATE_VERIFY_FAILED" in queries.relay_trouble().why
        assert seen == [], "no password to a stranger"
        at_once()
        mail_config(relay_ca=str(home.tls / "certificate.pem"))
        assert sending.send_waiting() == 1
        assert seen == [(b"fund@x", b"pass word")]
        assert len(handler.taken) == 1
    finally:
        controller.stop()
        (home.secrets / "mail-password").unlink(missing_ok=True)


def test_the_bounce_address_belongs_to_one_mail(mail_config):
    mail_config(bounces="bounces@fund.test")
    address = addresses.bounce_address(12)
    assert addresses.mail_of_bounce(address) == 12
    assert addresses.mail_of_bounce(address.upper()) == 12
    assert addresses.mail_of_bounce(address.replace("+12-", "+13-")) is None
    assert addresses.mail_of_bounce("bounces+12-aaaaaaaaaaaaaaaa@fund.test") is None
    assert addresses.mail_of_bounce("bounces@fund.test") is None


def test_mails_of_the_sign_in_are_erased_after_some_days(relay, now):
    from caisse.fund.notices.subscriptions import forget

    django_mail.send_mail("Link", "texte", None, ["anna@practice.test"])
    write(now)
    sending.send_waiting()
    forget(at=timezone.now() + timedelta(days=6))
    assert Mail.objects.count() == 2
    forget(at=timezone.now() + timedelta(days=8))
    assert [mail.about_type for mail in Mail.objects.all()] == ["case"]


def test_a_relay_that_was_to_be_asked_again_and_was_not_is_asked(relay, now):
    write(timezone.now() - timedelta(hours=1))
    later = timezone.now() + timedelta(minutes=10)
    state = RelayState.objects.create(failing_since=now, try_again_at=later, attempts=3, why="x")
    assert sending.remember_forgotten_mails() == 0, "its pause is not over"
    state.try_again_at = timezone.now() - timedelta(minutes=6)
    state.save()
    assert sending.remember_forgotten_mails() == 1


def test_what_lets_a_reader_act_is_blanked_once_the_relay_has_the_mail(mail_config, relay, now):
    link = "https://fund.test/case/2026-000123/Xq3-secret_key"
    configured = settings.FUND.mail.relay
    mail_config(relay="")
    held = write(now, text=f"Ouvrez {link}\n", html=f'<a href="{link}">ici</a>', secrets=["Xq3-secret_key"])
    assert "Xq3-secret_key" in Mail.objects.get(pk=held).text
    mail_config(relay=configured)
    actions.release_held_mails(by="test", at=now)
    assert sending.send_waiting() == 1
    (envelope,) = relay.taken
    assert link in read(envelope).get_body(("plain",)).get_content()
    kept = Mail.objects.get(pk=held)
    assert (kept.text, kept.secrets) == ("Ouvrez https://fund.test/case/2026-000123/…\n", [])
    assert "secret" not in kept.html
