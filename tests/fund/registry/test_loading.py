"""A register from a CSV file: entered as a whole, again without effect, changed with its past, or refused."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from caisse import cli
from caisse.agreement.identifiers import national_number, provider_code
from caisse.fund.audit.models import AuditEvent
from caisse.fund.registry import actions, bulk, loading, queries
from caisse.fund.registry.errors import RegisterRefused
from caisse.fund.registry.models import Coverage, CoverageBefore, Person, Provider, ProviderCodeBefore
from caisse.fund.registry.register_faults import texts
from caisse.fund.registry.register_files import read_register
from tests.fund.claims.month import persons

ANN, BEN = national_number.make(1980, 1, 1, 1), national_number.make(1990, 2, 3, 4)
LAB, DOCTOR = provider_code.make(520017), provider_code.make(900001)


@pytest.fixture
def funds(db, now):
    actions.publish_funds(by="test", at=now)


def insured(*rows: str, header: str = "insured_person,fund,insured_from,insured_until,name") -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def load(content: bytes, at: datetime, register: str = "insured", **options) -> loading.Loaded:
    enter = actions.load_persons if register == "insured" else actions.load_providers
    return enter(rows=read_register(register, content), by="clerk", at=at, **options)


def faults_of(content: bytes, at: datetime, register: str = "insured") -> list[tuple[int, str, str]]:
    with pytest.raises(RegisterRefused) as refused:
        load(content, at, register)
    return [(fault.line, fault.column, fault.kind) for fault in refused.value.faults]


def test_the_same_file_again_changes_nothing(funds, now):
    content = insured(
        f"{ANN},CNS,2020-01-01,,Ann", f"{BEN},CNS,2021-05-01,2023-01-01,", f"{BEN},CMFEP,2023-01-01,,"
    )
    first = load(content, now, source={"sha256": "ab" * 32})
    assert (first.new, first.new_rows, first.changed, first.unchanged) == (2, 3, 0, 0)
    event = AuditEvent.objects.latest("id")
    assert (event.action, event.data["new"], event.data["sha256"]) == ("registry.load_persons", 2, "ab" * 32)
    assert ANN not in str(event.data)
    again = load(content, now)
    assert (again.new, again.new_rows, again.changed, again.unchanged, again.revision) == (0, 0, 0, 3, None)
    assert AuditEvent.objects.latest("id").pk == event.pk
    assert queries.current_revision() == first.revision


def test_a_changed_period_keeps_what_stood_there_with_its_recorded_time(funds, now):
    load(insured(f"{ANN},CNS,2020-01-01,,"), now)
    later = now + timedelta(days=30)
    done = load(insured(f"{ANN},CNS,2020-01-01,2024-01-01,Ann", f"{ANN},CMFEC,2024-01-01,,"), later)
    assert (done.new, done.new_rows, done.changed) == (0, 1, 2)  # the period, and the name that was not known
    assert Person.objects.get().name == "Ann"
    before = CoverageBefore.objects.get()
    assert (before.insured_until, before.superseded) == (None, done.revision)
    told = [
        (entry.what, entry.valid_until, entry.recorded_at, entry.superseded_at)
        for entry in queries.entries_of(int(ANN))
    ]
    assert told == [
        ("CNS", None, now, later), ("CNS", date(2024, 1, 1), later, None), ("CMFEC", None, later, None),
    ]  # fmt: skip


def test_entries_that_are_not_in_the_file_stay(funds, now):
    load(insured(f"{ANN},CNS,2020-01-01,,"), now)
    load(insured(f"{BEN},CNS,2020-01-01,,"), now)
    assert Coverage.objects.count() == 2


def test_a_dry_run_says_what_would_be_entered_and_enters_nothing(funds, now):
    would = load(insured(f"{ANN},CNS,2020-01-01,,"), now, dry_run=True)
    assert (would.new, would.revision) == (1, None)
    assert not Person.objects.exists()


def test_a_withdrawn_period_is_empty_and_makes_room(funds, now):
    load(insured(f"{ANN},CNS,2020-01-01,,"), now)
    load(insured(f"{ANN},CNS,2020-01-01,2020-01-01,", f"{ANN},CMFEP,2019-01-01,,"), now)
    assert queries.insured_persons()["fund"].to_list() == ["CMFEP", "CNS"]


WRONG = [
    (f"{ANN[:-1]},CNS,2020-01-01,,", "insured_person", "national_number"),
    (f"{int(ANN) + 1},CNS,2020-01-01,,", "insured_person", "national_number_digits"),
    (f"{ANN},XYZ,2020-01-01,,", "fund", "fund"),
    (f"{ANN},,2020-01-01,,", "fund", "empty"),
    (f"{ANN},CNS,01.01.2020,,", "insured_from", "date"),
    (f"{ANN},CNS,2023-02-29,,", "insured_from", "date"),
    (f"{ANN},CNS,2020-01-01,2019-12-31,", "insured_until", "ends_before"),
    (f"{ANN},CNS,2020-01-01,,{'n' * 121}", "name", "name"),
    (f"{BEN},CNS,2020-01-01,,", "insured_person", "twice"),
    (f"{BEN},CNS,2020-06-01,,", "insured_from", "overlap"),
    (f"{BEN},CNS,2019-06-01,2020-01-01,Other", "name", "other_name"),
]


@pytest.mark.parametrize(("row", "column", "kind"), WRONG, ids=[kind for *_, kind in WRONG])
def test_a_row_in_error_is_named_and_nothing_is_entered(row, column, kind, funds, now):
    content = insured(f"{BEN},CNS,2020-01-01,,Ben", "", row)
    assert faults_of(content, now) == [(4, column, kind)]
    assert not Person.objects.exists()


def test_a_period_that_overlaps_a_registered_one_is_named_on_the_line_of_the_file(funds, now):
    load(insured(f"{ANN},CNS,2020-01-01,2022-01-01,"), now)
    assert faults_of(insured(f"{ANN},CMFEP,2021-12-31,,"), now) == [(2, "insured_from", "overlap_registered")]
    assert faults_of(insured(f"{ANN},CMFEP,2019-01-01,2020-01-02,"), now) == [
        (2, "insured_from", "overlap_registered")
    ]
    assert load(insured(f"{ANN},CMFEP,2022-01-01,,"), now).new_rows == 1


def test_two_numbers_of_one_person_are_one_person(funds, now):
    load(insured(f"{ANN},CNS,2020-01-01,,"), now)
    person = Person.objects.get().pk
    actions.replace_number(person_id=person, number=int(BEN), by="test", at=now)
    assert load(insured(f"{BEN},CNS,2020-01-01,2025-01-01,"), now).changed == 1
    assert faults_of(insured(f"{BEN},CNS,2025-01-01,,", f"{ANN},CNS,2025-01-01,,"), now) == [
        (3, "insured_person", "twice")
    ]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"\xff\xfe", (0, "", "not_csv")),
        (insured(), (0, "", "no_rows")),
        (insured(header="insured_person,fund,insured_until"), (1, "insured_from", "missing_column")),
        (insured(header="insured_person,fund,insured_from,colour"), (1, "colour", "unknown_column")),
        (insured(f"{ANN},CNS,2020-01-01,,Ann, the first"), (2, "", "fields")),
        (
            insured(f'{ANN},CNS,2020-01-01,,"A\nnn"', "1,CNS,2020-01-01,,"),
            (4, "insured_person", "national_number"),
        ),
    ],
)
def test_the_file_itself(content, fault, funds, now):
    assert fault in faults_of(content, now)


def test_semicolons_a_byte_order_mark_and_grouped_digits_are_read(funds, now):
    content = b"\xef\xbb\xbf" + insured(
        f"{national_number.format(ANN)};CNS;2020-01-01", header="insured_person;fund;insured_from"
    ).replace(b"\n", b"\r\n")
    assert load(content, now).new == 1


PROVIDERS = "provider,name,profession,valid_from,valid_until,iban"


def test_providers_are_entered_changed_and_refused(funds, now):
    content = insured(
        f"{LAB},Laboratory,laboratories,2020-01-01,,LU28 0019 4006 4475 0000",
        f"{DOCTOR},Doctor,doctors,2020-01-01,,", header=PROVIDERS,
    )  # fmt: skip
    assert load(content, now, "providers").new == 2
    assert load(content, now, "providers").unchanged == 2
    ended = insured(f"{LAB},Laboratory A,laboratories,2020-01-01,2025-01-01,", header=PROVIDERS)
    assert load(ended, now, "providers").changed == 1
    provider = Provider.objects.get(codes__code=int(LAB))
    assert (provider.name, provider.kind) == ("Laboratory A", "company")
    assert queries.bank_account_on(provider.pk, now.date()).iban == "LU280019400644750000"
    assert ProviderCodeBefore.objects.get().valid_until is None
    wrong = insured(
        f"{int(LAB) + 1},Laboratory,laboratories,2020-01-01,,", f"{DOCTOR},D,Doctors,2020-01-01,,LU29 0019 4006 4475 0000",
        header=PROVIDERS,
    )  # fmt: skip
    assert faults_of(wrong, now, "providers") == [(3, "profession", "profession"), (3, "iban", "iban")]
    wrong = insured(f"{int(LAB) + 1},Laboratory,laboratories,2020-01-01,,", header=PROVIDERS)
    assert faults_of(wrong, now, "providers") == [(2, "provider", "provider_code_digits")]


def constraints() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE convalidated AND"
            " conrelid IN ('registry_coverage'::regclass, 'registry_personnumber'::regclass) ORDER BY 1"
        )
        return [name for (name,) in cursor.fetchall()]


def test_many_rows_are_checked_as_a_whole_and_the_constraints_hold_afterwards(funds, now, monkeypatch):
    monkeypatch.setattr(bulk, "_MANY", 100)
    before = constraints()
    assert any("EXCLUDE" in one for one in before)
    assert actions.load_persons(rows=persons(500), by="test", at=now).new == 500
    assert constraints() == before
    with pytest.raises(psycopg.errors.ExclusionViolation), connection.connection.transaction():
        connection.connection.execute(
            "INSERT INTO registry_coverage (person_id, fund_id, insured_from, insured_until, revision)"
            " SELECT person_id, fund_id, insured_from, insured_until, 9 FROM registry_coverage LIMIT 1"
        )


def test_a_load_that_dies_half_way_leaves_the_constraints_and_nothing_else(funds, now, monkeypatch):
    monkeypatch.setattr(bulk, "_MANY", 100)
    before = constraints()

    def die(what: str, _done: int, _all: int) -> None:
        if what == "constraints":
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        actions.load_persons(rows=persons(500), by="test", at=now, watch=die)
    assert constraints() == before
    assert not Person.objects.exists()
    assert queries.current_revision() == 0


def test_every_fault_says_what_is_expected_and_how_to_go_on_in_three_languages():
    for kind, said in texts().items():
        if kind != "words":
            assert {key: set(said[key]) for key in said} == {
                "expected": {"fr", "de", "en"}, "remedy": {"fr", "de", "en"},
            }, kind  # fmt: skip


def command(*words: object) -> int:
    return cli.run(["fund", "register", *map(str, words)])


def test_the_command_names_faults_in_the_language_asked_for(funds, home, tmp_path: Path, capsys):
    file = tmp_path / "insured.csv"
    file.write_bytes(insured(f"{int(ANN) + 1},CNS,2020-01-01,,"))
    assert command("load", "insured", file, "--home", home.path, "--lang", "fr") == 1
    said = capsys.readouterr().out
    assert said.startswith("ligne 2, insured_person: trouvé ")
    assert "comparez le matricule" in said
    assert command("load", "insured", file, "--home", home.path, "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["refused"], told["faults"][0]["line"], told["faults"][0]["found"]) == (
        True,
        2,
        str(int(ANN) + 1),
    )


def test_the_command_loads_and_shows(funds, home, tmp_path: Path, capsys):
    file = tmp_path / "insured.csv"
    file.write_bytes(insured(f"{ANN},CNS,2020-01-01,,"))
    assert command("load", "insured", file, "--home", home.path, "--dry-run") == 0
    assert capsys.readouterr().out.startswith("Would enter: 1 new persons")
    assert command("load", "insured", file, "--home", home.path) == 0
    assert command("load", "insured", file, "--home", home.path, "--json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["unchanged"] == 1
    assert command("show", ANN, "--home", home.path, "--json") == 0
    assert [entry["what"] for entry in json.loads(capsys.readouterr().out)["entries"]] == ["CNS"]
    assert command("columns", "providers") == 0
    assert "profession" in capsys.readouterr().out
