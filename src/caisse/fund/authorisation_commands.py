"""The commands `caisse fund authorisation …`: the register of what was granted."""

from pathlib import Path
from typing import Any

import click
from django.utils import timezone

from caisse.agreement.errors import ContentRefused, WrongUse
from caisse.agreement.identifiers import national_number
from caisse.agreement.money import cents_from_text, text_from_cents
from caisse.fund.console import PERSON, common, day_of, now, opened, provider_code_of, say
from caisse.fund.home import Home


@click.group()
def authorisation() -> None:
    """Granted authorisations of collective codes."""


@authorisation.command("record")
@common
@click.option("--number", required=True, help="The authorisation's number, which the laboratory bills with.")
@click.option("--provider", required=True, help="The laboratory's provider code, 8 digits.")
@click.option("--person", required=True, help="The insured person's national number, 13 digits.")
@click.option("--act", "acts", required=True, multiple=True, metavar="CODE=EUROS",
              help="A collective code and its amount, such as LDE0001=40.00; once for each.")  # fmt: skip
@click.option("--from", "valid_from", required=True, metavar="DAY", help="The first day it holds.")
@click.option("--until", "valid_until", metavar="DAY", help="The first day it no longer holds; else open.")
@click.option("--granted-on", metavar="DAY", help="The day of the decision; else today.")
def record(home_path: Path, as_json: bool, number: str, provider: str, person: str, acts: tuple[str, ...],
           valid_from: str, valid_until: str | None, granted_on: str | None) -> None:  # fmt: skip
    """Record an authorisation that was granted."""
    code = provider_code_of(provider)
    granted = dict(_act_and_cents(text) for text in acts)
    if len(granted) < len(acts):
        raise WrongUse("--act names one collective code twice.")
    try:
        insured_person = int(national_number.validate(person))
    except ContentRefused as error:
        raise WrongUse(f"--person: {error}") from None
    with opened(Home.at(home_path).existing()):
        from caisse.fund.authorisations.actions import Grant, grant_authorisation  # noqa: PLC0415

        grant = Grant(
            number=number,
            laboratory=code,
            insured_person=insured_person,
            acts=granted,
            granted_on=day_of(granted_on) if granted_on else timezone.localdate(now()),
            valid_from=day_of(valid_from),
            valid_until=day_of(valid_until) if valid_until else None,
        )
        grant_authorisation(grant=grant, by=PERSON, at=now())
    told = ", ".join(f"{act} up to {text_from_cents(cents)} EUR" for act, cents in granted.items())
    say(as_json, {"number": number, "acts": granted}, f"Authorisation {number} is recorded: {told}.")


def _act_and_cents(text: str) -> tuple[str, int]:
    act, sign, euros = text.partition("=")
    try:
        return act.strip(), cents_from_text(euros if sign else "")
    except ContentRefused:
        raise WrongUse(f"--act {text!r} is not of the form LDE0001=40.00.") from None


@authorisation.command("end")
@common
@click.argument("number")
@click.option("--until", "valid_until", metavar="DAY", help="The first day it no longer holds.")
@click.option("--withdraw", is_flag=True, help="Withdraw it altogether, as if it had never been granted.")
@click.option("--why", required=True, help="The reason, for the audit record; name no person.")
def end(
    home_path: Path, as_json: bool, number: str, valid_until: str | None, withdraw: bool, why: str
) -> None:
    """End an authorisation from a day on, or withdraw it; what was paid stays paid."""
    if withdraw == bool(valid_until):
        raise WrongUse("Give either --until DAY or --withdraw.")
    with opened(Home.at(home_path).existing()):
        from caisse.fund.authorisations import actions  # noqa: PLC0415

        known: dict[str, Any] = {"number": number, "why": why, "by": PERSON, "at": now()}
        if valid_until:
            actions.end_authorisation(valid_until=day_of(valid_until), **known)
        else:
            actions.withdraw_authorisation(**known)
    told = f"ends on {valid_until}" if valid_until else "is withdrawn"
    say(as_json, {"number": number, "until": valid_until, "withdrawn": withdraw}, f"{number} {told}.")


@authorisation.command("list")
@common
@click.option("--provider", help="Only this laboratory's, 8 digits.")
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True,
              help="At most so many, the newest.")  # fmt: skip
def list_(home_path: Path, as_json: bool, provider: str | None, limit: int) -> None:
    """List authorisations with what each grants and which paid line has used it, the newest first."""
    code = provider_code_of(provider) if provider else None
    with opened(Home.at(home_path).existing()):
        from caisse.fund.authorisations import queries  # noqa: PLC0415
        from caisse.fund.claims.authorised import uses_of  # noqa: PLC0415

        entries = queries.entries(laboratory=code, limit=limit)
        uses = {(number, act): line for number, act, line in uses_of([entry.number for entry in entries])}
    rows = [
        {
            "number": entry.number,
            "laboratory": entry.laboratory,
            "insured_person": entry.insured_person,
            "acts": [
                {"act": act, "letters": letters, "granted_cents": cents,
                 "used_by": uses.get((entry.number, act))}
                for act, (letters, cents) in entry.acts.items()
            ],
            "valid_from": entry.valid_from,
            "valid_until": entry.valid_until,
            "granted_on": entry.granted_on,
            "status": entry.status,
            "why": entry.why,
        }
        for entry in entries
    ]  # fmt: skip
    lines = [line for row in rows for line in _lines_of(row)]
    say(as_json, {"authorisations": rows}, "\n".join(lines) or "No authorisation was granted yet.")


def _lines_of(row: dict[str, Any]) -> list[str]:
    """An authorisation for people: one line, and one an act."""
    until = f" until {row['valid_until']}" if row["valid_until"] else ""
    head = f"{row['number']:<20}{row['laboratory']}  {row['insured_person']}"
    told = [f"{head}  from {row['valid_from']}{until}  {row['status']}"]
    for act in row["acts"]:
        amount = f"{text_from_cents(act['granted_cents']):>10} EUR"
        used = f"  used by {act['used_by']}" if act["used_by"] else ""
        told.append(f"  {act['act']:<10}{act['letters']:<6}{amount}{used}")
    return told
