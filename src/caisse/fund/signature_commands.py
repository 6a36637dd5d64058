"""The commands `caisse fund signature …`: the records of signatures, verified without the database."""

from pathlib import Path

import click

from caisse.fund.console import common, say
from caisse.fund.home import Home


@click.group()
def signature() -> None:
    """Signatures given to changes of associations and joint-invoicing groups."""


@signature.command("verify")
@common
@click.argument("record", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--keys", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The fund's public keys (jwks.json); else those of the home.",
)  # fmt: skip
def verify(home_path: Path, as_json: bool, record: Path, keys: Path | None) -> None:
    """Verify the record of a signature off line and show what was signed by whom, when and how."""
    from caisse.fund.casework import signature_records  # noqa: PLC0415 - needed by few commands
    from caisse.fund.exchange import receipts  # noqa: PLC0415

    published = keys.read_bytes() if keys else receipts.public_keys(Home.at(home_path).existing())
    content = record.read_bytes()[:1_000_000].decode("ascii", "replace").strip()
    signed = signature_records.read_record(content, signature_records.read_keys(published))
    told = {
        "case": signed.case, "code": f"{signed.code:08d}", "role": signed.role, "method": signed.method,
        "signed_at": signed.signed_at.isoformat(), "evidence": dict(signed.evidence),
        "statement": signed.statement,
    }  # fmt: skip
    text = (
        f"The record is sound: code {told['code']} signed {told['signed_at']} by {signed.method}"
        f" (case {signed.case}).\n\n{signed.statement}"
    )
    say(as_json, told, text)
