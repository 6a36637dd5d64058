"""The commands about mail: what waits, what left, what failed."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from caisse.fund import leaving, processes
from caisse.fund.console import PERSON, common, now, opened, say
from caisse.fund.home import Home

if TYPE_CHECKING:
    from caisse.fund.notices.queries import IncomingLine

_ADDRESS = re.compile(r"[^\s<>@]+@(?=[\w.-]+)")


@click.command()
@common
@click.option(
    "--state", type=click.Choice(["queued", "held", "sent", "failed"]), help="Only mails in this state."
)
@click.option(
    "--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many, the newest."
)
@click.option("--incoming", is_flag=True, help="List what arrived instead, and what became of it.")
@click.option("--release", is_flag=True, help="Let the mails go that were held for want of a relay.")
@click.option("--again", "again", type=int, metavar="NUMBER", help="Try a mail that failed once more.")
def mails(home_path: Path, as_json: bool, state: str | None, limit: int, incoming: bool, release: bool,
          again: int | None) -> None:  # fmt: skip
    """List outgoing mails, newest first: about what, in which state, what the relay said. No texts."""
    home = Home.at(home_path).existing()
    with opened(home):
        from caisse.fund.notices import actions, queries  # noqa: PLC0415

        if incoming:
            _say_incoming(as_json, queries.latest_incoming(limit=limit))
            return
        if release:
            actions.release_held_mails(by=PERSON, at=now())
        if again is not None:
            actions.send_again(mail_id=again, by=PERSON, at=now())
        counts = queries.mails_by_state()
        trouble = queries.relay_trouble()
        found = queries.latest_mails(states=[state] if state else [], limit=limit)
    # Whoever looks after the server sees where mail goes, not to whom.
    rows = [
        {key: _masked(value) for key, value in asdict(line).items() if key != "subject"} for line in found
    ]
    result = {
        "states": counts,
        "relay": {"failing_since": trouble.failing_since, "why": _masked(trouble.why)} if trouble else None,
        "mails": rows,
    }
    lines = [f"{name:<8}{count:>8}" for name, count in counts.items()]
    if trouble:
        lines.append(
            f"The relay fails since {trouble.failing_since:%Y-%m-%d %H:%M:%S}Z: {_masked(trouble.why)}"
        )
    lines += [
        f"{row['id']:>6}  {row['queued_at']:%Y-%m-%d %H:%M:%S}Z  {row['state']:<7}{row['to']}  "
        f"{' '.join(row['about']).strip()}" + (f"  {row['answer']}" if row["answer"] else "")
        for row in rows
    ]
    say(as_json, result, "\n".join(lines) or "No mail yet.")


def _say_incoming(as_json: bool, found: "list[IncomingLine]") -> None:
    rows = [
        {
            **{key: _masked(value) for key, value in asdict(line).items()},
            "notes": [code for _, code in line.notes],
        }
        for line in found
    ]
    lines = [
        f"{row['id']:>6}  {row['received_at']:%Y-%m-%d %H:%M:%S}Z  {row['size']:>10}  "
        f"{row['outcome'] or 'not read yet':<13}{row['case_number']}".rstrip()
        for row in rows
    ]
    say(as_json, {"incoming": rows}, "\n".join(lines) or "No mail arrived yet.")


def _masked(value: object) -> object:
    return _ADDRESS.sub("…@", value) if isinstance(value, str) else value


@click.command()
@common
@click.option("--port", type=click.IntRange(0, 65535), help="0 for any free port; else as in fund.toml.")
def mail(home_path: Path, as_json: bool, port: int | None) -> None:
    """Run the door for incoming mail alone (SMTP or LMTP, as [mail] in fund.toml says)."""
    leaving.leave_when_asked()
    home = Home.at(home_path).existing()
    config = home.config().mail
    with opened(home):
        from caisse.fund.casework.intake import door  # noqa: PLC0415

        scheme = "lmtp" if config.lmtp else "smtp"

        def ready(number: int) -> None:
            if not processes.tell_ready():
                address = {scheme: (config.host or "127.0.0.1", number)}
                click.echo(processes.ready_line(address, as_json=as_json))

        door.run(home, config, config.port if port is None else port, ready)
