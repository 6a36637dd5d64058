"""The newsletter: asked for and confirmed from the mailbox, sent once each, ended by one click or by bounces."""

import email
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from email.policy import default

import pytest
from django.db import connection
from django.test import RequestFactory
from django.utils import timezone

from caisse.fund.notices import issues, queries, rendering, sending, subscriptions, texts
from caisse.fund.notices.errors import IssueNotReady, LinkNotValid, SubscriptionRefused
from caisse.fund.notices.links import unsubscribe_link
from caisse.fund.notices.models import Issue, IssueDelivery, Mail, Subscription
from caisse.fund.notices.views import one_click

from .newsletter import TEXTS, ask, token


def read(envelope):
    return email.message_from_bytes(envelope.content, policy=default)


def test_every_text_is_there_in_three_languages_with_the_same_holes():
    for name, found in texts.read_texts(subscriptions.TEXTS).items():
        holes = {
            language: sorted(set(re.findall(r"{(\w+)}", found[language]))) for language in texts.LANGUAGES
        }
        assert holes["fr"] == holes["de"] == holes["en"], name
        assert all(found[language].strip() for language in texts.LANGUAGES), name


@pytest.mark.parametrize(
    ("language", "says"), [("fr", "1er décembre 2026"), ("de", "1. Dezember 2026"), ("en", "1 December 2026")]
)
def test_a_subscription_is_confirmed_from_the_mailbox(relay, now, language, says):
    now -= timedelta(days=5)
    ask(now, language=language)
    assert queries.subscriptions_by_state() == {"asked": 1}
    mail = Mail.objects.get()
    assert mail.language == language
    assert says in mail.text.replace("\N{NO-BREAK SPACE}", " ")
    secret = token(mail, "confirm")
    for _ in range(2):
        found = subscriptions.confirm(token=secret, by="t", at=now)
        assert (found.state, found.confirmed_at) == ("confirmed", now)


def test_whether_an_address_is_known_is_told_to_its_mailbox_alone(subscribed, now):
    subscribed()
    later = now + timedelta(hours=2)
    assert ask(later) is None
    assert ask(later, "bob@practice.test") is None
    known, unknown = Mail.objects.order_by("pk")
    assert "/newsletter/change/" in known.text
    assert "/newsletter/confirm/" in unknown.text
    assert Subscription.objects.get(email="anna@practice.test").state == "confirmed"


def test_nobody_is_flooded_and_nothing_changes_unseen(relay, now):
    for minutes in range(0, 60, 5):
        ask(now + timedelta(minutes=minutes), professions=["dentists"] if not minutes else ["taxis"])
    assert Mail.objects.count() == 1
    assert Subscription.objects.get().professions == ["dentists"]
    ask(now + timedelta(minutes=61), "ANNA@practice.test", ["taxis"])
    first, second = Mail.objects.order_by("pk")
    with pytest.raises(LinkNotValid):
        subscriptions.confirm(token=token(first, "confirm"), by="t", at=now)
    assert subscriptions.confirm(token=token(second, "confirm"), by="t", at=now).professions == ["taxis"]


@pytest.mark.parametrize(
    ("address", "professions", "language"),
    [("nobody", [], "fr"), ("a@b.test\nBcc: c@d.test", [], "fr"), ("a@b.test", ["astrologers"], "fr"), ("a@b.test", [], "it")],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(relay, now, address, professions, language):
    with pytest.raises(SubscriptionRefused):
        ask(now, address, professions, language)
    assert (Subscription.objects.count(), Mail.objects.count()) == (0, 0)


def test_links_of_other_purposes_subscriptions_and_keys_are_worth_nothing(subscribed, issue, now):
    first, second = subscribed(), subscribed("bob@practice.test")
    issues.send_issue(issue())
    mine = Mail.objects.get(to=first.email)
    change, leave = token(mine, "change"), token(mine, "unsubscribe")
    for wrong in (leave, change[:-1] + "x", "", "1", change.replace(":", "")):
        with pytest.raises(LinkNotValid):
            subscriptions.change(token=wrong, professions=[], language="de", by="t", at=now)
    subscriptions.change(token=change, professions=[], language="de", by="t", at=now)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.language, first.professions) == ("de", [])
    assert (second.language, second.professions) == ("fr", ["dentists"])
    subscriptions.unsubscribe(token=leave, by="t", at=now)
    with pytest.raises(LinkNotValid):
        subscriptions.change(token=change, professions=[], language="fr", by="t", at=now)
    assert queries.subscriptions_by_state() == {"confirmed": 1, "ended": 1}


