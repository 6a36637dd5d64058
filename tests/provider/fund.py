"""A stand-in for the fund, small enough to read: plain folders behind a plain SFTP server, answers made by the rules."""

import asyncio
import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import asyncssh
import jwt
import polars as pl
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from caisse.agreement.examination import Examination, examine_file
from caisse.agreement.findings import findings_from_frame
from caisse.agreement.layouts import catalogue, names, writing
from caisse.agreement.rules import Batch, Facts, adjudicate
from caisse.agreement.tables import load_tables, reasons
from caisse.agreement.tables.phrases import translate

USER, PASSWORD = "52001700-lab", "a long enough secret"
KEY_ID = "stand-in-1"


@dataclass
class Answers:
    """Makes receipt, acknowledgement and return for a deposited file, as the fund would."""

    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    #: Deposit ids by hash: the same bytes get the same answers again.
    deposits: dict[str, str] = field(default_factory=dict)

    @property
    def jwks(self) -> bytes:
        """The public half of the signing key."""
        raw = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        x = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        return json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": KEY_ID, "x": x}]}).encode()

    def __call__(self, name: str, content: bytes) -> dict[str, bytes]:
        """All answers to one file, by name."""
        examined = examine_file(name, content, on=today())
        answers = {f"{name}.receipt.jws": self.receipt(name, content)}
        request = names.parse(name)
        answers[names.answer_name(request, "ACC", 1).format()] = self.acknowledgement(name, content, examined)
        if examined.conform:
            answers[names.answer_name(request, "RETFAC", 1).format()] = self.returned(content, examined)
        return answers

    def deposit(self, content: bytes) -> str:
        """The deposit id of these bytes."""
        return self.deposits.setdefault(hashlib.sha256(content).hexdigest(), f"D-{len(self.deposits) + 1}")

    def receipt(self, name: str, content: bytes, **changed: Any) -> bytes:
        """A signed receipt; ``changed`` overrides claims."""
        claims = {
            "deposit": self.deposit(content), "received_at": datetime.now(UTC).isoformat(), "provider": "52001700",
            "file_name": name, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "layout": 2,
        }  # fmt: skip
        return jwt.encode(
            {**claims, **changed}, self.key, algorithm="EdDSA", headers={"kid": KEY_ID}
        ).encode()

    def acknowledgement(self, name: str, content: bytes, examined: Examination, **changed: Any) -> bytes:
        """Conform or not, with every finding."""
        header = {
            "frame": "LAB", "layout": 1, "type": "ACC", "billing_provider": 52001700, "sent_on": today(),
            "file_name": name, "deposit": self.deposit(content), "file_sha256": hashlib.sha256(content).hexdigest(),
            "file_size": len(content), "received_at": datetime.now(UTC).isoformat(), "conform": examined.conform,
            "engine": "stand-in", **changed,
        }  # fmt: skip
        rows = [
            {
                "kind": "technical", "code": one.code, "level": one.level, "follows": one.follows,
                **{f"found_{lang}": translate(one.found, lang) for lang in reasons.LANGUAGES},
                **{f"expected_{lang}": translate(one.expected, lang) for lang in reasons.LANGUAGES},
                "invoice_reference": one.invoice_reference, "line_reference": one.line_reference,
                "follow_up": reasons.reason(one.code).follow_up, "text_fr": reasons.reason(one.code).text("fr"),
                "text_de": reasons.reason(one.code).text("de"), "text_en": reasons.reason(one.code).text("en"),
            }
            for one in examined.findings
        ]  # fmt: skip
        layout = catalogue.find("LAB", "ACC", 1)
        return writing.write(layout, complete(layout, header), {"findings": frame(layout, "findings", rows)})

    def returned(self, content: bytes, examined: Examination, **changed: Any) -> bytes:
        """Every line decided by the rules, without the fund's registers."""
        document = examined.document
        assert document is not None
        invoices, lines = document.tables["invoices"], document.tables["lines"]
        decided = adjudicate(Batch(document.header, invoices, lines), Facts(), load_tables())
        layout = catalogue.find("LAB", "RETFAC", 1)
        by_line = decided.lines.join(lines.select("line", "line_reference"), on="line")
        by_invoice = decided.invoices.join(invoices.select("invoice", "invoice_reference"), on="invoice")
        sums = {name: int(decided.lines[name].sum()) for name in
                ("asked_cents", "paid_cents", "patient_cents", "refused_cents")}  # fmt: skip
        header = {
            "frame": "LAB", "layout": 1, "type": "RETFAC", "processing_group": "G-1", "sent_on": today(),
            "paid_count": 1, "currency": "EUR", "paid_gross_cents": sums["paid_cents"],
            "paid_net_cents": sums["paid_cents"], "file_reference": document.header["file_reference"],
            "deposit": self.deposit(content), "file_sha256": hashlib.sha256(content).hexdigest(),
            "received_on": today(), "gross_cents": sums["paid_cents"], "net_cents": sums["paid_cents"],
            "file_currency": "EUR", **{k: sums[k] for k in ("asked_cents", "patient_cents", "refused_cents")},
            **changed,
        }  # fmt: skip
        money = {
            "gross_cents": pl.col("paid_cents"),
            "net_cents": pl.col("paid_cents"),
            "currency": pl.lit("EUR"),
        }
        given = [one for one in findings_from_frame(decided.findings) if one.line is not None]
        tables = {
            "invoices": fit(layout, "invoices", by_invoice.with_columns(**money, invoice_id=pl.lit("I"))),
            "lines": fit(layout, "lines", by_line.with_columns(**money, line_id=pl.lit("L"))),
            "line_findings": frame(layout, "line_findings", [
                {"line": one.line, "kind": "laboratory", "code": one.code, "reason": one.found or "-"}
                for one in given]),
            "invoice_findings": frame(layout, "invoice_findings", []),
        }  # fmt: skip
        return writing.write(layout, complete(layout, header), tables)


