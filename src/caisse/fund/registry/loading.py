"""Whole registers: rows are compared with what is registered, and the differences are entered by COPY.

A row says what holds. Registered already: nothing happens, so loading a file again changes nothing. Same
beginning (or same code) and other content: it is changed, and what stood there is kept with its time. Not
registered: it is entered. Entries that are not in the file stay as they are. Any fault refuses all of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import polars as pl
from django.db import connection, transaction
from django.utils import timezone

from caisse.fund.audit.actions import record_event
from caisse.fund.copying import copy_frame, read_frame
from caisse.fund.registry import bulk, published, register_checks, revisions
from caisse.fund.registry.models import Fund
from caisse.fund.registry.register_faults import LINE, refuse
from caisse.fund.registry.register_files import INSURED, PROVIDERS, schema

#: What `load_persons` takes: one row a period of insurance; rows with one number are one person.
PERSONS_SCHEMA = pl.Schema({name: kind for name, kind in schema(INSURED).items() if name != LINE})
#: What `load_providers` takes: one row a code; a code that is not registered is a new provider.
PROVIDERS_SCHEMA = pl.Schema({name: kind for name, kind in schema(PROVIDERS).items() if name != LINE})

#: Hears what is being done, how much of it is done, and how much there is (0: not known).
Watch = Callable[[str, int, int], None]

_NUMBERS = """
    SELECT n.number, n.person_id, p.name FROM registry_personnumber n
    JOIN registry_person p ON p.id = n.person_id
"""
_PERIODS = "SELECT id, person_id, fund_id, insured_from, insured_until FROM registry_coverage"
_CODES = """
    SELECT c.id, c.code, c.provider_id, c.profession, coalesce(c.site_id, 0), c.speciality, c.valid_from,
        c.valid_until, p.name, coalesce(a.iban, '')
    FROM registry_providercode c JOIN registry_provider p ON p.id = c.provider_id
    LEFT JOIN registry_bankaccount a ON a.provider_id = p.id AND a.superseded IS NULL
        AND a.valid_from <= {day} AND (a.valid_until IS NULL OR a.valid_until > {day})
"""
_NUMBERS_SCHEMA = {"insured_person": pl.Int64(), "person_id": pl.Int64(), "known_name": pl.String()}
_PERIODS_SCHEMA = {
    "id": pl.Int64(), "person_id": pl.Int64(), "known_fund": pl.String(),
    "insured_from": pl.Date(), "known_until": pl.Date(),
}  # fmt: skip
_CODES_SCHEMA = {
    "id": pl.Int64(), "provider": pl.Int32(), "provider_id": pl.Int64(), "known_profession": pl.String(),
    "known_site": pl.Int64(), "known_speciality": pl.String(), "known_from": pl.Date(),
    "known_until": pl.Date(), "known_name": pl.String(), "known_iban": pl.String(),
}  # fmt: skip
_COVERAGE_TABLES = ("registry_personnumber", "registry_coverage", "registry_person", "registry_fund")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load entered: new persons or providers, new rows, changed rows, rows that were so already."""

    new: int
    new_rows: int
    changed: int
    unchanged: int
    revision: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def _silent(_what: str, _done: int, _all: int) -> None:
    """Nobody looks on."""


@transaction.atomic
def load_persons(*, rows: pl.DataFrame, by: str, at: datetime, source: Mapping[str, str] | None = None,
                 dry_run: bool = False, watch: Watch = _silent) -> Loaded:  # fmt: skip
    """Enter periods of insurance (`PERSONS_SCHEMA`); with ``dry_run`` only say what would be entered.

    All or nothing: raises RegisterRefused naming every fault. ``source`` (such as the file's hash) goes into
    the audit event.
    """
    rows = _conform(rows, PERSONS_SCHEMA).with_columns(pl.col("name").fill_null(""))
    watch("check", 0, 0)
    faults = [
        *register_checks.national_numbers(rows, "insured_person"),
        *register_checks.one_of(rows, "fund", Fund.objects.values_list("code", flat=True), "fund"),
        *register_checks.ends(rows, "insured_from", "insured_until"),
        *register_checks.one_name(rows, "insured_person"),
    ]
    refuse([*faults, *register_checks.once(rows, ["insured_person", "insured_from"], "insured_person")])
    watch("compare", 0, 0)
    revisions.hold()
    people = _people(rows)
    periods = _periods(rows, people)
    new, renamed = people.filter("is_new"), people.filter("is_renamed")
    added, changed = periods.filter("is_new"), periods.filter("is_changed")
    unchanged = periods.height - added.height - changed.height
    loaded = Loaded(new.height, added.height, changed.height + renamed.height, unchanged)
    if dry_run or not (added.height or loaded.changed):
        return loaded
    revision = revisions.take(action="registry.load_persons", by=by, at=at)
    _change("registry_coverage", changed, {"fund": "fund_id", "insured_until": "insured_until"}, revision)
    _rename("registry_person", renamed, "person_id", ("name",))
    _enter_persons(new, added, revision, watch)
    data = {**loaded.as_dict(), "revision": revision, **(source or {})}
    record_event(action="registry.load_persons", subject=("registry", "persons"), by=by, at=at, data=data)
    return Loaded(loaded.new, loaded.new_rows, loaded.changed, unchanged, revision)


