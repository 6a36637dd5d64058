"""The clock as tests run it: at noon of a day, with what it wrote told apart by what it is about."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

from caisse.fund.casework.actions.letters import make_letter
from caisse.fund.casework.clock import running
from caisse.fund.casework.clock.steps import STEPS
from caisse.fund.casework.models import Letter
from caisse.fund.registry import actions
from caisse.fund.registry.actions.providers import Address

BEGIN = date(2020, 1, 1)
FIRST = date(2026, 11, 23)
KIND = "authorisation_to_practise"
ADDRESS = Address("Rue de l'Alzette", "12", "4010", "Esch-sur-Alzette")


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 11, tzinfo=UTC)


def run_on(day: date, steps=STEPS, **more) -> dict[str, int]:
    """One run at noon of a day; what it did."""
    report = running.run(steps, until=day, now=lambda: noon(day), **more)
    assert report.finished and report.troubles == []
    return report.done


def run_through(first: date, last: date) -> dict[date, dict[str, int]]:
    """Day after day; the days on which something happened."""
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return {day: done for day in days if (done := run_on(day, forced=True))}


def holder(said, name="Ann Exemple", profession="doctors", language="fr", **code) -> tuple[int, int]:
    """A provider with a site and a code."""
    provider = actions.register_provider(name=name, language=language, email="ann@example.lu", **said)
    site = actions.open_site(provider_id=provider, address=ADDRESS, valid_from=BEGIN, **said)
    given = actions.allot_code(
        provider_id=provider, profession=profession, site_id=site, **{"valid_from": BEGIN, **code}, **said
    )
    return provider, given


def licence(said, provider: int, *codes: int, end: date | None, start: date = BEGIN, kind: str = KIND) -> int:
    return actions.record_licence(
        provider_id=provider, kind=kind, number="A-17", valid_from=start, valid_until=end, codes=codes, **said
    )


def letters() -> Counter[str]:
    return Counter(Letter.objects.values_list("kind", flat=True))


def make_letters(at: datetime) -> int:
    """What the job does with each letter that waits."""
    waiting = list(Letter.objects.filter(made_at__isnull=True).values_list("pk", flat=True))
    return sum(make_letter(letter_id=one, by="worker", at=at) for one in waiting)
