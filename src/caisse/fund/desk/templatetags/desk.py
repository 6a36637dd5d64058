"""What pages of the desk show in words: `{% load desk %}`."""

from datetime import date, datetime

from django import template
from django.urls import reverse
from django.utils.translation import gettext as _

from caisse.agreement.identifiers import provider_code
from caisse.fund.desk.gates import SENDERS, WRITERS, reads_cases, roles_of
from caisse.fund.desk.words import language
from caisse.fund.printing.wording import Wording

register = template.Library()


@register.filter
def day_in_words(day: date) -> str:
    """A day as the letters write it: 1er mars 2026, 1. März 2026, 1 March 2026."""
    return Wording(language()).day(day)


@register.filter(expects_localtime=True)
def moment_in_words(moment: datetime) -> str:
    """A moment in the fund's time: 1er mars 2026 à 14:05, 1. März 2026, 14:05, 1 March 2026, 14:05."""
    between = " à " if language() == "fr" else ", "
    return f"{day_in_words(moment)}{between}{moment:%H:%M}"


@register.simple_tag(takes_context=True)
def desk_places(context: template.Context) -> list[tuple[str, str, bool]]:
    """Where this user can go: address, label, and whether the page is there."""
    request = context["request"]
    held = roles_of(request)
    places = []
    if reads_cases(held):
        places += [
            ("queue", _("Cases"), reverse("desk:queue", kwargs={"name": "mine"})),
            ("board", _("Board"), reverse("desk:board")),
            ("expiring", _("Expiring"), reverse("desk:expiring")),
            ("register", _("Register"), reverse("desk:register")),
            ("outbox", _("Mails"), reverse("desk:outbox")),
        ]
    if not held.isdisjoint({*WRITERS, *SENDERS}):
        places.append(("newsletter", _("Newsletter"), reverse("desk:newsletter")))
    if "auditor" in held:
        places.append(("audit", _("Record"), reverse("desk:audit")))
    if "administrator" in held:
        places.append(("staff", _("Users"), reverse("desk:staff")))
    here = _place_of(request.path)
    return [(address, label, name == here) for name, label, address in places]


def _place_of(path: str) -> str:
    parts = path.split("/")
    place = parts[2] if len(parts) > 2 else ""
    return {"queues": "queue", "cases": "queue"}.get(place, place)


@register.filter
def code(value: int | None) -> str:
    """A provider's code as NNNNNN-CC."""
    return provider_code.format(str(value)) if value else ""


@register.filter
def masked(iban: str) -> str:
    """An account number of which only the country and the end show."""
    return f"{iban[:2]}… {iban[-4:]}" if len(iban) > 8 else "…"