def test_an_issue_reaches_whom_it_concerns_in_their_language(subscribed, relay, issue):
    subscribed("fr@practice.test", ["dentists"], "fr")
    subscribed("de@practice.test", ["dentists", "taxis"], "de")
    subscribed("all@practice.test", [], "en")
    subscribed("other@practice.test", ["midwives"], "fr")
    ask(timezone.now(), "asked@practice.test")
    Mail.objects.all().delete()
    assert issues.send_issue(issue(["dentists", "opticians"])) == 3
    sending.send_waiting()
    got = {message["To"]: message for message in map(read, relay.taken)}
    assert {to: m["Subject"] for to, m in got.items()} == {
        "fr@practice.test": "Nouveaux tarifs", "de@practice.test": "Neue Tarife", "all@practice.test": "New tariffs",
    }  # fmt: skip
    (line,) = queries.issue_lines(language="de")
    assert (line.state, line.subject, line.written, line.left) == ("sent", "Neue Tarife", 3, 3)


def test_one_click_ends_it_as_mail_programs_do(subscribed, relay, issue, now):
    subscribed()
    issues.send_issue(issue())
    sending.send_waiting()
    raw = relay.taken[0].content.decode("ascii")
    (header,) = re.findall(r"^List-Unsubscribe: <(https://\S+)>\r$", raw, re.MULTILINE)
    assert "\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw
    message = read(relay.taken[0])
    assert header in message.get_body(("plain",)).get_content()
    assert "<img" not in message.get_body(("html",)).get_content()
    secret = header.rpartition("/")[2]
    factory = RequestFactory(enforce_csrf_checks=True)
    post = {"List-Unsubscribe": "One-Click"}
    assert one_click(factory.get("/"), token=secret).status_code == 405, (
        "a link that is only looked at ends nothing"
    )
    assert one_click(factory.post("/", {}), token=secret).status_code == 400
    assert one_click(factory.post("/", post), token=secret + "x").status_code == 404
    assert queries.subscriptions_by_state() == {"confirmed": 1}
    for _ in range(2):
        assert one_click(factory.post("/", post), token=secret).status_code == 200
    found = Subscription.objects.get()
    assert (found.state, found.ended_why) == ("ended", "unsubscribed")


def test_what_has_not_left_does_not_leave_after_the_end(subscribed, relay, issue, now):
    found = subscribed()
    subscribed("bob@practice.test")
    issues.send_issue(issue())
    subscriptions.unsubscribe(token=unsubscribe_link(found).rpartition("/")[2], by="t", at=now)
    sending.send_waiting()
    assert [e.rcpt_tos for e in relay.taken] == [["bob@practice.test"]]
    ask(now + timedelta(days=1))
    assert Subscription.objects.get(email=found.email).state == "asked", "he may come back"


def test_only_a_complete_draft_is_scheduled_and_a_scheduled_one_can_be_called_back(subscribed, now, issue):
    subscribed()
    half = issues.write_issue(texts={"fr": TEXTS["fr"]}, professions=[], by="user 1", at=now)
    with pytest.raises(IssueNotReady, match=r"subject \(de\), body \(de\), subject \(en\), body \(en\)"):
        issues.schedule_issue(issue_id=half, send_at=now, by="user 1", at=now)
    issues.discard_issue(issue_id=half, by="user 1", at=now)
    later = issue(send_at=timezone.now() + timedelta(days=1))
    assert issues.send_issue(later) == 0, "not before its time"
    with pytest.raises(IssueNotReady):
        issues.write_issue(texts=TEXTS, professions=[], by="user 1", at=now, issue_id=later)
    issues.call_back_issue(issue_id=later, by="user 1", at=now)
    assert issues.send_issue(later) == 0
    issues.schedule_issue(issue_id=later, send_at=now, by="user 1", at=now)
    assert issues.send_issue(later) == 1
    for refused in (issues.call_back_issue, issues.discard_issue):
        with pytest.raises(IssueNotReady):
            refused(issue_id=later, by="user 1", at=now)


