"""A filled database of the version before the front office comes through the migrations with all it holds."""

import hashlib
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from caisse.fund.audit.actions import record_event, seal_events
from caisse.fund.audit.queries import verify_chain
from caisse.fund.exchange.store import Store
from caisse.fund.registry import actions as registry
from caisse.fund.registry import queries
from caisse.fund.registry.actions.providers import Address
from caisse.fund.registry.models import Provider
from caisse.fund.verification import verify
from tests.fund.conftest import DATABASE, OWN_SERVER, _administrator

#: The last migrations of the version without a front office.
BEFORE = [
    ("audit", "0002_guards"), ("registry", "0002_recorded"), ("exchange", "0003_content_in_row"),
    ("authorisations", "0001_initial"), ("claims", "0003_what_stands_beside"), ("payments", "0001_initial"),
]  # fmt: skip
AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
LABORATORY, DOCTOR, LEFT = 52001700, 90000034, 54000102
FILE = b"<demande/>" * 10_000


@pytest.fixture
def older(db) -> Iterator:
    """Django's connection uses a database of the older version, in a state of its migrations; gives its models."""
    name = f"{DATABASE}_older"
    owner = connection.settings_dict["USER"]
    usual = connection.settings_dict["NAME"]
    connection.close()
    with _administrator("postgres") as server:
        server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        server.execute(f'CREATE DATABASE "{name}"' + ("" if OWN_SERVER else f' OWNER "{owner}"'))
    connection.settings_dict["NAME"] = name
    try:
        MigrationExecutor(connection).migrate(BEFORE)
        yield MigrationExecutor(connection).loader.project_state(BEFORE).apps
    finally:
        connection.close()
        connection.settings_dict["NAME"] = usual
        with _administrator("postgres") as server:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def fill(apps, home) -> None:
    """A provider of each sort, codes with a past, cover, an account with a file in the store, events, sums."""

    def add(model: str, **values):
        return apps.get_model(*model.split(".")).objects.create(**values)

    apps.get_model("registry", "Revision").objects.update_or_create(id=1, defaults={"number": 7})
    for number in range(1, 8):
        add("registry.Recorded", number=number, action="registry.load", by="test", at=AT)
    laboratory = add("registry.Provider", name="Labo", iban="LU280019400644750000")
    doctor = add("registry.Provider", name="Dr Weiß", iban="")
    paid = add("registry.Provider", name="No code", iban="LU120010001234567891")
    first = add("registry.ProviderCode", provider=laboratory, code=LABORATORY, profession="laboratories",
                valid_from=date(2015, 1, 1), revision=1)  # fmt: skip
    second = add("registry.ProviderCode", provider=doctor, code=DOCTOR, profession="doctors",
                 valid_from=date(2020, 1, 1), revision=2)  # fmt: skip
    add("registry.ProviderCode", provider=paid, code=LEFT, profession="doctors", valid_from=date(2018, 1, 1),
        valid_until=date(2024, 7, 1), revision=5)  # fmt: skip
    add("registry.ProviderCodeBefore", provider=paid, code=LEFT, profession="doctors", revision=2,
        valid_from=date(2018, 1, 1), superseded=5)  # fmt: skip
    add(
        "registry.ExecutingRelation", billing=first, executing=second, valid_from=date(2021, 1, 1), revision=3
    )
    fund = add("registry.Fund", code="CNS", name="CNS")
    person = add("registry.Person", name="")
    add("registry.PersonNumber", number=1980010100187, person=person, revision=4)
    add("registry.Coverage", person=person, fund=fund, insured_from=date(2000, 1, 1), revision=4)
    account = add(
        "exchange.Account", user="52001700-lab", provider_code=LABORATORY, frame="LAB", created_at=AT
    )
    add("exchange.AccountKey", account=account, public_key="ssh-ed25519 AAAA", fingerprint="x", added_at=AT)
    digest = hashlib.sha256(FILE).hexdigest()
    Store(home.store).keep_bytes(FILE, digest)
    deposit = add("exchange.Deposit", id=uuid.uuid4(), account=account, door="sftp", name="F.xml", sha256=digest,
                  size=len(FILE), received_at=AT, stage="paid", stage_at=AT, receipt="x")  # fmt: skip
    for kind in ("receipt", "acknowledgement", "return"):
        add("exchange.Delivery", account=account, deposit=deposit, kind=kind, name=f"{kind}.xml", delivered_at=AT,
            content=b"<r/>", size=4, sha256=hashlib.sha256(b"<r/>").hexdigest())  # fmt: skip
    sums = {"asked_cents": 1_000, "paid_cents": 880, "patient_cents": 120, "refused_cents": 0}
    file = add("claims.JudgedFile", deposit=deposit, provider_code=LABORATORY, file_reference="x",
               processing_group="x", layout="x", schema_sha256="", engine="x", table_editions={}, judged_at=AT,
               registry_revision=7, is_test=False, invoices_count=1, lines_count=1, **sums)  # fmt: skip
    add("claims.InvoiceDecision", file=file, invoice=0, invoice_reference="1", insured_person=1980010100187,
        outcome="paid", **sums)  # fmt: skip
    add("claims.LineDecision", file=file, line=0, invoice=0, line_reference="1", act="X", act_paid="X",
        date_of_service=date(2026, 2, 2), quantity_paid=1, outcome="paid", **sums)  # fmt: skip
    group = add("payments.PaymentGroup", file=file, provider_code=LABORATORY, reference="P1", lines_count=1,
                total_cents=880, booked_at=AT)  # fmt: skip
    add("payments.PaymentLine", group=group, invoice=0, amount_cents=880)
    add("payments.Balance", provider_code=LABORATORY, booked_cents=880, ordered_cents=0, groups_count=1)
    for number in range(3):
        record_event(
            action="registry.load", subject=("registry", number), by="test", at=AT, data={"n": number}
        )
        seal_events(at=AT)


