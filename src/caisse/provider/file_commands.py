"""The commands that need no practice and no database: check, explain, verify."""

import hashlib
from datetime import date, datetime
from pathlib import Path

import click

from caisse.agreement.errors import WrongUse
from caisse.agreement.findings import ERROR, Finding
from caisse.agreement.tables import reasons
from caisse.agreement.tables.phrases import translate
from caisse.provider import checking, receipts, screens
from caisse.provider.checking import Check

#: The columns of a table of findings, by language.
_HEADINGS = {
    "en": ("code", "where", "what is wrong", "found", "expected", "what to do"),
    "fr": ("code", "où", "ce qui ne va pas", "trouvé", "attendu", "que faire"),
    "de": ("Code", "wo", "was nicht stimmt", "gefunden", "erwartet", "was zu tun ist"),
}

_LIMIT = 100

LANGUAGE = click.option("--lang", type=click.Choice(reasons.LANGUAGES), default="en", show_default=True,
                        help="Language of the findings.")  # fmt: skip
AS_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
LIMIT = click.option("--limit", type=click.IntRange(min=0), default=_LIMIT, show_default=True,
                     help="How many findings to print; --json prints all.")  # fmt: skip

SUMMARY = click.option("--summary", is_flag=True, help="Print the findings by code only.")


def day(text: str | None) -> date:
    """The day of an option, today when it is not given."""
    try:
        return date.fromisoformat(text) if text else datetime.now().astimezone().date()
    except ValueError:
        raise WrongUse(f"{text!r} is not a day such as 2026-11-22.") from None


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--as-of", metavar="DATE", help="Check as if the file were sent on that day (default: today).")
@LANGUAGE
@LIMIT
@SUMMARY
@AS_JSON
def check(file: Path, as_of: str | None, lang: str, limit: int, summary: bool, as_json: bool) -> None:
    """Check a request file as the fund will, without any database.

    Exit code 1 when the fund would send the whole file back or refuse a line of it.
    """
    with screens.working(f"Checking {file.name}"):
        found = checking.check_file(file, on=day(as_of), language=lang)
    show_check(found, lang, 0 if summary else limit, as_json)


def show_check(found: Check, lang: str, limit: int, as_json: bool) -> None:
    """Print the outcome of a check and leave with exit code 1 when something would be refused."""
    if as_json:
        screens.print_json({**screens.plain(found), "clean": found.clean,
                            "findings": [in_words(finding, lang) for finding in found.findings]})  # fmt: skip
    else:
        _print_check(found, lang, limit)
    if not found.clean:
        click.get_current_context().exit(1)


def in_words(finding: Finding, lang: str) -> dict[str, object]:
    """A finding with its texts."""
    reason = reasons.reason(finding.code)
    return {
        **screens.plain(finding), "text": reason.text(lang), "remedy": reason.remedy(lang),
        "article": reason.article, "follow_up": reason.follow_up,
        "found": translate(finding.found, lang), "expected": translate(finding.expected, lang),
    }  # fmt: skip


def where(finding: Finding) -> str:
    """The place a finding speaks of, in the file's own references."""
    parts = [finding.invoice_reference, finding.line_reference]
    place = " / ".join(part for part in parts if part)
    return f"{place} (XML line {finding.xml_line})".strip() if finding.xml_line else place


def _print_check(found: Check, lang: str, limit: int) -> None:
    findings = sorted(found.findings, key=lambda one: (one.severity != ERROR, one.follows is not None))
    rows = []
    for one in findings[:limit]:
        reason = reasons.reason(one.code)
        cause = f"{reason.text(lang)} (← {one.follows})" if one.follows else reason.text(lang)
        found_here, expected = translate(one.found, lang), translate(one.expected, lang)
        rows.append((one.code, where(one), cause, found_here, expected, reason.remedy(lang)))
    if rows:
        screens.print_table(f"Findings: {len(findings)}", _HEADINGS[lang], rows)
    if len(findings) > limit > 0:
        click.echo(f"… and {len(findings) - limit} more; --limit or --json prints them.")
    _print_by_code(findings, lang)
    for note in found.notes:
        click.echo(f"Note: {note}")
    click.echo(verdict(found))
    if found.deferred:
        deferred = [(code, reasons.reason(code).text(lang)) for code in found.deferred]
        screens.print_table("Only the fund can judge whether", ("code", ""), deferred)


