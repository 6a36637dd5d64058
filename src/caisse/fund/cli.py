"""The commands `caisse fund …`: each a few lines over the fund's actions and queries."""

import os
import threading
from pathlib import Path

import click

from caisse.agreement.errors import BrokenSystem, WrongUse
from caisse.fund import leaving, processes
from caisse.fund.authorisation_commands import authorisation
from caisse.fund.clock_commands import clock
from caisse.fund.console import PERSON, common, now, opened, progress, provider_code_of, say
from caisse.fund.embedded import Cluster
from caisse.fund.home import FundConfig, Home
from caisse.fund.mail_commands import mail, mails
from caisse.fund.mail_config import MailConfig
from caisse.fund.pages_config import URL_VARIABLE
from caisse.fund.provider_commands import codes, provider
from caisse.fund.register_commands import register
from caisse.fund.signature_commands import signature
from caisse.fund.statement_commands import statements
from caisse.fund.user_commands import user


@click.group()
def fund() -> None:
    """The fund's server: set up, serve, accounts, registers, status."""


@fund.command()
@common
@click.option(
    "--name", default="Caisse", show_default=True, help="The fund's name, as its receipts carry it."
)
def init(home_path: Path, as_json: bool, name: str) -> None:
    """Make a fund's home, its keys and its database; run again, it brings an older one up to date."""
    from caisse.fund.exchange import receipts  # noqa: PLC0415

    home = Home.at(home_path)
    home.create(name)
    receipts.ensure_key(home)
    if not home.config().database_url:
        Cluster(home).create()
    with opened(home):
        from django.core.management import call_command  # noqa: PLC0415

        call_command("migrate", verbosity=0)
    say(
        as_json,
        {"home": str(home.path)},
        f"The fund's home is {home.path}. Start it: caisse fund serve --home {home_path}",
    )


@fund.command("load-demo")
@common
@click.option(
    "--persons", type=click.IntRange(100), default=20_000, show_default=True, help="How many insured persons."
)
@click.option("--office/--no-office", default=True, show_default=True, help="Cases and staff as well.")
def load_demo(home_path: Path, as_json: bool, persons: int, office: bool) -> None:
    """Fill an empty fund with synthetic insured persons, providers, prescribers, and an office at work."""
    home = Home.at(home_path).existing()
    with opened(home), progress() as watch:
        from caisse.fund import demo  # noqa: PLC0415

        loaded = demo.load_demo(home.path / "demo", persons=persons, by=PERSON, at=now(), watch=watch)
        if office:
            loaded |= demo.load_office(by=PERSON, at=now(), watch=watch)
    say(as_json, loaded, "Loaded " + ", ".join(f"{count:,} {what}" for what, count in loaded.items()) + ".")


fund.add_command(register)
fund.add_command(provider)
fund.add_command(codes)
fund.add_command(authorisation)
fund.add_command(user)
fund.add_command(signature)
fund.add_command(mails)
fund.add_command(clock)
fund.add_command(statements)
fund.add_command(mail)


@fund.group()
def account() -> None:
    """Accounts of the exchange."""


@account.command("create")
@common
@click.option("--provider", "provider_code", required=True, help="Provider code, 8 digits.")
@click.option("--frame", required=True, help="Legal frame, such as LAB.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option(
    "--ssh-key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A public key (.pub)."
)
@click.option("--test", "is_test", is_flag=True, help="Files of this account never lead to a payment.")
def account_create(home_path: Path, as_json: bool, provider_code: str, frame: str, password_stdin: bool,
                   ssh_key: Path | None, is_test: bool) -> None:  # fmt: skip
    """Open an account, or give an existing one a new password or a further key.

    Without --password-stdin and --ssh-key a password is made and shown once.
    """
    code = provider_code_of(provider_code)
    home = Home.at(home_path).existing()
    with opened(home):
        from caisse.fund.exchange import actions, passwords, queries  # noqa: PLC0415

        given = click.get_text_stream("stdin").readline().rstrip("\r\n") if password_stdin else None
        if password_stdin and not given:
            raise WrongUse("--password-stdin: standard input is empty.")
        made = passwords.new_password() if not given and ssh_key is None else None
        password = given or made
        found = queries.find_account(f"{code:08d}-{frame.lower()}")
        if found is None:
            found = actions.create_account(
                provider_code=code, frame=frame, password=password, is_test=is_test, by=PERSON, at=now()
            )
        elif password:
            actions.set_password(account_id=found.pk, password=password, by=PERSON, at=now())
        if ssh_key is not None:
            text = ssh_key.read_text(encoding="utf-8", errors="replace")
            actions.add_key(account_id=found.pk, public_key=text, by=PERSON, at=now())
    shown = f"\nIts password, shown only now: {made}" if made else ""
    say(
        as_json,
        {"user": found.user, **({"password": made} if made else {})},
        f"Account {found.user} is open.{shown}",
    )