def today() -> date:
    """The calendar day."""
    return datetime.now(UTC).date()


def complete(layout: catalogue.Layout, header: dict[str, Any]) -> dict[str, Any]:
    """The header with a null for every column not given."""
    return {column.name: header.get(column.name) for column in layout.header.columns}


def _schema(layout: catalogue.Layout, table: str) -> pl.Schema:
    return next(one.schema for one in layout.tables if one.name == table)


def frame(layout: catalogue.Layout, table: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows as the layout's table, nulls where nothing is given."""
    return pl.DataFrame(rows, schema=_schema(layout, table))


def fit(layout: catalogue.Layout, table: str, given: pl.DataFrame) -> pl.DataFrame:
    """A frame cut to the layout's columns, nulls where it has none."""
    return given.select(
        (pl.col(name) if name in given.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in _schema(layout, table).items()
    )


class SftpServer(asyncssh.SFTPServer):
    """Plain folders; ``refuse`` and ``break_after`` play a fund that says no, or a line that breaks.

    ``answers`` is called with each deposit and lays its answers out at once.
    """

    root: Path
    refuse = ""
    break_after: int | None = None
    answers: Answers | None = None
    stalls = False
    written = 0
    renamed = 0

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = channel
        super().__init__(channel, chroot=str(type(self).root).encode())

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:  # type: ignore[override]
        """Write, or lose the connection once enough bytes have come."""
        kind = type(self)
        while kind.stalls:
            await asyncio.sleep(0.05)
        kind.written += len(data)
        if kind.break_after is not None and kind.written > kind.break_after:
            self._channel.get_connection().abort()
            raise asyncssh.SFTPConnectionLost("broken on purpose")
        return super().write(file_obj, offset, data)  # type: ignore[return-value]

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Rename, or refuse as the fund does."""
        if type(self).refuse:
            raise asyncssh.SFTPPermissionDenied(type(self).refuse)
        super().posix_rename(oldpath, newpath)
        kind = type(self)
        kind.renamed += 1
        if kind.answers is not None:
            path = kind.root / newpath.decode().lstrip("/")
            for name, content in kind.answers(path.name, path.read_bytes()).items():
                (kind.root / "out" / name).write_bytes(content)


class _Login(asyncssh.SSHServer):
    keys: list[asyncssh.SSHKey]

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == USER and key in type(self).keys


@dataclass
class Fund:
    """The stand-in's folders and address."""

    root: Path
    port: int
    host_key: asyncssh.SSHKey
    server: type[SftpServer]
    login: type[_Login]
    answers: Answers

    @property
    def url(self) -> str:
        """The address for `provider init`."""
        return f"sftp://{USER}@127.0.0.1:{self.port}"

    def deposited(self) -> dict[str, bytes]:
        """What lies in in/."""
        return {path.name: path.read_bytes() for path in (self.root / "in").iterdir()}

    def answer_all(self) -> None:
        """Answer every whole deposit."""
        for name, content in self.deposited().items():
            if not name.endswith(".part"):
                self.lay_out(self.answers(name, content))

    def lay_out(self, answers: dict[str, bytes]) -> None:
        """Put files into out/."""
        for name, content in answers.items():
            (self.root / "out" / name).write_bytes(content)


@contextmanager
def running(root: Path, *, host_key: asyncssh.SSHKey | None = None, port: int = 0) -> Iterator[Fund]:
    """The stand-in behind an SFTP server on a free port of loopback."""
    for folder in ("in", "out", "keys"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    answers = Answers()
    (root / "keys" / "jwks.json").write_bytes(answers.jwks)
    server = type("Server", (SftpServer,), {"root": root})
    login = type("Login", (_Login,), {"keys": []})
    key = host_key or asyncssh.generate_private_key("ssh-ed25519")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def listen() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1", port, server_host_keys=[key], server_factory=login, sftp_factory=server, config=None
        )

    acceptor = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
    try:
        yield Fund(root, acceptor.get_port(), key, server, login, answers)
    finally:
        asyncio.run_coroutine_threadsafe(_stop(acceptor), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _stop(acceptor: asyncssh.SSHAcceptor) -> None:
    acceptor.close()
    await acceptor.wait_closed()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:  # type: ignore[arg-type]
        task.cancel()
    await asyncio.sleep(0.05)
