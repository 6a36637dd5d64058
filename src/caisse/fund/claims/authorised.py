"""Authorisations for one file: those its lines name, and which of them a paid line has used already.

That an authorisation has been used is read from the lines that were paid, never counted beside them.
"""

from collections.abc import Sequence

import polars as pl
from django.db import connection

from caisse.agreement.rules.batch import Adjudication, Batch
from caisse.agreement.rules.grants import AUTHORISATIONS_SCHEMA
from caisse.agreement.tables import load_tables
from caisse.fund.authorisations import queries as authorisations

_USES = """
    SELECT u.reference, u.act, format('invoice %%s line %%s (deposit %%s)', i.invoice_reference,
           l.line_reference, f.deposit_id)
    FROM claims_authorisedline u JOIN claims_judgedfile f ON f.id = u.file_id
    JOIN claims_linedecision l ON l.file_id = u.file_id AND l.line = u.line
    JOIN claims_invoicedecision i ON i.file_id = l.file_id AND i.invoice = l.invoice
    WHERE u.reference = ANY(%s) AND l.outcome <> 'refused' AND NOT f.is_test
"""
_OF_PROVIDER_UNTIL = " AND f.provider_code = %s AND f.id <= %s"


def uses_of(
    references: Sequence[str], *, provider_until: tuple[int, int] | None = None
) -> list[tuple[str, str, str]]:
    """For every act of these authorisations that has been used: number, act, and the paid line in words.

    ``provider_until`` limits it to a provider's judged files up to and including one.
    """
    with connection.cursor() as cursor:
        wanted = sorted(references)
        query = _USES + (_OF_PROVIDER_UNTIL if provider_until else "")
        cursor.execute(query, [wanted, *(provider_until or ())])
        return cursor.fetchall()


def authorisations_for(
    batch: Batch, *, provider: int, until: int, revision: int | None = None
) -> tuple[pl.DataFrame, int]:
    """The authorisations the file names, as `Facts` asks for them, and the revision they were read at.

    ``until`` is the provider's newest judged file whose paid lines count, ``revision`` the register's
    (default: as it is now). Three queries; none, and revision 0, when no line names an authorisation.
    """
    named = _naming(batch)["reference"].unique().to_list()
    if not named:
        return pl.DataFrame(schema=AUTHORISATIONS_SCHEMA), 0
    revision = authorisations.current_revision() if revision is None else revision
    used = uses_of(named, provider_until=(provider, until))
    uses = pl.DataFrame(used, {"reference": pl.String, "act": pl.String, "used_by": pl.String}, orient="row")
    granted = authorisations.grants(named, revision=revision)
    return granted.join(uses, on=["reference", "act"], how="left", maintain_order="left"), revision


def authorised_lines(file: int, batch: Batch, adjudication: Adjudication) -> pl.DataFrame:
    """The rows of ``claims_authorisedline`` for a file: its paid lines that an authorisation pays."""
    named = _naming(batch)
    paid = adjudication.lines["outcome"].gather(named["line"]) != "refused"
    return named.filter(paid).select(pl.lit(file, pl.Int64).alias("file_id"), "line", "reference", "act")


def _naming(batch: Batch) -> pl.DataFrame:
    """The lines with a collective code that name an authorisation: line, reference, act."""
    codes = load_tables().collective_codes["act"].to_list()
    named = batch.lines.lazy().select(
        pl.int_range(pl.len()).alias("line"), pl.col("authorisation_reference").alias("reference"), "act"
    )
    return named.filter(pl.col("act").is_in(codes) & (pl.col("reference").fill_null("") != "")).collect()