@fund.command()
@common
@click.option("--http-port", type=click.IntRange(0, 65535), help="0 for any free port; else as in fund.toml.")
@click.option("--sftp-port", type=click.IntRange(0, 65535), help="0 for any free port; else as in fund.toml.")
@click.option(
    "--pages-port", type=click.IntRange(0, 65535), help="0 for any free port; else as in fund.toml."
)
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Worker processes.")
def serve(home_path: Path, as_json: bool, http_port: int | None, sftp_port: int | None,
          pages_port: int | None, workers: int) -> None:  # fmt: skip
    """Run everything: HTTPS door, SFTP door, pages, workers and, unless another server is named, PostgreSQL.

    One line on standard output says when it takes work. SIGTERM stops all of it cleanly.
    """
    leaving.leave_when_asked()
    home = Home.at(home_path).existing()
    config = home.config()
    http = (config.http.host, _port(config.http.host, config.http.port if http_port is None else http_port))
    sftp = (config.sftp.host, _port(config.sftp.host, config.sftp.port if sftp_port is None else sftp_port))
    pages = (
        config.pages.host,
        _port(config.pages.host, config.pages.port if pages_port is None else pages_port),
    )
    _tell_address(config, pages[1])
    doors = {"https": http, "sftp": sftp, "pages": pages}
    with opened(home) as cluster:
        _require_up_to_date()
        parts = [
            processes.Part("web", ["web", "--port", str(http[1])]),
            processes.Part("sftp", ["sftp", "--port", str(sftp[1])]),
            processes.Part("pages", ["pages", "--port", str(pages[1])]),
            *_mail_part(config.mail, doors),
            *(processes.Part(f"worker {n + 1}", ["worker"]) for n in range(workers)),
        ]
        line = processes.ready_line(doors, as_json=as_json)
        processes.Supervisor(home, parts, cluster).run(lambda: click.echo(line))


def _mail_part(config: MailConfig, doors: dict[str, tuple[str, int]]) -> list[processes.Part]:
    """The door for incoming mail, added to ``doors``; none unless fund.toml names its host."""
    if not config.host:
        return []
    port = _port(config.host, config.port)
    doors["lmtp" if config.lmtp else "smtp"] = (config.host, port)
    return [processes.Part("mail", ["mail", "--port", str(port)])]


def _port(host: str, port: int) -> int:
    return port or processes.free_port(host)


def _tell_address(config: FundConfig, port: int) -> None:
    """Let every process know the public address of pages whose port was not written down."""
    if config.pages.follows_port:
        os.environ[URL_VARIABLE] = f"https://localhost:{port}"


def _require_up_to_date() -> None:
    from django.db import connection  # noqa: PLC0415
    from django.db.migrations.executor import MigrationExecutor  # noqa: PLC0415

    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise WrongUse("The database is older than this software: run caisse fund init again, then serve.")
    connection.close()


@fund.command()
@common
@click.option("--port", type=click.IntRange(0, 65535), help="0 for any free port; else as in fund.toml.")
def web(home_path: Path, as_json: bool, port: int | None) -> None:
    """Run the HTTPS door alone."""
    from caisse.fund.exchange.doors.https_server import web_server  # noqa: PLC0415

    leaving.leave_when_asked()
    home = Home.at(home_path).existing()
    os.environ["CAISSE_DOOR"] = "exchange"
    door = home.config().http
    number = _port(door.host, door.port if port is None else port)
    with opened(home):

        def announce() -> None:
            processes.wait_until_listening(door.host, number)
            _tell_ready(as_json, "https", door.host, number)

        threading.Thread(target=announce, daemon=True).start()
        web_server(home, door.host, number).serve()


@fund.command()
@common
@click.option("--port", type=click.IntRange(0, 65535), help="0 for any free port; else as in fund.toml.")
def pages(home_path: Path, as_json: bool, port: int | None) -> None:
    """Run the pages alone: the portal for everybody, the desk for the staff."""
    from caisse.fund.pages.web_server import web_server  # noqa: PLC0415

    leaving.leave_when_asked()
    home = Home.at(home_path).existing()
    config = home.config()
    door = config.pages
    number = _port(door.host, door.port if port is None else port)
    os.environ["CAISSE_DOOR"] = "pages"
    _tell_address(config, number)
    with opened(home):

        def announce() -> None:
            processes.wait_until_listening(door.host, number)
            _tell_ready(as_json, "pages", door.host, number)

        threading.Thread(target=announce, daemon=True).start()
        web_server(home, door.host, number).serve()


