"""What the registers say about one file, gathered in a fixed number of queries however long the file is."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl

from caisse.agreement.rules.batch import Adjudication, Batch, Facts, History
from caisse.agreement.tables import load_tables
from caisse.fund.claims.authorised import authorisations_for
from caisse.fund.claims.history import (
    TAIL_AT_MOST,
    HistoryKeeper,
    ProviderHistory,
    history_as_of,
    newest_file_of,
)
from caisse.fund.claims.models import JudgedFile
from caisse.fund.claims.reference import ReferenceKeeper
from caisse.fund.home import Home


@dataclass(frozen=True, slots=True)
class Gathered:
    """Facts for one file, and what they were: needed to judge the file again in the same way."""

    facts: Facts
    registry_revision: int
    authorisations_revision: int
    history_until: int

    def persons(self, numbers: pl.Series) -> pl.Series:
        """The stable person id behind each printed number; null where the number is unknown."""
        index = self.facts.insured_index
        if index is None:
            return pl.Series("person", [None] * len(numbers), pl.Int64)
        matches = index.find(numbers.cast(pl.Int64).to_numpy())
        found = index.identities(matches, np.zeros(len(numbers), np.int64))
        return pl.Series("person", found).set(pl.Series(~matches.known), None)


@cache
def reference_keeper() -> ReferenceKeeper:
    """The one keeper of this process."""
    return ReferenceKeeper(Home.from_environment().snapshots)


@cache
def history_keeper() -> HistoryKeeper:
    """The one keeper of this process."""
    return HistoryKeeper(Home.from_environment().snapshots)


def note_paid(gathered: Gathered, batch: Batch, adjudication: Adjudication, file: int) -> None:
    """Add what was just paid to the history held; a new snapshot when too much has gathered beside it."""
    history = gathered.facts.history
    if not isinstance(history, ProviderHistory):
        return
    provider = int(str(batch.header["billing_provider"]))
    persons = gathered.persons(batch.invoices["insured_person"])
    keys = adjudication.lines.select(
        pl.lit(file, pl.Int32).alias("file"),
        pl.col("line").cast(pl.Int32),
        persons.gather(batch.lines["invoice"]).alias("person"),
        *batch.lines.select("act", "date_of_service", "sampled_on"),
        *(batch.invoices[name].gather(batch.lines["invoice"]) for name in ("prescribed_on", "prescriber")),
        pl.lit(provider, pl.Int32).alias("billing_provider"),
        "outcome",
    ).filter((pl.col("outcome") != "refused") & pl.col("person").is_not_null())
    if history.tail_rows + keys.height > TAIL_AT_MOST:
        history_keeper().renew()
    else:
        history_keeper().note(provider, file, history, keys)


def warm_up() -> None:
    """Load tables, registry and history now, so that the first deposit does not wait for them."""
    load_tables()
    reference_keeper().current()
    history_keeper().renew()


def gather_facts(provider: int, batch: Batch) -> Gathered:
    """All facts a file of ``provider`` is judged on; call it under the provider's lock.

    Four queries when the registry has not changed: its revision, the provider's newest file, the newest file
    of all, and the lines paid to the provider since the history's snapshot. Three more when the file names
    authorisations.
    """
    until = newest_file_of(provider)
    granted = authorisations_for(batch, provider=provider, until=until)
    return _gathered(history_keeper().of_provider(provider), until, *granted)


def gather_facts_as_of(file: JudgedFile, batch: Batch) -> Gathered:
    """The facts a file was judged on: what was authorised and paid then, with the registry as it is now."""
    until = file.history_until
    granted = authorisations_for(
        batch, provider=file.provider_code, until=until, revision=file.authorisations_revision
    )
    return _gathered(history_as_of(file.provider_code, until), until, *granted)


def _gathered(history: History, until: int, authorisations: pl.DataFrame, revision: int) -> Gathered:
    reference = reference_keeper().current()
    facts = Facts(
        insured=reference.insured,
        providers=reference.providers,
        executing=reference.executing,
        authorisations=authorisations,
        history=history,
    )
    return Gathered(facts, reference.revision, revision, until)
