"""The practice's database: SQLite unless told otherwise, any database SQLAlchemy speaks to."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from caisse.agreement.errors import Unreachable, WrongUse
from caisse.agreement.lifecycle import SENDING, may_move
from caisse.provider import schema
from caisse.provider.errors import SchemaTooNew


def now() -> datetime:
    """This moment, with its zone."""
    return datetime.now(UTC)


def _prepare_sqlite(engine: sa.Engine) -> None:
    """Transactions begin where we say, not where the driver guesses; a commit is on the disk."""

    @sa.event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA busy_timeout=30000")

    @sa.event.listens_for(engine, "begin")
    def _begun(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


class Store:
    """The database, opened and at the newest schema step."""

    def __init__(self, url: str) -> None:
        """``url`` is a SQLAlchemy address; the schema is brought up to date."""
        try:
            self.engine = sa.create_engine(
                # Errors would otherwise quote the row, and with it personal data.
                url, pool_pre_ping=not url.startswith("sqlite"), hide_parameters=True
            )  # fmt: skip
        except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError) as error:
            raise WrongUse(f"--database: {error}") from None
        except ModuleNotFoundError as error:
            raise WrongUse(f"--database: the driver {error.name} is not installed.") from None
        if self.engine.dialect.name == "sqlite":
            self._create_sqlite_file()
            _prepare_sqlite(self.engine)
        try:
            self._upgrade()
        except BaseException:
            self.engine.dispose()
            raise

    def _create_sqlite_file(self) -> None:
        """Set write-ahead logging once, at creation: from several processes at once it locks the file."""
        import sqlite3  # noqa: PLC0415 - only where the engine is SQLite

        name = self.engine.url.database
        if not name or name == ":memory:" or Path(name).exists():
            return
        connection = sqlite3.connect(name)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        finally:
            connection.close()
        Path(name).chmod(0o600)

    def _upgrade(self) -> None:
        try:
            done = self._steps_done()
        except sa.exc.OperationalError as error:
            raise Unreachable(f"the practice's database: {error.orig}") from None
        if done > len(schema.STEPS):
            raise SchemaTooNew(f"(step {done}, this one knows {len(schema.STEPS)})")
        if done == len(schema.STEPS):
            return
        for number, step in enumerate(schema.STEPS, start=1):
            if number > done:
                with self.write() as connection:
                    step(connection)
                    connection.execute(schema.schema_steps.insert().values(number=number, applied_at=now()))

    def _steps_done(self) -> int:
        with self.read() as connection:
            if not sa.inspect(connection).has_table(schema.schema_steps.name):
                return 0
            newest = sa.select(sa.func.max(schema.schema_steps.c.number))
            return connection.execute(newest).scalar() or 0

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection to read one consistent state."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One transaction: all of it is kept, or nothing."""
        with self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()


def move_sending(connection: sa.Connection, sending_id: int, stage: str, **values: Any) -> None:
    """Move a file to ``stage`` if the table of stages allows it; a stage it has already is left as it is."""
    table = schema.sendings
    current = connection.execute(sa.select(table.c.stage).where(table.c.id == sending_id)).scalar_one()
    if current == stage:
        return
    if not may_move(SENDING, current, stage):
        raise ValueError(f"a file cannot go from {current} to {stage}")
    if stage in {"refused", "discarded"}:
        values["active"] = None
        freed = schema.billings.update().where(schema.billings.c.sending_id == sending_id)
        connection.execute(freed.values(active=None))
    connection.execute(table.update().where(table.c.id == sending_id).values(stage=stage, **values))


def insert_many(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows, none being no error."""
    if rows:
        connection.execute(table.insert(), rows)
