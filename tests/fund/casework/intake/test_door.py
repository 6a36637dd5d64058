"""The door for incoming mail over real SMTP and LMTP: what it takes is durable, what it refuses it explains."""

import hashlib
import os
import signal
import smtplib
import ssl
import subprocess
import sys
import time
from email.message import EmailMessage
from email.policy import SMTP

import psutil
import pytest
from django.db import connection

from caisse.fund.casework.intake.addresses import case_address, case_of, is_ours
from caisse.fund.notices import incoming
from caisse.fund.notices.models import IncomingMail

from .conftest import Talk


def message(text="Bonjour", **headers) -> bytes:
    mail = EmailMessage()
    for name, value in {"From": "anna@practice.test", "To": "intake@fund.test", "Subject": "x",
                        "Message-ID": "<1@practice.test>", **headers}.items():  # fmt: skip
        mail[name] = value
    mail.set_content(text)
    return mail.as_bytes(policy=SMTP)


def send(port, content, sender="anna@practice.test", to=("intake@fund.test",)):
    with smtplib.SMTP("127.0.0.1", port, "client.test") as session:
        return session.sendmail(sender, list(to), content)


def jobs():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs WHERE task_name = %s", [incoming.READ_TASK])
        return cursor.fetchone()[0]


def kept(home):
    return [path for path in home.mail_in.rglob("*") if path.is_file()]


def test_a_mail_is_kept_unchanged_with_a_row_and_a_job(door, home):
    content = message("Bonjour\n.une ligne avec un point\n..et deux\n.\nfin\n")
    send(door(), content)
    mail = IncomingMail.objects.get()
    assert (mail.envelope_from, mail.recipients, mail.state) == (
        "anna@practice.test",
        ["intake@fund.test"],
        "received",
    )
    assert (mail.sha256, mail.size) == (hashlib.sha256(content).hexdigest(), len(content))
    (path,) = kept(home)
    assert path.read_bytes() == content
    assert path == home.mail_in / mail.sha256[:2] / mail.sha256[2:]
    assert jobs() == 1
    assert [path for path in home.staging.rglob("*") if path.is_file()] == []


def test_a_repeat_of_the_mail_server_is_recognised(door, home):
    port = door()
    for _ in range(3):
        send(port, message())
    send(port, message("another"))
    assert (IncomingMail.objects.count(), jobs(), len(kept(home))) == (2, 2, 2)


def test_only_our_own_addresses_are_taken(door):
    port = door()
    for address in ("someone@fund.test", "intake@elsewhere.test", "intake+x@elsewhere.test", "intakes@fund.test",
                    "postmaster", "intake@fund.test@evil.test"):  # fmt: skip
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            send(port, message(), to=[address])
        assert refused.value.recipients[address][0] in (550, 553), address
    send(port, message(), to=["INTAKE@Fund.Test", "intake+2026-000123-x@fund.test", "bounces+1-a@fund.test"])
    assert IncomingMail.objects.get().recipients == [
        "INTAKE@Fund.Test", "intake+2026-000123-x@fund.test", "bounces+1-a@fund.test",
    ]  # fmt: skip


def test_a_report_of_failure_comes_without_a_sender(door):
    send(door(), message(), sender="", to=["bounces@fund.test"])
    assert IncomingMail.objects.get().envelope_from == ""


def test_a_mail_that_says_it_is_too_large_is_refused_before_it_is_sent(talk):
    session = talk(bytes=1000)
    assert session.say("MAIL FROM:<anna@practice.test> SIZE=40000000").startswith("552")
    assert IncomingMail.objects.count() == 0


def test_a_mail_that_is_too_large_is_refused_at_its_end_and_the_session_goes_on(talk, home):
    session = talk(bytes=200_000)
    session.envelope()
    session.say("DATA")
    session.send(b"Subject: x\r\n\r\n" + (b"y" * 500 + b"\r\n") * 1000)
    assert session.say(".") == (
        "552 5.3.4 The mail is larger than 200000 bytes. Send fewer or smaller PDFs, or use the portal."
    )
    assert (kept(home), [path for path in home.staging.rglob("*") if path.is_file()]) == ([], [])
    session.envelope()
    session.say("DATA")
    session.send(b"Subject: x\r\n\r\nsmall\r\n")
    assert session.say(".").startswith("250")


