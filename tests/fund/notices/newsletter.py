"""Subscriptions, issues and reports of failed delivery for the tests of the newsletter."""

import re

from caisse.fund.notices import subscriptions
from caisse.fund.notices.addresses import bounce_address

TEXTS = {
    "fr": {"subject": "Nouveaux tarifs", "body": "# Tarifs\n\nVoir [la page](https://fund.test/t)."},
    "de": {"subject": "Neue Tarife", "body": "# Tarife\n\nSiehe [die Seite](https://fund.test/t)."},
    "en": {"subject": "New tariffs", "body": "# Tariffs\n\nSee [the page](https://fund.test/t)."},
}


def ask(now, address="anna@practice.test", professions=("dentists",), language="fr"):
    subscriptions.subscribe(email=address, professions=professions, language=language, by="t", at=now)


def token(mail, purpose):
    return re.search(rf"/newsletter/{purpose}/(\S+)", mail.text)[1]


POSTFIX = """\
From: MAILER-DAEMON@relay.test
To: {to}
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B
Content-Type: text/plain; charset=us-ascii

This is the mail system at host relay.test.

--B
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.test
X-Postfix-Queue-ID: 4F2

Final-Recipient: rfc822; anna@practice.test
Original-Recipient: rfc822;anna@practice.test
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {status} said so

--B
Content-Type: message/rfc822

From: noreply@fund.test
Subject: x

text
--B--
""".replace("\n", "\r\n")


def report(mail_id, status="5.1.1", action="failed", to=None):
    to = to or bounce_address(mail_id)
    return {"recipients": [to], "content": POSTFIX.format(to=to, action=action, status=status).encode()}
