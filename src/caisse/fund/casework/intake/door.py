"""The door for incoming mail: SMTP or LMTP, behind the fund's mail server. It knows bytes and addresses only.

A mail is on the disk, synced, and its row committed before "250" is said; what is refused is told why.
However large a mail is, the door holds a few lines of it in memory at a time.
"""

import asyncio
import hashlib
import logging
import ssl
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, override

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from caisse.fund import leaving
from caisse.fund.casework.intake.addresses import is_ours
from caisse.fund.casework.intake.caps import has_to_wait
from caisse.fund.exchange.doors.threads import DatabaseThreads
from caisse.fund.exchange.store import StagedFile, Store
from caisse.fund.home import Home
from caisse.fund.mail_config import MailConfig
from caisse.fund.networks import is_within
from caisse.fund.notices.incoming import receive_mail

log = logging.getLogger("caisse.mail")

_MOST_RECIPIENTS = 20
#: A refused mail is read to its end, as the protocol wants it, but not beyond so many times the limit.
_PATIENCE = 10
_PROGRESS = 1 << 20

TOO_LARGE = "552 5.3.4 The mail is larger than {limit} bytes. Send fewer or smaller PDFs, or use the portal."
LINE_TOO_LONG = "554 5.6.0 A line of the mail is too long. Send attachments encoded (base64)."
NO_ROOM = "452 4.3.1 The mail could not be stored. Try again later."
TROUBLE = "451 4.3.0 The mail could not be taken now. Try again later."
TOO_MANY_CASES = "451 4.7.1 Too many new applications came by mail. Try again later, or use the portal."
TAKEN = "250 2.0.0 The mail is stored."
NOT_OURS = "550 5.1.1 No such address here."
TOO_MANY_RECIPIENTS = "452 4.5.3 Too many recipients."
STRANGER = b"554 5.7.1 This door is for the fund's mail servers only.\r\n"
TOO_BUSY = b"421 4.3.2 Too many connections. Try again later.\r\n"


class TooManyCases(Exception):
    """Mails open no more cases for now; the mail server keeps the mail and tries again."""


class Gate:
    """Who may come in, how many at a time, and where mails are put; shared by all sessions."""

    def __init__(self, home: Home, config: MailConfig) -> None:
        self.config, self.staging = config, home.staging
        self.store = Store(home.mail_in)
        self.threads = DatabaseThreads(2, "mail")
        self.inside = 0

    def refusal(self, peer: Any) -> bytes | None:
        """What a caller is told who may not come in (now); None when he may."""
        if not is_within(str(peer[0]), self.config.relays):
            return STRANGER
        return TOO_BUSY if self.inside >= self.config.connections else None

    def keep(self, staged: StagedFile, envelope_from: str, recipients: Sequence[str], by: str) -> bool:
        """Make a mail durable, file first, then row and job; False when it was received before.

        Raises TooManyCases for one that could open a case when mails opened as many as they may.
        """
        at = datetime.now(UTC)
        if has_to_wait(
            staged.path, sha256=staged.sha256, envelope_from=envelope_from, recipients=recipients, at=at
        ):  # fmt: skip
            raise TooManyCases
        self.store.keep(staged)
        return receive_mail(
            sha256=staged.sha256, size=staged.size, envelope_from=envelope_from, recipients=recipients, by=by,
            at=at,
        )  # fmt: skip

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Say what the door can do; nobody logs in here."""
        session.host_name = hostname
        return [line for line in responses if not line.startswith("250-AUTH")]

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take our own addresses only."""
        if not is_ours(address) or len(address) > 320:
            return NOT_OURS
        if len(envelope.rcpt_tos) >= _MOST_RECIPIENTS:
            return TOO_MANY_RECIPIENTS
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_exception(self, error: Exception) -> str:
        """Log the kind of an unexpected failure, never its text; the mail server tries again."""
        log.error("a session failed: %s", type(error).__name__)
        return TROUBLE


