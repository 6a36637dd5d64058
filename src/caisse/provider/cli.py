"""The practice's commands. Each is a few lines over `caisse.provider.client.Practice`."""

import os
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

import click

from caisse.agreement.tables import reasons
from caisse.provider import reports, screens
from caisse.provider.client import Practice
from caisse.provider.file_commands import AS_JSON, LANGUAGE, LIMIT, SUMMARY, day, show_check
from caisse.provider.reconciliation import UNMATCHED
from caisse.provider.screens import euros


def _resolved_home(context: click.Context, _option: click.Parameter, given: Path | None) -> Path:
    """The folder named at the command, else at `caisse provider`, else in the environment, else here."""
    return given or context.obj or Path(os.environ.get("CAISSE_PROVIDER_HOME") or "caisse-practice")


def _practice(home: Path) -> Practice:
    """The practice in a folder; what a person should know goes to stderr."""
    practice = Practice.open(home)
    practice.notice = partial(click.echo, err=True)
    return practice


_HOME = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    callback=_resolved_home,
    help="The practice's folder; default: CAISSE_PROVIDER_HOME, else ./caisse-practice.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@_HOME
@click.pass_context
def provider(context: click.Context, home: Path) -> None:
    """The practice: record its services, build and send request files, collect and book the answers."""
    context.obj = home


@provider.command()
@_HOME
@click.option("--fund", required=True, metavar="URL", help="sftp://user@host:port or https://host:port.")
@click.option("--code", required=True, type=int, help="The provider code, 8 digits.")
@click.option("--frame", default="LAB", show_default=True, help="The legal frame.")
@click.option("--database", metavar="URL", help="Another database than SQLite in the folder.")
@click.option("--password-stdin", is_flag=True, help="Read the account's password from stdin.")
@click.option("--generate-key", is_flag=True, help="Make an SSH key and print its public half for the fund.")
@click.option(
    "--ssh-key",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Use this private SSH key.",
)
@click.option("--host-key", help="The fund's host key or its SHA256: fingerprint; else trusted on first use.")
@click.option("--tls-ca", type=click.Path(path_type=Path, dir_okay=False, exists=True),
              help="Trust only this certificate authority (PEM) at the fund's HTTPS door.")  # fmt: skip