@transaction.atomic
def load_providers(*, rows: pl.DataFrame, by: str, at: datetime, source: Mapping[str, str] | None = None,
                   dry_run: bool = False, watch: Watch = _silent) -> Loaded:  # fmt: skip
    """Enter provider codes (`PROVIDERS_SCHEMA`); with ``dry_run`` only say what would be entered.

    All or nothing: raises RegisterRefused naming every fault.
    """
    rows = _conform(rows, PROVIDERS_SCHEMA).with_columns(pl.col("iban").fill_null(""))
    watch("check", 0, 0)
    refuse([
        *register_checks.provider_codes(rows, "provider"),
        *register_checks.ends(rows, "valid_from", "valid_until"),
        *register_checks.once(rows, ["provider"], "provider"),
    ])  # fmt: skip
    watch("compare", 0, 0)
    revisions.hold()
    today = timezone.localdate(at)
    codes = _codes(rows, today)
    new, changed, renamed = (codes.filter(name) for name in ("is_new", "is_changed", "is_renamed"))
    touched = codes.filter(pl.col("is_changed") | pl.col("is_renamed")).height
    loaded = Loaded(new.height, new.height, touched, codes.height - new.height - touched)
    if dry_run or not (new.height or touched):
        return loaded
    revision = revisions.take(action="registry.load_providers", by=by, at=at)
    fields = ("profession", "valid_from", "valid_until")
    _change("registry_providercode", changed, {name: name for name in fields}, revision)
    _rename("registry_provider", renamed, "provider_id", ("name",))
    _change_accounts(renamed.filter((pl.col("iban") != "") & (pl.col("iban") != pl.col("known_iban"))),
                     today, revision)  # fmt: skip
    _enter_providers(new, today, revision, watch)
    data = {**loaded.as_dict(), "revision": revision, **(source or {})}
    record_event(action="registry.load_providers", subject=("registry", "providers"), by=by, at=at, data=data)
    return Loaded(loaded.new, loaded.new_rows, loaded.changed, loaded.unchanged, revision)


def _conform(rows: pl.DataFrame, wanted: pl.Schema) -> pl.DataFrame:
    """The columns of ``wanted`` and `line`; what is missing is null, rows without a line are counted."""
    if LINE not in rows.columns:
        rows = rows.with_row_index(LINE, offset=1)
    absent = [pl.lit(None, kind).alias(name) for name, kind in wanted.items() if name not in rows.columns]
    return rows.with_columns(absent).select(
        pl.col(LINE).cast(pl.UInt32), *(pl.col(name).cast(kind) for name, kind in wanted.items())
    )


def _people(rows: pl.DataFrame) -> pl.DataFrame:
    """One row a number: its person (new ids are reserved), its name, `is_new` and `is_renamed`."""
    named = rows.filter(pl.col("name") != "").unique("insured_person", keep="first")
    people = (
        rows.select("insured_person")
        .unique()
        .sort("insured_person")
        .join(named.select("insured_person", "name"), on="insured_person", how="left", maintain_order="left")
    )
    known = _read(_NUMBERS, _NUMBERS_SCHEMA, "n.number", people["insured_person"])
    people = people.join(known, on="insured_person", how="left", maintain_order="left")
    is_new = pl.col("person_id").is_null()
    first = _reserve_ids("registry_person", people["person_id"].null_count())
    numbered = pl.int_range(pl.len(), dtype=pl.Int64)
    people = people.with_columns(is_new=is_new, is_renamed=~is_new & (pl.col("name") != pl.col("known_name")))
    fresh = people.filter("is_new").with_columns(person_id=first + numbered)
    return (
        pl.concat([people.filter(~pl.col("is_new")), fresh])
        .sort("insured_person")
        .with_columns(pl.col("is_renamed").fill_null(value=False), pl.col("name").fill_null(""))
    )