class Arriving:
    """The content of one mail on its way into staging/."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._path = folder / f"mail-{uuid.uuid4().hex}"
        self._limit = limit
        self._file = self._path.open("xb")
        self._digest = hashlib.sha256()
        self.size = 0
        self.fault = ""

    def take(self, line: bytes) -> None:
        """The next line, or piece of one; after a fault nothing more is kept."""
        self.size += len(line)
        if self._limit and self.size > self._limit:
            self.refuse(TOO_LARGE.format(limit=self._limit))
        if self.fault:
            return
        try:
            self._file.write(line)
            self._digest.update(line)
        except OSError:
            self.refuse(NO_ROOM)

    def refuse(self, fault: str) -> None:
        """Remember why the mail is refused and let go of what has arrived; the first reason stays."""
        if not self.fault:
            self.fault = fault
            self.discard()

    def finish(self) -> StagedFile | None:
        """The whole mail as a file in staging/; None when it is refused."""
        try:
            self._file.close()
        except OSError:
            self.refuse(NO_ROOM)
        return None if self.fault else StagedFile(self._path, self._digest.hexdigest(), self.size)

    def discard(self) -> None:
        """Close and delete what is in staging/, if it is still there."""
        with suppress(OSError):
            self._file.close()
        self._path.unlink(missing_ok=True)


class _Session(SMTP):
    """One connection: aiosmtpd's protocol, with the content streamed to the disk."""

    line_length_limit = 16_384
    per_recipient = False

    def __init__(self, gate: Gate, context: ssl.SSLContext, loop: asyncio.AbstractEventLoop) -> None:
        self._gate, self._turned_away = gate, False
        limit = gate.config.bytes or None
        super().__init__(
            gate, data_size_limit=limit, hostname=gate.config.intake.rpartition("@")[2], ident="ESMTP",
            tls_context=context, loop=loop,
        )  # fmt: skip

    @override
    def connection_made(self, transport: Any) -> None:
        if self.transport is None:
            refusal = self._gate.refusal(transport.get_extra_info("peername"))
            if refusal:
                self._turned_away = True
                transport.write(refusal)
                transport.close()
                return
            self._gate.inside += 1
        super().connection_made(transport)

    @override
    def connection_lost(self, error: Exception | None) -> None:
        if not self._turned_away:
            self._gate.inside -= 1
            super().connection_lost(error)

    @override
    def eof_received(self) -> bool | None:
        return None if self._turned_away else super().eof_received()

    @override
    async def smtp_DATA(self, arg: str | None) -> None:
        if await self.check_helo_needed():
            return
        if not self.envelope.rcpt_tos or arg:
            await self.push("501 Syntax: DATA" if arg else "503 5.5.1 Error: need RCPT command")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        arriving = Arriving(self._gate.staging, self._gate.config.bytes)
        try:
            await self._read_content(arriving)
            status = await self._keep(arriving)
        finally:
            arriving.discard()
        answers = len(self.envelope.rcpt_tos) if self.per_recipient else 1
        self._set_post_data_state()
        for _ in range(answers):
            await self.push(status)

    async def _read_content(self, arriving: Arriving) -> None:
        """Read until the line with the dot, line by line; a refused mail is read on and dropped."""
        at_start, told = True, 0
        while True:
            try:
                line = await self._reader.readuntil(b"\r\n")
            except asyncio.LimitOverrunError as overrun:
                arriving.refuse(LINE_TOO_LONG)
                arriving.take(await self._reader.readexactly(overrun.consumed))
                at_start = False
                continue
            if at_start and line == b".\r\n":
                return
            arriving.take(line[1:] if at_start and line.startswith(b".") else line)
            at_start = True
            if arriving.size - told > _PROGRESS:
                told = arriving.size
                self._reset_timeout()
                if 0 < self._gate.config.bytes * _PATIENCE < arriving.size:
                    self.transport.abort()

    async def _keep(self, arriving: Arriving) -> str:
        staged = arriving.finish()
        if staged is None:
            log.info("a mail was refused at the door: %s", arriving.fault[:9])
            return arriving.fault
        sender = "" if self.envelope.mail_from in (None, "<>") else self.envelope.mail_from
        try:
            new = await self._gate.threads.run(
                self._gate.keep, staged, sender, self.envelope.rcpt_tos, "mail"
            )
        except TooManyCases:
            log.warning("a mail was put off: mails of all senders opened cases_per_day_in_all cases in a day")
            return TOO_MANY_CASES
        except Exception as error:
            # Whatever it was, the mail server has the mail still and tries again.
            log.error("a mail could not be kept: %s", type(error).__name__)
            return TROUBLE
        if not new:
            log.info("a mail arrived again and was recognised")
        return TAKEN


class _SmtpSession(_Session):
    """SMTP: one answer for the mail."""


class _LmtpSession(_Session, LMTP):
    """LMTP (RFC 2033): one answer for each recipient."""

    per_recipient = True


async def serve(
    home: Home, config: MailConfig, port: int, on_ready: Callable[[int], None], stop: asyncio.Event
) -> None:
    """Take mail at ``config.host`` and ``port`` (0: any, told to ``on_ready``) until ``stop`` is set."""
    gate, loop = Gate(home, config), asyncio.get_running_loop()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(home.tls / "certificate.pem", home.tls / "key.pem")
    kind = _LmtpSession if config.lmtp else _SmtpSession
    server = await loop.create_server(lambda: kind(gate, context, loop), config.host or "127.0.0.1", port)
    try:
        on_ready(server.sockets[0].getsockname()[1])
        await stop.wait()
    finally:
        server.close()
        server.close_clients()
        await server.wait_closed()
        gate.threads.end()


def run(home: Home, config: MailConfig, port: int, on_ready: Callable[[int], None]) -> None:
    """`serve` until SIGTERM or SIGINT."""

    async def until_asked_to_stop() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        with leaving.stopping_by(lambda: loop.call_soon_threadsafe(stop.set)):
            await serve(home, config, port, on_ready, stop)

    asyncio.run(until_asked_to_stop())