def test_a_line_without_an_end_is_refused_and_read_to_its_end(talk, home):
    session = talk()
    session.envelope()
    session.say("DATA")
    session.send(b"Subject: x\r\n\r\n" + b"y" * 3_000_000 + b"\r\n.\r\n")
    assert session.answer() == "554 5.6.0 A line of the mail is too long. Send attachments encoded (base64)."
    assert session.say("NOOP").startswith("250")
    assert kept(home) == []


def test_only_the_real_end_ends_a_mail(talk, home):
    """Bare line feeds around a dot are content: nobody smuggles a second mail into the first."""
    session = talk()
    session.envelope()
    session.say("DATA")
    session.send(
        b"Subject: x\r\n\r\na\n.\nMAIL FROM:<evil@x.test>\nRCPT TO:<intake@fund.test>\nDATA\n\r\n.\n\r\n"
    )
    assert session.say(".").startswith("250")
    assert IncomingMail.objects.count() == 1
    assert b"evil@x.test" in kept(home)[0].read_bytes()


def test_a_sender_who_goes_away_leaves_nothing(talk, home):
    session = talk()
    session.envelope()
    session.say("DATA")
    session.send(b"Subject: x\r\n\r\nhalf of it")
    session.close()
    deadline = time.monotonic() + 60
    while [path for path in home.staging.rglob("*") if path.is_file()]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert IncomingMail.objects.count() == 0


def test_order_and_limits_of_the_conversation(talk):
    session = talk()
    assert session.say("DATA").startswith("503")
    assert session.say("RCPT TO:<intake@fund.test>").startswith("503")
    assert session.say("VRFY intake@fund.test")[0] in "25"
    assert session.say("AUTH PLAIN AGEAYg==")[0] == "5"
    answers = session.envelope(*[f"intake+{n}@fund.test" for n in range(25)])
    assert [one[:3] for one in answers] == ["250"] * 20 + ["452"] * 5
    assert session.say("x" * 20_000).startswith("500")
    assert session.say("NOOP").startswith("250")


def test_nobody_is_offered_to_log_in_not_even_over_tls(door, home):
    context = ssl.create_default_context(cafile=home.tls / "certificate.pem")
    context.check_hostname = True
    with smtplib.SMTP("localhost", door(), "client.test") as session:
        session.starttls(context=context)
        session.ehlo()
        assert not session.has_extn("auth")
        session.sendmail("anna@practice.test", ["intake@fund.test"], message())
    assert IncomingMail.objects.count() == 1


def test_strangers_are_turned_away_at_once(talk):
    from ipaddress import ip_network

    session = talk(greeting="", relays=(ip_network("10.0.0.0/8"),))
    assert session.greeted.startswith("554 5.7.1")
    assert session.file.readline() == b""


def test_not_more_come_in_than_fit(door):
    port = door(connections=2)
    first, second = Talk(port), Talk(port)
    third = Talk(port, greeting="")
    assert third.greeted.startswith("421 4.3.2")
    first.close()
    deadline = time.monotonic() + 60
    while not (again := Talk(port, greeting="")).greeted.startswith("220"):
        again.close()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    for one in (second, third, again):
        one.close()


def test_lmtp_answers_for_each_recipient(talk):
    session = talk(greeting="LHLO client.test", lmtp=True)
    assert session.say("EHLO client.test").startswith("500")
    answers = session.envelope("intake@fund.test", "nobody@fund.test", "bounces+1-x@fund.test")
    assert [one[:3] for one in answers] == ["250", "550", "250"]
    session.say("DATA")
    session.send(message())
    assert session.say(".").startswith("250 2.0.0")
    assert session.answer().startswith("250 2.0.0")
    assert session.say("NOOP").startswith("250")
    assert IncomingMail.objects.count() == 1


def test_a_python_lmtp_client_delivers(door):
    with smtplib.LMTP("127.0.0.1", door(lmtp=True), "client.test") as session:
        assert session.sendmail("anna@practice.test", ["intake@fund.test"], message()) == {}
    assert IncomingMail.objects.count() == 1


def test_a_database_that_is_away_makes_the_mail_server_wait(door, monkeypatch, home):
    from caisse.fund.casework.intake import door as mail_door

    def away(**_values):
        from django.db import OperationalError

        raise OperationalError("anna@practice.test")

    port = door()
    with monkeypatch.context() as changed:
        changed.setattr(mail_door, "receive_mail", away)
        with pytest.raises(smtplib.SMTPDataError) as refused:
            send(port, message())
    assert refused.value.smtp_code == 451
    send(port, message())
    assert (IncomingMail.objects.count(), len(kept(home))) == (1, 1)