def _periods(rows: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """The rows with their person, sorted by it, and `is_new` or `is_changed`; refuses what would overlap."""
    rows = rows.join(people.select("insured_person", "person_id"), on="insured_person").sort(
        "person_id", "insured_from"
    )
    key = ["person_id", "insured_from"]
    refuse(register_checks.once(rows, key, "insured_person"))
    held = people.filter(~pl.col("is_new"))["person_id"]
    known = _read(_PERIODS, _PERIODS_SCHEMA, "person_id", held)
    # A period that was withdrawn (empty) does not stand for one of the same beginning that holds.
    known = known.sort("known_until", nulls_last=True).unique(key, keep="last")
    periods = rows.join(known, on=key, how="left", maintain_order="left")
    is_new = pl.col("id").is_null()
    same = (pl.col("fund") == pl.col("known_fund")) & pl.col("insured_until").eq_missing(
        pl.col("known_until")
    )
    others = known.join(rows.select(key), on=key, how="anti").select(
        pl.lit(None, pl.UInt32).alias(LINE), *key, pl.col("known_until").alias("insured_until")
    )
    after = pl.concat([rows.select(others.columns), others])
    refuse(register_checks.overlaps(after, ["person_id"], "insured_from", "insured_until"))
    return periods.with_columns(is_new=is_new, is_changed=~is_new & ~same)


def _codes(rows: pl.DataFrame, today: date) -> pl.DataFrame:
    """The rows with what is registered, and `is_new`, `is_changed`, `is_renamed`; refuses overlaps."""
    known = _read(_CODES.format(day=f"DATE '{today}'"), _CODES_SCHEMA)
    codes = rows.join(known, on="provider", how="left", maintain_order="left")
    is_new = pl.col("id").is_null()
    same = pl.all_horizontal(
        pl.col(ours).eq_missing(pl.col(theirs))
        for ours, theirs in (
            ("profession", "known_profession"), ("valid_from", "known_from"), ("valid_until", "known_until"),
        )
    )  # fmt: skip
    renamed = (pl.col("name") != pl.col("known_name")) | (
        (pl.col("iban") != "") & (pl.col("iban") != pl.col("known_iban"))
    )
    columns = {"known_profession": "profession", "known_from": "valid_from", "known_until": "valid_until"}
    others = (
        known.join(rows, on="provider", how="anti")
        .rename(columns)
        .with_columns(pl.lit(None, pl.UInt32).alias(LINE))
    )
    bound = ["provider_id", "known_site", "known_speciality"]
    kept = [LINE, *bound, *columns.values()]
    after = pl.concat([codes.filter(~is_new).select(kept), others.select(kept)])
    refuse(register_checks.overlaps(after, [*bound, "profession"], "valid_from", "valid_until"))
    first = _reserve_ids("registry_provider", codes["id"].null_count())
    fresh = codes.filter(is_new).with_columns(provider_id=first + pl.int_range(pl.len(), dtype=pl.Int64))
    return pl.concat([codes.filter(~is_new), fresh]).with_columns(
        is_new=is_new, is_changed=~is_new & ~same, is_renamed=~is_new & renamed
    )


def _enter_persons(new: pl.DataFrame, added: pl.DataFrame, revision: int, watch: Watch) -> None:
    """COPY new persons, their numbers and periods; many are checked as a whole."""
    stamp = pl.lit(revision, dtype=pl.Int64).alias("revision")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM registry_coverage")
        whole = bulk.worth_it(added.height, cursor.fetchone()[0])
    with bulk.checked_as_a_whole(_COVERAGE_TABLES, apply=whole):
        _copy(watch, "registry_person", new.select(pl.col("person_id").alias("id"), "name"))
        _copy(watch, "registry_personnumber",
              new.select(pl.col("insured_person").alias("number"), "person_id", stamp))  # fmt: skip
        _copy(watch, "registry_coverage", added.select(
            "person_id", pl.col("fund").alias("fund_id"), "insured_from", "insured_until", stamp
        ))  # fmt: skip
        watch("constraints", 0, 0)


def _enter_providers(new: pl.DataFrame, today: date, revision: int, watch: Watch) -> None:
    """COPY new providers, their codes and their bank accounts."""
    stamp = pl.lit(revision, dtype=pl.Int64).alias("revision")
    kinds = {name: published.provider_kind(name, today) for name in new["profession"].unique()}
    _copy(watch, "registry_provider", new.select(
        pl.col("provider_id").alias("id"), "name",
        pl.col("profession").replace_strict(kinds, return_dtype=pl.String()).alias("kind"),
    ))  # fmt: skip
    _copy(watch, "registry_providercode", new.select(
        pl.col("provider").alias("code"), "provider_id", "profession", "valid_from", "valid_until", stamp
    ))  # fmt: skip
    # An account of a code that begins later holds from today: the same file again then changes nothing.
    _copy(watch, "registry_bankaccount", new.filter(pl.col("iban") != "").select(
        "provider_id", "iban", pl.col("name").alias("holder"),
        pl.min_horizontal("valid_from", pl.lit(today)).alias("valid_from"), stamp,
    ))  # fmt: skip


def _change_accounts(rows: pl.DataFrame, today: date, revision: int) -> None:
    """`history.put` for many providers at once: from today on payments go to the accounts of ``rows``."""
    rows = rows.unique("provider_id", keep="first", maintain_order=True)
    providers = rows["provider_id"].to_list()
    if not providers:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE registry_bankaccount SET superseded = %s WHERE provider_id = ANY(%s)"
            " AND superseded IS NULL AND (valid_until IS NULL OR valid_until > %s)",
            [revision, providers, today],
        )
        cursor.execute(
            "INSERT INTO registry_bankaccount (provider_id, iban, holder, valid_from, valid_until, revision)"
            " SELECT provider_id, iban, holder, valid_from, %s, %s FROM registry_bankaccount"
            " WHERE superseded = %s AND valid_from < %s",
            [today, revision, revision, today],
        )
    stamps = (pl.lit(today).alias("valid_from"), pl.lit(revision, dtype=pl.Int64).alias("revision"))
    copy_frame(
        "registry_bankaccount", rows.select("provider_id", "iban", pl.col("name").alias("holder"), *stamps)
    )