@AS_JSON
def init(
    home: Path, fund: str, code: int, frame: str, database: str | None, password_stdin: bool,
    generate_key: bool, ssh_key: Path | None, host_key: str | None, tls_ca: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Set up a practice: its folder, its database, its credentials, the fund's pinned key."""
    from caisse.provider import credentials  # noqa: PLC0415 - brings the SSH library, which only this needs

    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    pinned = credentials.chosen_host_key(fund, host_key)
    with Practice.create(
        home, fund=fund, code=code, frame=frame, database=database, password=password
    ) as made:
        told = credentials.set_up(
            made.home, made.settings, pinned, ssh_key=ssh_key, generate=generate_key, tls_ca=tls_ca
        )
    if as_json:
        screens.print_json(told)
        return
    click.echo(f"Practice {code} ({frame}) is set up in {told['home']}.")
    if told["host_key"]:
        click.echo(f"The fund's host key, from now on the only one trusted: {told['host_key']}")
    elif fund.startswith("sftp:"):
        click.echo("The fund cannot be reached now; its host key will be pinned at the first connection.")
    if told["public_key"]:
        click.echo(f"Give this public key to the fund:\n{told['public_key']}")


@provider.command()
@_HOME
@click.option("--host-key", help="The fund's new host key or its SHA256: fingerprint, as the fund told you.")
@click.option("--tls-ca", type=click.Path(path_type=Path, dir_okay=False, exists=True),
              help="The certificate authority (PEM) of the fund's HTTPS door.")  # fmt: skip
@AS_JSON
def trust(home: Path, host_key: str | None, tls_ca: Path | None, as_json: bool) -> None:
    """Trust the fund's new host key or certificate authority in place of the old one."""
    from caisse.provider import credentials  # noqa: PLC0415 - as above

    with _practice(home) as practice:
        told = credentials.trust(practice.home, practice.settings, host_key=host_key, tls_ca=tls_ca)
    if as_json:
        screens.print_json(told)
        return
    click.echo(f"Trusted from now on: {told['host_key'] or ''} {told['tls_ca'] or ''}".rstrip())


@provider.command()
@_HOME
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--correct", is_flag=True, help="Replace invoices recorded before with other content.")
@AS_JSON
def record(home: Path, file: Path, correct: bool, as_json: bool) -> None:
    """Import the practice's own records from FILE (.csv or .jsonl, one row a line): all of it or nothing.

    `caisse provider columns` lists the columns.
    """
    with _practice(home) as practice, screens.progress_bar(f"Recording {file.name}") as bar:
        done = practice.record(file, correct=correct, progress=bar)
    if as_json:
        screens.print_json(done)
        return
    if done.repeated:
        click.echo(f"{done.file} was imported before: nothing changed.")
        return
    click.echo(
        f"{done.file}: {done.invoices} invoices, {done.lines} lines recorded, {euros(done.gross_cents)} EUR."
    )
    if done.priced:
        click.echo(f"{done.priced} lines priced from the tables.")
    if done.known or done.corrected:
        click.echo(f"{done.known} invoices were there already, {done.corrected} corrected.")
    for note in done.notes:
        screens.print_wrapped(f"Note: {note}")
    click.echo("Next: caisse provider build invoices --year YEAR --number MONTH")


@provider.command()
@AS_JSON
def columns(as_json: bool) -> None:
    """List the columns of a file of records."""
    from caisse.provider.record_columns import COLUMNS, SHAPES  # noqa: PLC0415

    if as_json:
        screens.print_json(list(COLUMNS))
        return
    rows = [(c.name, "yes" if c.required else "", SHAPES[c.kind][1], c.meaning) for c in COLUMNS]
    screens.print_table("One row a line", ("column", "required", "holds", "meaning"), rows)


@provider.group()
def build() -> None:
    """Build request files from what is recorded."""


@build.command()
@_HOME
@click.option("--year", required=True, type=click.IntRange(2018, 2999), help="Year of the statement.")
@click.option("--number", required=True, type=click.IntRange(1, 99), help="Month or sending number.")
@click.option("--layout", type=int, help="Layout number; default: the newest in force.")
@click.option("--reference", help="The practice's own reference of the file (letters, digits, hyphens).")
@click.option(
    "--rebill", is_flag=True, help="Bill the refused lines again, quoting their earlier references."
)
@AS_JSON
def invoices(
    home: Path, year: int, number: int, layout: int | None, reference: str | None, rebill: bool, as_json: bool
) -> None:
    """Put every line not billed yet into a conforming request file in the outbox."""
    with _practice(home) as practice, screens.working("Building"):
        built = practice.build_invoices(
            year=year, number=number, layout=layout, reference=reference, rebill=rebill
        )
    if as_json:
        screens.print_json(built)
    elif built is None:
        click.echo("There is nothing to bill.")
    else:
        click.echo(
            f"{built.name}: {built.invoices} invoices, {built.lines} lines, {euros(built.gross_cents)} EUR."
        )
        click.echo(f"It lies in {built.path}")
        click.echo(f"Next: caisse provider check {built.name}, then caisse provider send")


@provider.command()
@_HOME
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--as-of", metavar="DATE", help="Check as if the file were sent on that day (default: today).")
@LANGUAGE
@LIMIT
@SUMMARY
@AS_JSON
def check(
    home: Path, file: Path, as_of: str | None, lang: str, limit: int, summary: bool, as_json: bool
) -> None:
    """Check FILE as the fund will, and that it is this practice's own."""
    with _practice(home) as practice, screens.working(f"Checking {file.name}"):
        found = practice.check(file, on=day(as_of), language=lang)
    show_check(found, lang, 0 if summary else limit, as_json)


@provider.command()
@_HOME
@click.argument("files", nargs=-1)
@AS_JSON
def send(home: Path, files: tuple[str, ...], as_json: bool) -> None:
    """Deposit the files built (or FILES) at the fund. Safe to repeat after any failure."""
    with _practice(home) as practice, screens.progress_bar("Sending") as bar:
        done = practice.send(files, progress=lambda _name, part, whole: bar(part, whole))
        receipted = {file.name for file in practice.status().sendings if file.receipted}
    if as_json:
        screens.print_json([{**screens.plain(sent), "receipted": sent.name in receipted} for sent in done])
    elif not done:
        click.echo("There is nothing to send.")
    for sent in [] if as_json else done:
        if sent.problem:
            click.echo(f"{sent.name}: refused. {sent.problem}", err=True)
        else:
            proof = "receipt verified" if sent.name in receipted else "receipt to be collected"
            click.echo(f"{sent.name}: sent, {proof}.")
            click.echo("Next: caisse provider collect, once the fund has answered")
    if any(sent.problem for sent in done):
        click.get_current_context().exit(1)


@provider.command()
@_HOME
@click.argument("file")
@AS_JSON
def discard(home: Path, file: str, as_json: bool) -> None:
    """Give up a FILE that was built and not sent; its lines can be billed again."""
    name = Path(file).name
    with _practice(home) as practice:
        practice.discard(name)
    if as_json:
        screens.print_json({"discarded": name})
        return
    click.echo(f"{name} is discarded; its lines can be billed again.")


@provider.command()
@_HOME
@click.option("--again", is_flag=True, help="Download also what is here already; nothing is booked twice.")
@AS_JSON
def collect(home: Path, again: bool, as_json: bool) -> None:
    """Download the fund's answers, verify the receipts, book everything once.

    Exit code 1 when the fund found a file not conform, or an answer could not be booked.
    """
    with _practice(home) as practice, screens.progress_bar("Collecting") as bar:
        done = practice.collect(again=again, progress=lambda _name, part, whole: bar(part, whole))
        refused = {
            one.sending: practice.reasons(one.sending)
            for one in done
            if one.sending and one.stage == "refused"
        }
    if as_json:
        screens.print_json(done)
    else:
        reports.print_booked(done)
        for name, told in refused.items():
            reports.print_told(name, told, 20)
    if any(one.state == UNMATCHED or one.stage == "refused" for one in done):
        click.get_current_context().exit(1)


@provider.command()
@_HOME
@click.argument("number", type=int)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write its bytes to a file.")
@AS_JSON
def answer(home: Path, number: int, output: Path | None, as_json: bool) -> None:
    """Look at the kept answer NUMBER (see status): what it says, why it was not booked, what it may mean."""
    with _practice(home) as practice:
        found = practice.answer(number)
    if output is not None:
        output.write_bytes(found.content)
    if as_json:
        screens.print_json({k: v for k, v in asdict(found).items() if k != "content"})
    else:
        reports.print_kept(found)


@provider.command()
@_HOME
@click.argument("number", type=int)
@click.argument("file")
@click.option("--note", required=True, help="Why it is meant, such as what the fund said.")
@AS_JSON
def assign(home: Path, number: int, file: str, note: str, as_json: bool) -> None:
    """Book the kept answer NUMBER onto FILE, because you say that it is meant; it must fit all the same.

    Sums, amounts and the file's stage are checked as for any answer; nothing is booked twice.
    """
    with _practice(home) as practice:
        booked = practice.assign(number, file, note)
    if as_json:
        screens.print_json(booked)
        return
    click.echo(f"{booked.name} is booked: {booked.sending} is {booked.stage}.")


@provider.command()
@_HOME
@click.argument("number", type=int)
@click.option("--note", required=True, help="What was found out and done about it.")
@AS_JSON
def settle(home: Path, number: int, note: str, as_json: bool) -> None:
    """Take the kept answer NUMBER (see status) off the list of those that need a person; it stays kept."""
    with _practice(home) as practice:
        name = practice.settle(number, note)
    if as_json:
        screens.print_json({"settled": number, "name": name})
        return
    click.echo(f"{name} is settled.")


@provider.command()
@_HOME
@click.argument("file")
@LANGUAGE
@LIMIT
@AS_JSON
def show(home: Path, file: str, lang: str, limit: int, as_json: bool) -> None:
    """The reasons the fund's answers give for FILE, in words."""
    with _practice(home) as practice:
        told = practice.reasons(file, language=lang)
    if as_json:
        screens.print_json(told)
    else:
        reports.print_told(Path(file).name, told, limit)


@provider.command()
@_HOME
@AS_JSON
def status(home: Path, as_json: bool) -> None:
    """The files by stage, oldest first; what is not billed yet; what needs a person."""
    with _practice(home) as practice:
        found = practice.status()
    if as_json:
        screens.print_json(found)
        return
    reports.print_status(found)


@provider.command()
@_HOME
@click.option("--overdue", is_flag=True, help="Only what the fund should have answered by now.")
@click.option(
    "--lang",
    type=click.Choice(reasons.LANGUAGES),
    default="en",
    show_default=True,
    help="Language of the reasons.",
)
@AS_JSON
def owed(home: Path, overdue: bool, lang: str, as_json: bool) -> None:
    """What was asked, paid, refused (by reason, in words) and is still owed."""
    with _practice(home) as practice:
        found = practice.owed(overdue=overdue, language=lang)
    if as_json:
        screens.print_json(found)
        return
    reports.print_owed(found, overdue)


@provider.command()
@_HOME
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["csv", "parquet"]),
    default="csv",
    show_default=True,
    help="How the tables are written.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Default: practice.csv or .parquet here.",
)
@AS_JSON
def export(home: Path, file_format: str, output: Path | None, as_json: bool) -> None:
    """Write every billed line and what became of it to a file; amounts in cents."""
    target = output or Path(f"practice.{file_format}")
    with _practice(home) as practice:
        rows = practice.export(target, file_format=file_format)
    if as_json:
        screens.print_json({"file": str(target), "rows": rows})
    else:
        click.echo(f"{rows} lines written to {target}.")
