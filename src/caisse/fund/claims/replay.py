"""Judge a file again from its stored bytes and compare with what was decided then. Writes nothing."""

import uuid
from dataclasses import dataclass

import polars as pl

from caisse.agreement.rules.adjudication import adjudicate
from caisse.agreement.tables import load_tables
from caisse.fund.claims import queries
from caisse.fund.claims.answers import engine
from caisse.fund.claims.facts import gather_facts_as_of
from caisse.fund.claims.judging import StoredFileChanged, examine
from caisse.fund.copying import read_frame

_DECISIONS_SCHEMA = {
    "line": pl.UInt32(),
    "act_paid": pl.String(),
    "quantity_paid": pl.Int64(),
    "asked_cents": pl.Int64(),
    "paid_cents": pl.Int64(),
    "patient_cents": pl.Int64(),
    "refused_cents": pl.Int64(),
    "outcome": pl.String(),
}
_DECISIONS = (
    f"SELECT {', '.join(_DECISIONS_SCHEMA)} FROM claims_linedecision WHERE file_id = %s ORDER BY line"
)


@dataclass(frozen=True, slots=True)
class Replay:
    """The result of judging again. ``differences``: line, and each value as ``stored`` and ``replayed``.

    ``changed`` names what is no longer as it was then (registry, software, tables): with none of them any
    difference is an error.
    """

    deposit: str
    lines: int
    differences: pl.DataFrame
    changed: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """True when every line was decided in the same way again."""
        return self.differences.is_empty()


def replay_deposit(deposit_id: uuid.UUID | str) -> Replay:
    """Judge a deposit again on what had been paid at the time, with today's registry, tables and software.

    Raises StoredFileChanged when the bytes are not conform any more, StoreDamaged when they are others.
    """
    file = queries.judged_file(deposit_id)
    examined = examine(file.deposit)
    if not examined.conform:
        raise StoredFileChanged(f"deposit {deposit_id}")
    tables = load_tables()
    gathered = gather_facts_as_of(file, examined.batch)
    adjudication = adjudicate(examined.batch, gathered.facts, tables)
    now = {
        "registry": (file.registry_revision, gathered.registry_revision),
        "software": (file.engine, engine()),
        "schema": (
            file.schema_sha256,
            examined.examination.layout and examined.examination.layout.schema_sha256,
        ),
        "table editions": ((), queries.editions_missing(file, tables)),
    }
    stored = read_frame(_DECISIONS, dict(_DECISIONS_SCHEMA), (file.pk,))
    replayed = adjudication.lines.select(pl.col(name).cast(kind) for name, kind in _DECISIONS_SCHEMA.items())
    return Replay(
        deposit=str(file.deposit_id),
        lines=replayed.height,
        differences=_differences(stored, replayed),
        changed=tuple(name for name, (then, today) in now.items() if then != today),
    )


def _differences(stored: pl.DataFrame, replayed: pl.DataFrame) -> pl.DataFrame:
    """Lines decided differently or present on one side only."""
    both = stored.join(replayed, on="line", how="full", coalesce=True, suffix="_replayed").sort("line")
    names = [name for name in _DECISIONS_SCHEMA if name != "line"]
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_replayed")) for name in names)
    return both.filter(differs).rename({name: f"{name}_stored" for name in names})
