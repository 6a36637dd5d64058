"""Synthetic insured persons, providers, prescribers and authorisations, for `make demo` to play with.

What a practice would know anyway (its patients' numbers, the prescribers' codes, what it was granted) is
written to HOME/demo/.
"""

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl

from caisse.agreement.errors import WrongUse
from caisse.agreement.identifiers import national_number, provider_code
from caisse.agreement.money import text_from_cents
from caisse.fund.authorisations.actions import Grant, grant_authorisation
from caisse.fund.registry.actions import load_persons, load_providers, publish_funds
from caisse.fund.registry.loading import PERSONS_SCHEMA, PROVIDERS_SCHEMA, Watch
from caisse.fund.registry.models import Person

PERSONS = 20_000
PRESCRIBERS = 300
#: The laboratories of the demonstration; the first is the one `make demo` plays.
LABORATORIES = (520017, 520018, 520019)
#: One person in so many is no longer insured since COVER_ENDED.
COVER_ENDED_EVERY = 50
COVER_ENDED = date(2024, 1, 1)
BEGIN = date(2015, 1, 1)
#: What the first laboratory was granted, one after the other: collective codes with their amounts in cents.
GRANTED = (
    {"LDE0001": 4_250},
    {"LEE0001": 11_800},
    {"LFE0001": 24_000, "LGE0001": 9_650},
    {"LDE0001": 7_330},
    {"LDE0001": 3_900},
    {"LFE0001": 31_500},
    {"LEE0001": 8_720},
    {"LFE0001": 18_200, "LGE0001": 8_100},
)
GRANTED_ON = date(2024, 2, 26)
GRANTED_UNTIL = date(2024, 9, 1)
#: Shares of the four institutions (CSS art. 44), ours: only their order of size is meant to be believable.
FUNDS = (("CNS", 88), ("CMFEP", 6), ("CMFEC", 3), ("EMCFL", 3))


def load_demo(folder: Path, *, persons: int = PERSONS, by: str, at: datetime, watch: Watch) -> dict[str, int]:
    """Fill an empty fund and write what a practice would know of it to ``folder``; how many of each.

    Raises WrongUse when the fund already holds persons: a demonstration never mixes with anything else.
    """
    if Person.objects.exists():
        raise WrongUse("This fund already holds insured persons; the demonstration wants an empty one.")
    chance = random.Random(20240101)
    watch("invent", 0, 0)
    insured = pl.DataFrame(list(_insured(persons, chance)), schema=PERSONS_SCHEMA, orient="row")
    providers = pl.DataFrame(list(_providers(chance)), schema=PROVIDERS_SCHEMA, orient="row")
    publish_funds(by=by, at=at)
    load_persons(rows=insured, by=by, at=at, watch=watch)
    load_providers(rows=providers, by=by, at=at)
    prescribers = providers.filter(pl.col("profession") == "doctors")
    folder.mkdir(mode=0o700, exist_ok=True)
    insured.drop("name").write_csv(folder / "insured.csv")
    prescribers.select("provider", "valid_from", "valid_until").write_csv(folder / "prescribers.csv")
    granted = _grant(insured.filter(pl.col("insured_until").is_null())["insured_person"], by=by, at=at)
    granted.write_csv(folder / "authorisations.csv")
    return {
        "persons": insured.height,
        "laboratories": len(LABORATORIES),
        "prescribers": prescribers.height,
        "authorisations": len(GRANTED),
    }


def _grant(persons: pl.Series, *, by: str, at: datetime) -> pl.DataFrame:
    """Grant the first laboratory what `GRANTED` lists, each to another person; one row an act."""
    laboratory = int(provider_code.make(LABORATORIES[0]))
    rows = []
    for number, (acts, person) in enumerate(zip(GRANTED, persons, strict=False), start=1):
        grant = Grant(f"DEMO-{number:03d}", laboratory, person, acts, GRANTED_ON, GRANTED_ON, GRANTED_UNTIL)
        grant_authorisation(grant=grant, by=by, at=at)
        rows += [(grant.number, person, act, text_from_cents(cents)) for act, cents in acts.items()]
    columns = ("number", "insured_person", "act", "amount")
    return pl.DataFrame(rows, schema=columns, orient="row")


def _insured(count: int, chance: random.Random) -> Iterator[tuple[object, ...]]:
    """One row a person: number, fund, period of insurance, no name."""
    names, weights = zip(*FUNDS, strict=True)
    for index in range(count):
        # Every (birth date, sequence) pair is used once, so no number comes twice.
        born = date(1935, 1, 1) + timedelta(days=(index * 7919) % 29_000)
        number = national_number.make(born.year, born.month, born.day, index // 29_000 + index % 97)
        ended = COVER_ENDED if index % COVER_ENDED_EVERY == COVER_ENDED_EVERY - 1 else None
        yield int(number), chance.choices(names, weights)[0], max(BEGIN, born), ended, ""


def _providers(chance: random.Random) -> Iterator[tuple[object, ...]]:
    """Laboratories, physiotherapists and prescribers; one prescriber in thirty has stopped."""
    for number, six in enumerate(LABORATORIES, start=1):
        code = int(provider_code.make(six))
        yield code, f"Demonstration laboratory {number}", "laboratories", BEGIN, None, None
    for number in range(1, 11):
        code = int(provider_code.make(540_000 + number))
        yield code, f"Demonstration physiotherapist {number}", "physiotherapists", BEGIN, None, None
    for number in range(1, PRESCRIBERS + 1):
        ended = date(2023, 7, 1) if chance.random() < 1 / 30 else None
        code = int(provider_code.make(900_000 + number))
        yield code, f"Demonstration doctor {number}", "doctors", BEGIN, ended, None