def test_a_proof_goes_to_its_author_and_counts_for_nobody(subscribed, relay, now):
    subscribed()
    made = issues.write_issue(texts=TEXTS, professions=[], by="user 1", at=now)
    issues.send_proof(issue_id=made, to="editor@fund.test", language="de", by="user 1", at=now)
    assert [mail.to for mail in Mail.objects.all()] == ["editor@fund.test"]
    assert IssueDelivery.objects.count() == 0


def test_a_text_is_a_text_and_never_runs(db):
    hostile = (
        "<script>alert(1)</script> <img src=https://t.test/1> ![x](https://t.test/2.png) "
        "[a](javascript:alert(1)) [b](data:text/html,x) [c](https://fund.test/c) </body>"
    )
    shown = rendering.render(Issue(texts={"fr": {"subject": "</title><b>", "body": hostile}}), "fr")
    assert re.findall(r"<(?:script|img)|</body>", shown.body) == []
    assert re.findall(r'href="([^"]*)"', shown.body) == ["https://t.test/2.png", "https://fund.test/c"]
    assert "</title><b>" not in shown.html


_SEND = """
import django; django.setup()
import sys
from caisse.fund.notices import issues
issues._PORTION = 4
print(issues.send_issue(int(sys.argv[1])))
"""


@pytest.mark.parametrize("point", ["notices.portion.before_commit", "notices.portion.after_commit"])
def test_each_gets_it_once_though_the_job_is_killed_and_restarted(subscribed, relay, issue, tmp_path, point):
    Subscription.objects.bulk_create(
        Subscription(email=f"a{n}@practice.test", language="fr", state="confirmed", asked_at=at, mailed_at=at,
                     confirmed_at=at)
        for at in [timezone.now() - timedelta(days=1)] for n in range(10)
    )  # fmt: skip
    made = issue()
    order = tmp_path / "fault"

    def work():
        return subprocess.run(
            [sys.executable, "-c", _SEND, str(made)], env={**os.environ, "CAISSE_FAULT": str(order)},
            capture_output=True, check=False,
        )  # fmt: skip

    for _ in range(2):
        order.write_text(point)
        assert work().returncode == -signal.SIGKILL
        assert Issue.objects.get().state == "sending"
    done = work()
    assert done.returncode == 0, done.stderr
    assert Issue.objects.get().state == "sent"
    assert Counter(Mail.objects.values_list("to", flat=True)) == {f"a{n}@practice.test": 1 for n in range(10)}
    assert work().stdout == b"0\n"


def test_nobody_gets_an_issue_twice_even_if_two_jobs_write_at_once(subscribed, issue):
    from django.db import IntegrityError

    found = subscribed()
    made = issue()
    issues.send_issue(made)
    with pytest.raises(IntegrityError, match="notices_issue_once"):
        IssueDelivery.objects.create(issue_id=made, subscription=found, mail=None)


def test_what_is_no_longer_needed_is_erased(subscribed, relay, issue, now):
    old = now - timedelta(days=100)
    gone = subscribed("gone@practice.test", at=old)
    kept = subscribed("kept@practice.test", at=old)
    ask(old, "never@practice.test")
    issues.send_issue(issue())
    sending.send_waiting()
    Mail.objects.update(queued_at=old)
    subscriptions.unsubscribe(token=unsubscribe_link(gone).rpartition("/")[2], by="t", at=old)
    assert subscriptions.forget(at=now) == 2
    assert [found.email for found in Subscription.objects.all()] == [kept.email]
    assert Mail.objects.count() == 0
    assert IssueDelivery.objects.get().mail is None
    assert subscriptions.forget(at=now) == 0


def test_the_record_of_the_newsletter_names_nobody(subscribed, relay, issue, now):
    from caisse.fund.audit.models import AuditEvent

    subscribed()
    issues.send_issue(issue())
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT string_agg(e::text, ' ') FROM {AuditEvent._meta.db_table} e")
        assert "anna" not in cursor.fetchone()[0]
