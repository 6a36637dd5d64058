"""The commands `caisse fund provider …` and `caisse fund codes`: any day, as it was known at any time."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from caisse.agreement.errors import WrongUse
from caisse.agreement.identifiers import provider_code
from caisse.fund.console import PERSON, common, day_of, now, opened, provider_code_of, say
from caisse.fund.home import Home

if TYPE_CHECKING:
    from pathlib import Path

    from caisse.fund.registry.queries import LicenceHeld, Member, Standing


def _when(command: Callable[..., Any]) -> Callable[..., Any]:
    """--on and --known-at."""
    on = click.option("--on", "on_text", metavar="DAY", help="The day asked about; else today.")
    known = click.option(
        "--known-at", "known_text", metavar="TIME",
        help="Answer with what was recorded by then: a day (its end) or a time; else with what is known now.",
    )  # fmt: skip
    return on(known(command))


def _day(text: str | None) -> date:
    from django.utils import timezone  # noqa: PLC0415

    return day_of(text) if text else timezone.localdate()


def _moment(text: str | None) -> datetime | None:
    """The time of --known-at; without a zone in the fund's. Raises WrongUse."""
    from django.conf import settings  # noqa: PLC0415

    if not text:
        return None
    zone = ZoneInfo(settings.TIME_ZONE)
    try:
        if len(text) == len("2026-11-22"):
            day = date.fromisoformat(text) + timedelta(days=1)
            return datetime.combine(day, time(), zone) - timedelta(microseconds=1)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise WrongUse(f"{text!r} is neither a day nor a time such as 2026-11-22T14:30.") from None
    return found if found.tzinfo else found.replace(tzinfo=zone)


@click.group()
def provider() -> None:
    """Providers, as they stood on any day."""


@provider.command("show")
@common
@click.argument("code")
@_when
def show(home_path: "Path", as_json: bool, code: str, on_text: str | None, known_text: str | None) -> None:
    """Show how a provider code stands on a day, and what it rests on. The audit notes that it was read."""
    number = provider_code_of(code)
    home = Home.at(home_path).existing()
    with opened(home):
        from caisse.fund.registry import actions, queries  # noqa: PLC0415

        on, known_at = _day(on_text), _moment(known_text)
        found = queries.standing(number, on, known_at)
        told: dict[str, Any] = {"on": on, "known_at": known_at, **found.as_dict()}
        licences: list[LicenceHeld] = []
        memberships: list[Member] = []
        if found.provider_id is not None:
            who = queries.provider_by_code(number)
            site = queries.address_on(found.site_id, on, known_at) if found.site_id else None
            licences = [
                one for one in queries.licences_of(found.provider_id, on, known_at) if number in one.codes
            ]
            memberships = queries.memberships_of(found.provider_id, on, known_at)
            told |= {
                "name": who.name if who else "",
                "site": f"{site.street} {site.house_number}, {site.postcode} {site.locality}" if site else "",
                "licences": [{"kind": one.kind, "until": one.valid_until} for one in licences],
                "associations": [one.association_id for one in memberships],
            }
            actions.note_reading(provider_id=found.provider_id, by=PERSON, at=now())
    say(as_json, told, "\n".join(_lines(told, found, licences, memberships)))


def _lines(
    told: dict[str, Any], found: "Standing", licences: "list[LicenceHeld]", memberships: "list[Member]"
) -> list[str]:
    as_known = f", as known {told['known_at']:%Y-%m-%d %H:%M:%S %Z}" if told["known_at"] else ""
    shown = provider_code.format(str(found.code))
    lines = [f"{shown} on {told['on']}{as_known}: {found.state.replace('_', ' ')}"]
    if found.provider_id is None:
        return lines
    bound = " · ".join(part for part in (found.profession, found.speciality, told["site"]) if part)
    rows = [
        ("provider", f"{found.provider_id}  {told['name']}"),
        ("code", f"{bound}  {_period(found.valid_from, found.valid_until)}"),
    ]
    if found.suspended_from:
        rows.append(("suspended", _period(found.suspended_from, found.suspended_until)))
    if found.why:
        rows.append(("because", found.why))
    rows += [("licence", f"{one.kind}  {_period(one.valid_from, one.valid_until)}") for one in licences]
    rows += [
        ("member of", f"{one.association_id}  {_period(one.valid_from, one.valid_until)}")
        for one in memberships
    ]
    return lines + [f"  {name:<11}{value}" for name, value in rows]


def _period(start: date | None, end: date | None) -> str:
    return f"{start} – {end or '…'}"


@click.command("codes")
@common
@click.option("--profession", help="Only codes of this profession, such as laboratories.")
@_when
def codes(
    home_path: "Path", as_json: bool, profession: str | None, on_text: str | None, known_text: str | None
) -> None:
    """List the provider codes that are valid on a day: neither ended nor suspended."""
    home = Home.at(home_path).existing()
    with opened(home):
        from caisse.fund.registry import queries  # noqa: PLC0415

        on, known_at = _day(on_text), _moment(known_text)
        found = queries.codes_valid_on(on, known_at)
    if profession:
        found = found.filter(found["profession"] == profession)
    rows = found.to_dicts()
    lines = [
        f"{provider_code.format(str(row['code']))}  {row['profession']:<26}{row['speciality']:<26}"
        f"{_period(row['valid_from'], row['valid_until'])}"
        for row in rows
    ]
    lines.append(f"{len(rows):,} code(s) valid on {on}.")
    say(as_json, {"on": on, "known_at": known_at, "codes": rows}, "\n".join(lines))
