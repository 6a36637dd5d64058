"""Mails of the newsletter that come back: which reports end a subscription, and which count for nothing."""

from datetime import timedelta

import pytest

from caisse.fund.notices import bounced, issues, sending
from caisse.fund.notices.addresses import bounce_address
from caisse.fund.notices.models import Mail, Subscription

from .newsletter import report


def sent(subscribed, issue, at):
    issues.send_issue(issue())
    sending.send_waiting()
    return Mail.objects.order_by("-pk").first()


def test_addresses_that_do_not_exist_end_after_two_reports(subscribed, relay, issue, now):
    subscribed()
    for count, state in ((1, "confirmed"), (2, "ended")):
        mail = sent(subscribed, issue, now)
        for _ in range(2):
            bounced.note_report(**report(mail.pk), by="mail", at=now)
        found = Subscription.objects.get()
        assert (found.hard_bounces, found.state) == (count, state)
        mail.refresh_from_db()
        assert mail.answer == "reported: 5.1.1"
    assert found.ended_why == "bounced"
    assert issues.send_issue(issue()) == 0


@pytest.mark.parametrize("status", ["4.4.1", "5.2.2", "5.7.1", "nonsense", "4.2.2"])
def test_passing_failures_end_it_only_after_many(subscribed, relay, issue, now, status, mail_config):
    mail_config(soft_bounces=3)
    subscribed()
    for count in (1, 2, 3):
        mail = sent(subscribed, issue, now)
        assert bounced.note_report(**report(mail.pk, status), by="mail", at=now + timedelta(days=count))
        found = Subscription.objects.get()
        assert (found.hard_bounces, found.soft_bounces) == (0, count)
    assert found.state == "ended"


def test_a_passing_failure_long_ago_is_forgotten(subscribed, relay, issue, now):
    subscribed()
    for days in (0, 100):
        mail = sent(subscribed, issue, now)
        bounced.note_report(**report(mail.pk, "4.4.1"), by="mail", at=now + timedelta(days=days))
    assert Subscription.objects.get().soft_bounces == 1


def test_forged_reports_delays_and_other_mails_count_for_nothing(subscribed, relay, issue, now):
    subscribed()
    mail = sent(subscribed, issue, now)
    forged = f"bounces+{mail.pk}-aaaaaaaaaaaaaaaa@fund.test"
    for one in (
        report(mail.pk, to=forged),
        report(mail.pk, action="delayed", status="4.4.1"),
        report(mail.pk, action="delivered", status="2.0.0"),
        {"recipients": [bounce_address(mail.pk)], "content": b"Subject: I am away\r\n\r\nUntil Monday."},
        {"recipients": [bounce_address(mail.pk)], "content": b"\xff\x00" * 500},
        {"recipients": [bounce_address(999)], "content": report(mail.pk)["content"]},
    ):
        assert not bounced.note_report(**one, by="mail", at=now)
    found = Subscription.objects.get()
    assert (found.state, found.hard_bounces, found.soft_bounces) == ("confirmed", 0, 0)


def test_a_relay_that_refuses_the_address_counts_like_a_report(subscribed, relay, issue, now, mail_config):
    mail_config(hard_bounces=1)
    subscribed()
    relay.recipients["anna@practice.test"] = "550 5.1.1 no such user"
    sent(subscribed, issue, now)
    assert Subscription.objects.get().ended_why == "bounced"