def _copy(watch: Watch, table: str, frame: pl.DataFrame) -> None:
    copy_frame(table, frame, lambda done, whole: watch(table, done, whole))


def _change(table: str, rows: pl.DataFrame, columns: Mapping[str, str], revision: int) -> None:
    """Keep the rows of ``table`` as they stood and write ``columns`` (ours: the table's) by id."""
    if rows.is_empty():
        return
    ids = rows["id"].to_list()
    revisions.keep_before(table, where="id = ANY(%s)", values=[ids], superseded=revision)
    _update(table, rows.select("id", *(pl.col(ours).alias(theirs) for ours, theirs in columns.items()),
                               pl.lit(revision, dtype=pl.Int64).alias("revision")))  # fmt: skip


def _rename(table: str, rows: pl.DataFrame, key: str, columns: tuple[str, ...]) -> None:
    """Write ``columns`` of persons or providers; an empty one leaves what is registered."""
    if rows.is_empty():
        return
    kept = [
        pl.when(pl.col(name) == "").then(pl.col(f"known_{name}")).otherwise(pl.col(name)).alias(name)
        for name in columns
    ]
    _update(table, rows.unique(key, keep="first").select(pl.col(key).alias("id"), *kept))


def _update(table: str, rows: pl.DataFrame) -> None:
    """Update ``table`` by id from ``rows``, which travel by COPY."""
    columns = [name for name in rows.columns if name != "id"]
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMP TABLE changes AS SELECT id, {', '.join(columns)} FROM {table} LIMIT 0")
        copy_frame("changes", rows)
        put = ", ".join(f"{name} = c.{name}" for name in columns)
        cursor.execute(f"UPDATE {table} t SET {put} FROM changes c WHERE c.id = t.id")
        cursor.execute("DROP TABLE changes")


def _read(
    query: str, columns: Mapping[str, pl.DataType], key: str = "", only: pl.Series | None = None
) -> pl.DataFrame:
    """The registered rows of ``query``: those whose ``key`` is in ``only``, or all when those are many."""
    if only is None or only.len() > 50_000:
        return read_frame(query, dict(columns))
    if only.is_empty():
        return pl.DataFrame(schema=columns)
    return read_frame(f"{query} WHERE {key} = ANY(%s)", dict(columns), (only.to_list(),))


def _reserve_ids(table: str, count: int) -> int:
    """The first of ``count`` consecutive ids of ``table``; safe because the revision row is locked."""
    if not count:
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [table])
        sequence = cursor.fetchone()[0]
        cursor.execute("SELECT nextval(%s)", [sequence])
        first = int(cursor.fetchone()[0])
        cursor.execute("SELECT setval(%s, %s)", [sequence, first + max(count, 1) - 1])
    return first