@fund.command()
@common
@click.option("--port", type=click.IntRange(0, 65535), help="0 for any free port; else as in fund.toml.")
def sftp(home_path: Path, as_json: bool, port: int | None) -> None:
    """Run the SFTP door alone."""
    leaving.leave_when_asked()
    os.environ["CAISSE_DOOR"] = "exchange"
    home = Home.at(home_path).existing()
    door = home.config().sftp
    with opened(home):
        from caisse.fund.exchange.doors import sftp as sftp_door  # noqa: PLC0415

        number = door.port if port is None else port
        sftp_door.run(
            home, door.host, number, on_ready=lambda free: _tell_ready(as_json, "sftp", door.host, free)
        )


@fund.command()
@common
@click.option(
    "--processes", "count", type=click.IntRange(1, 64), default=1, show_default=True, help="How many workers."
)
def worker(home_path: Path, as_json: bool, count: int) -> None:
    """Run workers alone, one job at a time in each process."""
    leaving.leave_when_asked()
    home = Home.at(home_path).existing()
    with opened(home):
        if count > 1:
            parts = [processes.Part(f"worker {n + 1}", ["worker"]) for n in range(count)]
            processes.Supervisor(home, parts).run(lambda: _tell_ready(as_json))
            return
        from caisse.fund import worker as fund_worker  # noqa: PLC0415

        fund_worker.run(ready=lambda: _tell_ready(as_json))


def _tell_ready(as_json: bool, scheme: str = "", host: str = "", port: int = 0) -> None:
    """Tell the supervisor, or say so on standard output when the part was started alone."""
    if not processes.tell_ready():
        doors = {scheme: (host, port)} if scheme else {}
        click.echo(processes.ready_line(doors, as_json=as_json))


@fund.command()
@common
def status(home_path: Path, as_json: bool) -> None:
    """Deposits by stage, and what is stuck and why."""
    home = Home.at(home_path).existing()
    with opened(home):
        from caisse.fund.claims.stoppages import stoppages  # noqa: PLC0415
        from caisse.fund.exchange import queries  # noqa: PLC0415

        stages = queries.deposits_by_stage()
        stuck = [*queries.stuck_deposits(at=now())]
        workers = queries.live_workers()
        reasons = {stoppage.deposit_id: stoppage.reason for stoppage in stoppages()}
    rows = [{**entry.as_dict(), "why": reasons.get(entry.deposit_id) or entry.why} for entry in stuck]
    result = {
        "stages": {s.stage: {"count": s.count, "oldest": s.oldest} for s in stages},
        "workers": workers, "stuck": rows,
    }  # fmt: skip
    lines = [f"{s.stage:<13}{s.count:>8}" + (f"   oldest {s.oldest:%Y-%m-%d %H:%M:%S}Z" if s.oldest else "")
             for s in stages]  # fmt: skip
    lines.append(f"{'workers':<13}{workers:>8}")
    for row in rows:
        lines.append(f"stuck: {row['name']} ({row['deposit_id']})")
        lines.append(f"       {row['stage']} since {row['since']:%Y-%m-%d %H:%M:%S}Z: {row['why']}")
    say(as_json, result, "\n".join(lines))


@fund.command()
@common
@click.option("--provider", "provider_code", help="Only this provider's, 8 digits.")
@click.option(
    "--limit", type=click.IntRange(1), default=1000, show_default=True, help="At most so many, the newest."
)
def deposits(home_path: Path, as_json: bool, provider_code: str | None, limit: int) -> None:
    """List deposits with their stage, oldest first."""
    home = Home.at(home_path).existing()
    code = provider_code_of(provider_code) if provider_code else None
    with opened(home):
        from caisse.fund.exchange import queries  # noqa: PLC0415

        found = queries.latest_deposits(provider_code=code, limit=limit)
    rows = [
        {
            "deposit": str(one.id),
            "name": one.name,
            "stage": one.stage,
            "size": one.size,
            "received_at": one.received_at,
        }
        for one in found
    ]
    lines = [
        f"{row['received_at']:%Y-%m-%d %H:%M:%S}Z  {row['stage']:<13}{row['size']:>12}  {row['name']}"
        for row in rows
    ]
    say(as_json, {"deposits": rows}, "\n".join(lines) or "No deposit yet.")


@fund.command()
@common
def verify(home_path: Path, as_json: bool) -> None:
    """Prove that the audit chain, every stored file and every account's totals are as they should be."""
    home = Home.at(home_path).existing()
    with opened(home):
        from caisse.fund import verification  # noqa: PLC0415

        report = verification.verify(home)
    say(as_json, report.as_dict(), report.as_text())
    if report.problems:
        raise BrokenSystem(f"{len(report.problems)} problem(s) found; nothing was changed.")


@fund.command("rotate-key")
@common
def rotate_key(home_path: Path, as_json: bool) -> None:
    """Make a new key for signing receipts; older receipts stay verifiable. Restart the doors afterwards."""
    from caisse.fund.exchange import receipts  # noqa: PLC0415

    kid = receipts.rotate_key(Home.at(home_path).existing())
    say(as_json, {"kid": kid}, f"Receipts are signed with key {kid} once the doors start again.")
