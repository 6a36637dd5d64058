"""A fund with its own embedded PostgreSQL in a temporary folder, as large as the real one, for measurements."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import psycopg

from caisse.fund.embedded import Cluster
from caisse.fund.home import VARIABLE, Home
from tests.fund.claims.month import LAB, persons, prescribers

PROFESSIONALS = 4_000


@contextmanager
def fund_home(*, insured: int) -> Iterator[Path]:
    """Django is set up on it inside the block: registry filled, one laboratory with an account."""
    folder = Path(tempfile.mkdtemp(prefix="caisse-bench-"))
    folder.chmod(0o755)  # PostgreSQL runs as a user of its own when this is root
    home = Home.at(folder)
    home.create("Bench")
    os.environ[VARIABLE] = str(folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "caisse.fund.settings"
    cluster = Cluster(home)
    try:
        cluster.create()
        with cluster.running():
            _set_up(home, insured)
            _settle(cluster)
            yield folder
            from django.db import connections

            connections.close_all()
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _set_up(home, insured: int) -> None:
    import django

    django.setup()
    from django.core.management import call_command

    from caisse.fund.exchange import actions as exchange
    from caisse.fund.exchange import receipts
    from caisse.fund.registry import actions as registry

    call_command("migrate", verbosity=0)
    receipts.ensure_key(home)
    now = datetime.now(UTC)
    registry.publish_funds(by="bench", at=now)
    registry.load_persons(rows=persons(insured), by="bench", at=now)
    registry.load_providers(rows=prescribers(PROFESSIONALS), by="bench", at=now)
    provider = registry.register_provider(name="Laboratory", by="bench", at=now)
    registry.allocate_code(
        provider_id=provider,
        code=LAB,
        profession="laboratories",
        valid_from=date(2018, 1, 1),
        by="bench",
        at=now,
    )
    exchange.create_account(provider_code=LAB, frame="LAB", password=None, by="bench", at=now)


def _settle(cluster: Cluster) -> None:
    """What PostgreSQL would do by itself in the minutes after so much was loaded, done before it is measured."""
    with psycopg.connect(cluster.dsn(administrator=True), autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")


def write_synthetic_history(folder: Path, lines: int) -> None:
    """A history of ``lines`` paid lines of the laboratory: random fingerprints that stand for no judged file."""
    from caisse.fund.claims.history import write_history
    from caisse.fund.claims.paid_lines import Paid, PaidLines, PaidUnits

    # Five lines an invoice, each with a sampling and a prescription.
    chance, units = np.random.default_rng(7), 2 * lines // 5
    marks, unit_marks = (
        np.sort(chance.integers(0, 2**63, size, dtype=np.uint64) * 2) for size in (lines, units)
    )
    nowhere, no_run = np.zeros(lines, np.int32), np.zeros(units, np.int32)
    paid = Paid(PaidLines(marks, nowhere, nowhere), PaidUnits(unit_marks, no_run, no_run, no_run))
    write_history(folder / "snapshots", 0, {LAB: paid})


def deposit(name: str, content: bytes) -> str:
    """Lay ``content`` into the laboratory's mailbox; the deposit's id."""
    from django.conf import settings

    from caisse.fund.exchange.actions import receive_deposit
    from caisse.fund.exchange.models import Account
    from caisse.fund.exchange.store import StagedFile

    upload = settings.HOME.staging / "bench"
    upload.write_bytes(content)
    received = receive_deposit(
        account=Account.objects.get(provider_code=LAB),
        name=name,
        staged=StagedFile.from_path(upload),
        door="bench",
        by="bench",
        at=datetime.now(UTC),
    )
    return str(received.deposit_id)