def test_the_log_names_nobody(door, caplog):
    import logging

    with caplog.at_level(logging.INFO, "caisse"):
        port = door(bytes=300)
        send(port, message())
        session = Talk(port)
        session.envelope()
        session.say("DATA")
        session.send(b"From: anna@practice.test\r\n\r\n" + b"x\r\n" * 500)
        assert session.say(".").startswith("552")
        session.close()
    said = " ".join(record.getMessage() for record in caplog.records if record.name.startswith("caisse"))
    assert "refused" in said
    assert "anna" not in said


def test_addresses_prove_a_case_only_with_their_key(mail_config):
    address = case_address("2026-000123")
    assert address.startswith("intake+2026-000123-")
    assert case_of(address) == case_of(address.upper()) == "2026-000123"
    assert case_of(address.replace("000123", "000124")) is None
    assert case_of("intake+2026-000123@fund.test") is None
    assert is_ours(address) and not is_ours(address + ".evil.test")


def _process(home, order=None):
    started = subprocess.Popen(
        [sys.executable, "-m", "caisse.cli", "fund", "mail", "--home", str(home.path), "--port", "0", "--json"],
        stdout=subprocess.PIPE, text=True, env={**os.environ, **({"CAISSE_FAULT": str(order)} if order else {})},
    )  # fmt: skip
    import json

    return started, json.loads(started.stdout.readline())["smtp"]["port"]


@pytest.fixture
def addressed(mail_config, home):
    """fund.toml itself names our addresses, for a process of its own."""
    before = home.config_file.read_text()
    home.config_file.write_text(before.replace("@caisse.example", "@fund.test"))
    yield home
    home.config_file.write_text(before)


def test_a_bomb_of_40_megabytes_is_refused_and_memory_stays_flat(addressed):
    process, port = _process(addressed)
    try:
        send(port, message())
        before = psutil.Process(process.pid).memory_info().rss
        peak = before
        session = Talk(port)
        session.envelope()
        session.say("DATA")
        line = b"A" * 76 + b"\r\n"
        for _ in range(40):
            session.send(line * (1_048_576 // len(line)))
            peak = max(peak, psutil.Process(process.pid).memory_info().rss)
        assert session.say(".").startswith("552 5.3.4")
        session.close()
        grown = max(peak, psutil.Process(process.pid).memory_info().rss) - before
        assert grown < 8_000_000, f"{grown:,} bytes for a mail of 40 MB"
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        process.stdout.close()
    assert IncomingMail.objects.count() == 1


@pytest.mark.parametrize(
    ("point", "rows"), [("notices.received.before_commit", 0), ("notices.received.after_commit", 1)]
)
def test_a_door_that_is_killed_neither_loses_nor_doubles_a_mail(addressed, tmp_path, point, rows):
    order = tmp_path / "fault"
    order.write_text(point)
    process, port = _process(addressed, order)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(port, message())
    assert process.wait(30) == -signal.SIGKILL
    process.stdout.close()
    assert IncomingMail.objects.count() == rows
    process, port = _process(addressed)
    send(port, message())
    process.terminate()
    assert process.wait(30) == 0
    process.stdout.close()
    assert (IncomingMail.objects.count(), jobs()) == (1, 1)


def test_unread_mails_that_lost_their_job_get_one(door):
    from datetime import timedelta

    from django.utils import timezone

    send(door(), message())
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    assert incoming.remember_unread_mails() == 0, "too young to be forgotten"
    IncomingMail.objects.update(received_at=timezone.now() - timedelta(minutes=6))
    assert incoming.remember_unread_mails() == 1
    assert incoming.remember_unread_mails() == 0


def test_verify_finds_a_mail_that_changed_on_the_disk(door, home):
    from caisse.fund.verification import verify

    send(door(), message())
    assert verify(home).problems == []
    (path,) = kept(home)
    path.write_bytes(path.read_bytes().replace(b"Bonjour", b"Bonsoir"))
    (problem,) = verify(home).problems
    assert problem.startswith("incoming mail") and problem.endswith("differs from its hash")
