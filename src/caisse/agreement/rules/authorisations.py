"""Checks of collective codes: the authorisation they name is granted, covers the line and is used once."""

from collections.abc import Iterator

import polars as pl

from caisse.agreement.rules.batch import Facts
from caisse.agreement.rules.hits import Hits
from caisse.agreement.rules.joined import Joined
from caisse.agreement.rules.policies import policy
from caisse.agreement.rules.standing import Numbers, Standing


def authorisation_hits(joined: Joined, facts: Facts) -> Iterator[Hits]:
    """AUT-001, AUT-002 and AUT-003 on the lines that name an authorisation; nothing without the fact."""
    if facts.authorisations is None:
        return
    collective = joined.collective
    missing = collective.filter(~pl.col("is_granted"))
    yield Hits("AUT-001", "line", _rows(missing), found=missing["reference"])
    uncovered = collective.filter(pl.col("is_granted") & pl.col("not_covered").is_not_null())
    yield Hits(
        "AUT-002",
        "line",
        _rows(uncovered),
        found=uncovered["reference"],
        expected=uncovered.select(
            pl.format("an authorisation for this line; {} is for {}", "reference", "not_covered")
        ).to_series(),
    )
    for shipping, analyses in policy("shipping").items():
        with_analysis = pl.any_horizontal(pl.col("analyses").list.contains(act) for act in analyses)
        alone = collective.filter(pl.col("act") == shipping, pl.col("is_granted"), ~with_analysis)
        yield Hits(
            "AUT-003",
            "line",
            _rows(alone),
            found=alone["reference"],
            expected=pl.Series(
                [f"a granted {' or '.join(analyses)} on the same request"] * alone.height, dtype=pl.String
            ),
        )


def check_used_once(standing: Standing) -> Hits:
    """AUT-002: an authorisation pays one line: none when an earlier file has used it, else the first here."""
    collective = standing.joined.collective
    payable = collective.filter(pl.Series(standing.payable[collective["row"].to_numpy()]))
    again = payable.filter(
        pl.col("used_by").is_not_null() | ~pl.struct("reference", "act").is_first_distinct()
    )
    standing.refuse(_rows(again))
    once = "one line an authorisation"
    used = pl.format(once + ": used by {}", "used_by")
    return Hits(
        "AUT-002",
        "line",
        _rows(again),
        found=again["reference"],
        expected=again.select(pl.coalesce(used, pl.lit(once))).to_series(),
    )


def _rows(lines: pl.DataFrame) -> Numbers:
    return lines["row"].to_numpy()
