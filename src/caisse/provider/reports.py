"""What the practice's commands print for people."""

from collections import Counter
from collections.abc import Sequence

import click

from caisse.provider import screens
from caisse.provider.balance import Owed, OwedFile, SendingStatus, Status, Told
from caisse.provider.by_hand import KeptAnswer
from caisse.provider.reconciliation import REPEATED, UNMATCHED, Booked
from caisse.provider.screens import euros


def print_booked(done: list[Booked]) -> None:
    """What became of the answers collected, repeats left out."""
    fresh = [one for one in done if one.state != REPEATED]
    if not fresh:
        click.echo("Nothing new.")
        return
    counts = Counter(f"{one.kind} {one.state}" for one in fresh)
    click.echo(", ".join(f"{number} × {what}" for what, number in sorted(counts.items())))
    for one in fresh:
        if one.state == UNMATCHED:
            click.echo(f"  {one.name}: kept, not booked. {one.problem}")
        elif one.kind != "receipt":
            click.echo(f"  {one.name}: {one.sending} is {one.stage}.")


def print_told(name: str, told: Sequence[Told], limit: int) -> None:
    """The reasons given for one file, at most ``limit`` of them."""
    if not told:
        click.echo(f"The fund gave no reasons for {name}.")
        return
    heads = ("code", "where", "what is wrong", "found", "expected", "what to do")
    rows = [
        (
            f"{one.code}\n← {one.follows}" if one.follows else one.code,
            " / ".join(filter(None, (one.invoice, one.line))),
            one.text,
            one.found,
            one.expected,
            one.remedy,
        )
        for one in told[:limit]
    ]
    screens.print_table(f"{name}: {len(told)} reasons", heads, rows)
    if any(one.follows for one in told[:limit]):
        click.echo("← CODE: it goes away once CODE is put right.")
    if len(told) > limit:
        click.echo(f"… and {len(told) - limit} more; --limit or --json prints them.")


def in_words(file: SendingStatus | OwedFile) -> str:
    """The file's state, and that it is overdue."""
    return f"{file.state} OVERDUE" if file.overdue else file.state


def _problem(file: SendingStatus) -> str:
    """What is wrong with a file; of one whose sending was cut off, what to do."""
    if file.state == "built" and file.attempts and not file.problem:
        return "sending was cut off: send it again"
    return file.problem or ""


def print_status(found: Status) -> None:
    """The files, what is not billed, what needs a person."""
    rows = [
        (file.name, in_words(file), f"{file.age_days} d", file.invoices, file.lines,
         euros(file.gross_cents), "verified" if file.receipted else "", _problem(file))
        for file in found.sendings
    ]  # fmt: skip
    if rows:
        heads = ("file", "state", "since>", "invoices>", "lines>", "asked EUR>", "receipt", "problem")
        screens.print_table("Files", heads, rows)
    else:
        click.echo("No file was built yet.")
    click.echo(
        f"Not billed: {found.unbilled_invoices} invoices, {found.unbilled_lines} lines, "
        f"{euros(found.unbilled_cents)} EUR."
    )
    if found.unmatched:
        kept = [(one.id, one.name, one.kind, one.problem) for one in found.unmatched]
        screens.print_table("Answers kept, not booked", ("no.>", "answer", "kind", "why"), kept)
        click.echo("Next: caisse provider answer NO.")
    if found.unmatched_lines:
        click.echo(
            f"{found.unmatched_lines} lines in returns are not known here; see the returns in the inbox."
        )


def print_kept(found: KeptAnswer) -> None:
    """One answer that was not booked, and what can be done about it."""
    click.echo(f"{found.name} ({found.kind}), collected {found.collected_at:%Y-%m-%d %H:%M}Z")
    click.echo(f"Not booked: {found.problem}")
    told = [("deposit", found.deposit), ("speaks of", found.about_name), ("SHA-256", found.about_sha256)]
    if found.conform is not None:
        told.append(("conform", "yes" if found.conform else "no"))
    if found.asked_cents is not None:
        told.append(("lines", f"{found.lines}"))
        sums = (found.asked_cents, found.patient_cents, found.refused_cents)
        told += zip(
            ("asked", "patient's share", "refused"), (f"{euros(cents)} EUR" for cents in sums), strict=True
        )
    for what, value in told:
        if value:
            click.echo(f"  {what:<16}{value}")
    if found.candidates:
        heads = ("file", "state", "deposit", "its lines there>")
        rows = [(one.name, one.state, one.deposit, one.lines or "") for one in found.candidates]
        screens.print_table("It may mean", heads, rows)
        click.echo(f"If it means one of them: caisse provider assign {found.id} FILE --note WHY")
    click.echo(f"Once it is dealt with otherwise: caisse provider settle {found.id} --note WHAT")


def print_owed(found: Owed, overdue: bool) -> None:
    """Asked, paid, refused and owed; the refusals by reason; what is owed by age."""
    if not found.files:
        click.echo("Nothing is overdue." if overdue else "Nothing was sent yet.")
        return
    heads = ("file", "state", "sent", "lines>", "asked>", "paid>", "patient>", "refused>", "owed>")
    rows: list[tuple[object, ...]] = [
        (file.name, in_words(file), file.sent_at.astimezone().date() if file.sent_at else "",
         file.lines, *map(euros, (file.asked_cents, file.paid_cents, file.patient_cents, file.refused_cents,
                                  file.owed_cents)))
        for file in found.files
    ]  # fmt: skip
    sums = (found.asked_cents, found.paid_cents, found.patient_cents, found.refused_cents, found.owed_cents)
    rows.append(("all together", "", "", sum(file.lines for file in found.files), *map(euros, sums)))
    screens.print_table("Asked = paid + patient's share + refused + owed, in EUR", heads, rows)
    if found.refused_for:
        why = [
            (one.code, one.text, one.follow_up, one.lines, euros(one.refused_cents))
            for one in found.refused_for
        ]
        screens.print_table("Refused", ("code", "why", "follow-up", "lines>", "EUR>"), why)
    if found.billed_again_cents:
        click.echo(f"Of the refused, {euros(found.billed_again_cents)} EUR stand in a later file.")
    for note in found.notes:
        screens.print_wrapped(f"Note: {note}")
    if found.owed_cents:
        ages = [f"{age} days>" for age in found.ages]
        screens.print_table(
            "Owed, by days since sending", ages, [[euros(cents) for cents in found.ages.values()]]
        )
