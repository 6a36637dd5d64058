"""The command `caisse fund statements`: annual statements of associations, and their figures as data."""

from pathlib import Path

import click

from caisse.agreement.errors import WrongUse
from caisse.agreement.money import text_from_cents
from caisse.fund.console import PERSON, common, now, opened, progress, provider_code_of, say
from caisse.fund.home import Home


@click.command()
@common
@click.option("--year", type=click.IntRange(2000, 2999), required=True, help="The year; it must be over.")
@click.option("--association", "association_code", help="Only this association's, by its common code.")
@click.option("--correct", is_flag=True, help="Write a new version of each whose figures have changed.")
@click.option("--list", "only_list", is_flag=True, help="Only list what was issued.")
@click.option(
    "--csv", "csv_file", type=click.Path(path_type=Path, dir_okay=False), help="Also write the figures there."
)
def statements(
    home_path: Path, as_json: bool, year: int, association_code: str | None, correct: bool, only_list: bool,
    csv_file: Path | None,
) -> None:  # fmt: skip
    """Issue the annual statements of associations' members, each once; workers print and mail the PDFs.

    Run again, it goes on where it stopped and writes nothing twice.
    """
    home = Home.at(home_path).existing()
    code = provider_code_of(association_code) if association_code else None
    if csv_file and not csv_file.absolute().parent.is_dir():
        raise WrongUse(f"--csv {csv_file}: there is no such folder. Make it first; nothing was issued.")
    with opened(home), progress() as watch:
        from caisse.fund.payments import queries  # noqa: PLC0415
        from caisse.fund.payments.statements import Issued, issue_statements  # noqa: PLC0415

        association = _association(code) if code else None
        issued = Issued()
        if not only_list:
            issued = issue_statements(
                year=year, association_id=association, correct=correct, by=PERSON, at=now(), watch=watch
            )
        found = queries.statements_of(year=year, association_id=association)
        figures = queries.statements_csv(found) if csv_file else ""
    if csv_file:
        csv_file.touch(mode=0o600)
        csv_file.write_text(figures, encoding="utf-8")
    unmade = sum(one.letter.made_at is None for one in found)
    rows = [{"reference": one.reference, "lines": one.lines, "asked_cents": one.asked_cents,
             "paid_cents": one.paid_cents, "made": one.letter.made_at} for one in found]  # fmt: skip
    result = {"year": year, "new": issued.new, "corrected": issued.corrected, "unchanged": issued.unchanged,
              "waiting_for_worker": unmade, "statements": rows}  # fmt: skip
    lines = [f"{row['reference']:<24}{row['lines']:>8} lines  {text_from_cents(row['asked_cents']):>14} asked"
             for row in rows] if only_list else []  # fmt: skip
    done = f"{issued.new:,} new, {issued.corrected:,} corrected, {issued.unchanged:,} as they stood"
    lines.append(f"{year}: {done}; {unmade:,} wait for a worker.")
    say(as_json, result, "\n".join(lines))


def _association(code: int) -> int:
    """The association that has or had a common code; raises WrongUse."""
    from caisse.fund.registry.queries import provider_by_code  # noqa: PLC0415

    found = provider_by_code(code)
    if found is None or found.kind != "association":
        raise WrongUse(f"--association {code}: no association has or had this code.")
    return found.pk