def rows(columns: dict[str, list[str]] | None = None) -> dict[str, tuple[list[str], list[str]]]:
    """Every row of every table that has some: its columns (or those named) and the rows as text."""
    found = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name::text, array_agg(column_name::text ORDER BY column_name) FROM"
            " information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)"
            " WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name !~ '^(django|auth)_' GROUP BY 1"
        )
        for table, names in cursor.fetchall():
            wanted = columns.get(table, []) if columns is not None else names
            if wanted:
                chosen = ", ".join(f'"{name}"' for name in wanted)
                cursor.execute(f'SELECT row({chosen})::text FROM "{table}" ORDER BY 1')
                found[table] = (wanted, [row[0] for row in cursor.fetchall()])
    return {table: rest for table, rest in found.items() if rest[1]}


def goes_on(home) -> None:
    """The register is kept by the new version: no code of the older one is given again."""
    day = date(2026, 12, 1)
    person = registry.register_provider(name="New", by="test", at=AT)
    address = Address("rue du Parc", "3", "4321", "Esch-sur-Alzette")
    site = registry.open_site(provider_id=person, address=address, valid_from=day, by="test", at=AT)
    code = registry.allot_code(
        provider_id=person, profession="doctors", site_id=site, valid_from=day, by="test", at=AT
    )
    assert code not in (LABORATORY, DOCTOR, LEFT)
    registry.withdraw_code(code=DOCTOR, valid_until=day, by="test", at=AT)
    assert queries.standing(DOCTOR, day).state == "ended"
    assert queries.current_revision() > 7
    assert verify(home).problems == []


def test_a_filled_database_comes_through_the_migrations_with_all_it_holds(older, home):
    fill(older, home)
    held = {name: [one for one in columns if (name, one) != ("registry_provider", "iban")]
            for name, (columns, _) in rows().items()}  # fmt: skip
    before = rows(held)
    assert len(before) >= 18
    head = verify_chain().head

    call_command("migrate", verbosity=0)

    assert rows(held) == before
    report = verify(home)
    assert (report.problems, report.files, report.chain_head) == ([], 1, head)
    on = date(2026, 11, 22)
    assert [queries.standing(code, on).state for code in (LABORATORY, DOCTOR, LEFT)] == [
        "valid",
        "valid",
        "ended",
    ]
    assert list(queries.codes_valid_on(on)["code"]) == [LABORATORY, DOCTOR]
    # What was known before the end was recorded is still known.
    assert queries.standing(LEFT, date(2024, 7, 1)).state == "ended"
    holders = {one.name: one for one in Provider.objects.all()}
    account = queries.bank_account_on(holders["Labo"].pk, date(2015, 1, 1))
    assert account is not None
    assert (account.iban, account.holder) == ("LU280019400644750000", "Labo")
    assert queries.bank_account_on(holders["No code"].pk, on) is not None
    assert queries.bank_account_on(holders["Dr Weiß"].pk, on) is None
    goes_on(home)
