"""Links in newsletter mails and what they prove. The portal has the pages; opening one changes nothing.

newsletter/confirm/TOKEN      a button confirms           valid for 14 days, and until the next request
newsletter/change/TOKEN       language and professions    valid until the subscription ends
newsletter/unsubscribe/TOKEN  a button ends it; a POST by a mail program does so too (RFC 8058); always valid
"""

from datetime import timedelta

from django.conf import settings
from django.core import signing

from caisse.fund.notices.errors import LinkNotValid
from caisse.fund.notices.models import Subscription

CONFIRM_WITHIN = timedelta(days=14)
_SALT = "caisse.notices.newsletter."


def confirm_link(found: Subscription) -> str:
    """The page that confirms a subscription."""
    return _link("confirm", [found.pk, found.serial])


def change_link(found: Subscription) -> str:
    """The page that changes a subscription."""
    return _link("change", [found.pk, found.serial])


def unsubscribe_link(found: Subscription) -> str:
    """The page that ends a subscription, and where mail programs end it in one click."""
    return _link("unsubscribe", [found.pk])


def _link(purpose: str, what: list[int]) -> str:
    url = settings.FUND.pages.url
    return f"{url.rstrip('/')}/newsletter/{purpose}/{signing.dumps(what, salt=_SALT + purpose)}"


def subscription_of(purpose: str, token: str) -> Subscription:
    """The subscription a link of this purpose is about; raises LinkNotValid."""
    try:
        age = CONFIRM_WITHIN if purpose == "confirm" else None
        what = signing.loads(token, salt=_SALT + purpose, max_age=age)
    except signing.BadSignature:
        raise LinkNotValid from None
    found = Subscription.objects.filter(pk=what[0]).first()
    if found is None or (len(what) > 1 and found.serial != what[1]):
        raise LinkNotValid
    return found
