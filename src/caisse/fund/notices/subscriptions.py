"""Newsletter subscriptions: asked for, confirmed from the mailbox itself, changed, ended."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from caisse.agreement.tables.professions import catalogue_on
from caisse.fund.audit.actions import record_event
from caisse.fund.notices.actions import queue_mail
from caisse.fund.notices.addresses import check_address
from caisse.fund.notices.errors import LinkNotValid, MailRefused, SubscriptionRefused
from caisse.fund.notices.links import CONFIRM_WITHIN, change_link, confirm_link, subscription_of
from caisse.fund.notices.models import Mail, Subscription
from caisse.fund.notices.texts import LANGUAGES, text
from caisse.fund.printing.wording import Wording

TEXTS = Path(__file__).with_name("mail_texts.toml")
#: Asked for again and again, an address gets one mail in this time: nobody can flood it by our hand.
_MAIL_AGAIN_AFTER = timedelta(hours=1)
#: What is no longer needed is erased: requests never confirmed, subscriptions ended, newsletters sent.
_FORGET_ASKED, _FORGET_ENDED, _FORGET_MAILS = timedelta(days=30), timedelta(days=90), timedelta(days=90)
#: Mails of the sign-in hold links that open accounts; they are worth nothing after a few days.
_FORGET_SIGN_IN = timedelta(days=7)


def subscribe(*, email: str, professions: Sequence[str], language: str, by: str, at: datetime) -> None:
    """Ask for the newsletter; a mail to the address says how to go on. No profession means all.

    Says nothing about whether the address was known. Raises SubscriptionRefused when address, language or
    professions cannot be read.
    """
    address = _checked_address(email)
    choice = {
        "professions": checked_professions(professions, at=at),
        "language": checked_language(language),
    }
    with transaction.atomic():
        found, is_new = Subscription.objects.select_for_update().get_or_create(
            email__iexact=address,
            defaults={"email": address, "asked_at": at, "mailed_at": at, **choice},
        )
        if not is_new and at - found.mailed_at < _MAIL_AGAIN_AFTER:
            return
        found.mailed_at = at
        if found.state == "confirmed":
            found.save(update_fields=["mailed_at"])
            _mail(found, "known", change_link(found), by=by, at=at)
            return
        if not is_new:
            found.serial += 1
        found.professions, found.language = choice["professions"], choice["language"]
        found.state, found.asked_at, found.ended_at, found.ended_why = "asked", at, None, ""
        found.save()
        record_event(action="subscription.asked", by=by, at=at, subject=("subscription", found.pk))
        _mail(found, "confirm", confirm_link(found), by=by, at=at)


def confirm(*, token: str, by: str, at: datetime) -> Subscription:
    """Confirm a subscription by its link; done again it stays confirmed. Raises LinkNotValid."""
    with transaction.atomic():
        found = _locked("confirm", token)
        if found.state == "confirmed":
            return found
        if found.state != "asked":
            raise LinkNotValid
        found.state, found.confirmed_at, found.hard_bounces, found.soft_bounces = "confirmed", at, 0, 0
        found.save()
        record_event(action="subscription.confirmed", by=by, at=at, subject=("subscription", found.pk))
    return found


def change(*, token: str, professions: Sequence[str], language: str, by: str, at: datetime) -> Subscription:
    """Change language and professions by the link of a mail; raises LinkNotValid or SubscriptionRefused."""
    with transaction.atomic():
        found = _locked("change", token)
        if found.state != "confirmed":
            raise LinkNotValid
        found.professions = checked_professions(professions, at=at)
        found.language = checked_language(language)
        found.save(update_fields=["professions", "language"])
        record_event(action="subscription.changed", by=by, at=at, subject=("subscription", found.pk))
    return found


def unsubscribe(*, token: str, by: str, at: datetime) -> None:
    """End a subscription by the link of any of its mails, however old; raises LinkNotValid."""
    with transaction.atomic():
        found = _locked("unsubscribe", token)
        if found.state == "ended":
            return
        found.state, found.ended_at, found.ended_why, found.serial = (
            "ended",
            at,
            "unsubscribed",
            found.serial + 1,
        )
        found.save()
        # What has not left yet does not leave any more.
        Mail.objects.filter(
            about_type="subscription", about_id=str(found.pk), state__in=("queued", "held")
        ).delete()
        record_event(
            action="subscription.ended", by=by, at=at, subject=("subscription", found.pk), why="unsubscribed"
        )


def forget(*, at: datetime) -> int:
    """A chore: erase addresses and newsletter mails that are no longer needed; how many subscriptions."""
    with transaction.atomic():
        done = Mail.objects.filter(state__in=("sent", "failed"))
        done.filter(bulk=True, queued_at__lt=at - _FORGET_MAILS).delete()
        done.filter(about_type="sign-in", queued_at__lt=at - _FORGET_SIGN_IN).delete()
        asked = Subscription.objects.filter(state="asked", asked_at__lt=at - _FORGET_ASKED)
        ended = Subscription.objects.filter(state="ended", ended_at__lt=at - _FORGET_ENDED)
        gone = [*(asked | ended).values_list("pk", flat=True)]
        if gone:
            Subscription.objects.filter(pk__in=gone).delete()
            Mail.objects.filter(about_type="subscription", about_id__in=map(str, gone)).delete()
            record_event(
                action="subscriptions.forgotten", by="clock", at=at, subject=("subscriptions", ""),
                data={"count": len(gone)},
            )  # fmt: skip
    return len(gone)


def checked_professions(professions: Sequence[str], *, at: datetime) -> list[str]:
    """Profession keys of the catalogue, each once, in order; raises SubscriptionRefused when one is none."""
    if not set(professions) <= set(catalogue_on(timezone.localdate(at)).professions):
        raise SubscriptionRefused("there is no such profession")
    return sorted(set(professions))


def checked_language(language: str) -> str:
    """fr, de or en; raises SubscriptionRefused for anything else."""
    if language not in LANGUAGES:
        raise SubscriptionRefused("the language is none of fr, de, en")
    return language


def _checked_address(email: str) -> str:
    try:
        return check_address(email.strip())
    except MailRefused:
        raise SubscriptionRefused("the address is none") from None


def _locked(purpose: str, token: str) -> Subscription:
    found = subscription_of(purpose, token)
    found.refresh_from_db(from_queryset=Subscription.objects.select_for_update())
    return found


def _mail(found: Subscription, name: str, link: str, *, by: str, at: datetime) -> None:
    until = Wording(found.language).day(timezone.localdate(at + CONFIRM_WITHIN))
    queue_mail(
        to=found.email, subject=text(TEXTS, f"{name}_subject", found.language),
        text=text(TEXTS, name, found.language, fund=settings.FUND.name, link=link, until=until) + "\n",
        language=found.language, about=("subscription", found.pk), by=by, at=at,
    )  # fmt: skip
