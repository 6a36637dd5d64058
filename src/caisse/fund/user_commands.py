"""The commands `caisse fund user …`: who of the staff may sign in, and in which role."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from caisse.agreement.errors import WrongUse
from caisse.fund.console import PERSON, common, day_of, now, opened, say
from caisse.fund.home import Home

if TYPE_CHECKING:
    from caisse.fund.access.models import User

LANGUAGES = ("fr", "de", "en")
_ROLES = ("officer", "supervisor", "board_secretary", "editor", "auditor", "administrator")
_WHY = click.option("--why", required=True, help="The reason; it goes into the record.")


@click.group()
def user() -> None:
    """Users of the pages and the roles of the staff."""


@user.command("add")
@common
@click.argument("email")
@click.option("--name", help="Name as it is shown; needed for a new user.")
@click.option(
    "--role", "roles", multiple=True, type=click.Choice(_ROLES), help="A role from today; may be repeated."
)
@click.option("--language", type=click.Choice(LANGUAGES), default="fr", show_default=True, help="Language.")
def add(
    home_path: Path, as_json: bool, email: str, name: str | None, roles: tuple[str, ...], language: str
) -> None:
    """Make a user, or give one who is there a further role.

    A new user gets an address by mail under which he sets his password; it is shown here too and works once.
    """
    home = Home.at(home_path).existing()
    with opened(home):
        from django.db import transaction  # noqa: PLC0415

        from caisse.fund.access import actions, invitations, queries  # noqa: PLC0415

        with transaction.atomic():
            found, link = queries.find_user(email), ""
            if found is None:
                if not name:
                    raise WrongUse("--name: a new user needs a name.")
                found = actions.create_user(email=email, name=name, language=language, by=PERSON, at=now())
                link = invitations.invite(user=found, by=PERSON, at=now())
            for role in roles:
                actions.grant_role(user=found, role=role, valid_from=_today(), by=PERSON, at=now())
    told = {"user": found.pk, "roles": list(roles), **({"set_up": link} if link else {})}
    shown = f"\nThe password is set here, once, within a day: {link}" if link else ""
    say(as_json, told, f"User {found.pk} has the roles asked for: {', '.join(roles) or 'none'}.{shown}")


@user.command("list")
@common
@click.option("--all", "everybody", is_flag=True, help="Also users without a role.")
def list_users(home_path: Path, as_json: bool, everybody: bool) -> None:
    """List the users with the roles they have today."""
    home = Home.at(home_path).existing()
    with opened(home):
        from caisse.fund.access import queries  # noqa: PLC0415

        found = queries.members(_today(), staff_only=not everybody)
    rows = [
        {"user": one.id, "email": one.email, "name": one.name, "active": one.is_active, "roles": one.roles}
        for one in found
    ]
    lines = [
        f"{one.id:>6}  {one.email:<36}{', '.join(one.roles)}{'' if one.is_active else '  (may not sign in)'}"
        for one in found
    ]
    say(as_json, {"users": rows}, "\n".join(lines) or "No user yet.")


@user.command("end-role")
@common
@click.argument("email")
@click.option("--role", required=True, type=click.Choice(_ROLES), help="The role to end.")
@click.option("--until", "until", metavar="DAY", help="The first day without it; else today.")
@_WHY
def end_role(home_path: Path, as_json: bool, email: str, role: str, until: str | None, why: str) -> None:
    """End a role; what was done in it stays."""
    last = day_of(until) if until else None
    home = Home.at(home_path).existing()
    with opened(home):
        from caisse.fund.access import actions  # noqa: PLC0415

        found = _find(email)
        actions.end_role(user=found, role=role, valid_until=last or _today(), why=why, by=PERSON, at=now())
    say(as_json, {"user": found.pk, "ended": role}, f"User {found.pk} is no {role} any more.")


@user.command("reset-second-factor")
@common
@click.argument("email")
@_WHY
def reset_second_factor(home_path: Path, as_json: bool, email: str, why: str) -> None:
    """Take away a lost second factor, end all sessions and mail a new address for the password.

    Make sure first, and not by mail, that it is the person himself who asks.
    """
    home = Home.at(home_path).existing()
    with opened(home):
        from django.db import transaction  # noqa: PLC0415

        from caisse.fund.access import actions, invitations  # noqa: PLC0415

        found = _find(email)
        with transaction.atomic():
            removed = actions.reset_second_factor(user=found, why=why, by=PERSON, at=now())
            link = invitations.invite(user=found, by=PERSON, at=now())
    told = {"user": found.pk, "removed": removed, "set_up": link}
    text = f"User {found.pk}: {removed} factors removed, signed out. A new password is set here, once: {link}"
    say(as_json, told, text)


def _find(email: str) -> "User":
    from caisse.fund.access import queries  # noqa: PLC0415

    found = queries.find_user(email)
    if found is None:
        raise WrongUse("No user has this e-mail address. See caisse fund user list --all.")
    return found


def _today() -> date:
    from django.utils import timezone  # noqa: PLC0415

    return timezone.localdate()