def _print_by_code(findings: list[Finding], lang: str) -> None:
    """How often each code was found, when there are too many findings to take in at a glance."""
    counts: dict[str, int] = {}
    for one in findings:
        counts[one.code] = counts.get(one.code, 0) + 1
    if counts and len(findings) >= len(counts):
        rows = [(code, number, reasons.reason(code).text(lang)) for code, number in sorted(counts.items())]
        screens.print_table("By code", ("code", "findings>", ""), rows)


def verdict(found: Check) -> str:
    """One sentence: what the fund would do with the file."""
    if not found.conform:
        return f"{found.name}: not conform. The fund would send the whole file back."
    sums = (
        f"{found.invoices} invoices, {found.lines} lines; asked {screens.euros(found.asked_cents)}, "
        f"payable as far as can be seen here {screens.euros(found.payable_cents)}, "
        f"refused {screens.euros(found.refused_cents)}."
    )
    return f"{found.name}: conform ({found.layout}). {sums}"


@click.command()
@click.argument("code")
@LANGUAGE
@AS_JSON
def explain(code: str, lang: str, as_json: bool) -> None:
    """Explain a reason code: what is wrong, its article and what to do."""
    reason = reasons.reason(code.upper())
    if as_json:
        screens.print_json({
            "code": reason.code, "level": reason.level, "kind": reason.kind, "severity": reason.severity,
            "article": reason.article, "follow_up": reason.follow_up,
            "text": dict(reason.texts), "remedy": dict(reason.remedies),
        })  # fmt: skip
        return
    click.echo(f"{reason.code} · {reason.level} · {reason.severity} · {reason.article}")
    click.echo(reason.text(lang))
    click.echo(f"→ {reason.remedy(lang)}")
    click.echo(f"→ {reason.follow_up_text(lang)}.")


@click.command()
@click.argument("receipt", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--keys", type=click.Path(path_type=Path, dir_okay=False), envvar="CAISSE_FUND_KEYS",
              help="The fund's public keys (JWKS); default: fund-keys.json of the practice.")  # fmt: skip
@AS_JSON
def verify(receipt: Path, file: Path, keys: Path | None, as_json: bool) -> None:
    """Verify a receipt against the file it is about, offline: signature, name, size and SHA-256."""
    try:
        with file.open("rb") as opened:
            sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
        token = receipt.read_bytes()
        held = receipts.read_keys((keys or find_keys(receipt)).read_bytes())
        size = file.stat().st_size
    except OSError as error:
        raise WrongUse(f"{error.filename}: {error.strerror}") from None
    found = receipts.verify_receipt(token, held, name=file.name, size=size, sha256=sha256)
    if as_json:
        screens.print_json({"valid": True, **screens.plain(found)})
        return
    click.echo(f"Valid: the fund received {found.name} ({found.size} bytes, SHA-256 {found.sha256})")
    click.echo(
        f"at {found.received_at.isoformat()} as deposit {found.deposit}, signed with key {found.key_id}."
    )


def find_keys(receipt: Path) -> Path:
    """The pinned keys of the practice the receipt lies in; raises WrongUse when there are none."""
    for folder in [receipt.resolve().parent, *receipt.resolve().parents]:
        for name in ("fund-keys.json", "jwks.json"):
            if (folder / name).is_file():
                return folder / name
    raise WrongUse("Name the fund's public keys with --keys; the fund publishes them as keys/jwks.json.")
