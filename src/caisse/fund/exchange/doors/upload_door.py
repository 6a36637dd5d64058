"""PUT of a file, in front of Django: all is checked before the body is read, which goes straight to disk."""

import json
import logging
import uuid
from collections.abc import Mapping
from urllib.parse import unquote

from caisse.fund.exchange import mailbox_names
from caisse.fund.exchange.acceptance import Received
from caisse.fund.exchange.doors import tus
from caisse.fund.exchange.doors.bodies import Application, Gone, Message, Receive, Send, pieces
from caisse.fund.exchange.doors.mail import Mail
from caisse.fund.exchange.doors.openapi import PROBLEM
from caisse.fund.exchange.doors.problems import Problem, language_of, problem_of
from caisse.fund.exchange.doors.reception import Reception, reception
from caisse.fund.exchange.doors.uploads import Upload
from caisse.fund.exchange.errors import DepositRefused
from caisse.fund.exchange.store import StagedFile

_log = logging.getLogger(__name__)

PREFIX = "/api/v1/mailbox/in/"
_GUARDED = ("/api/v1/mailbox", "/api/v1/deposits", tus.ROOT)
_WITH_BODY = ("PUT", "PATCH", "POST")


class UploadDoor:
    """An ASGI application that takes uploads itself and leaves everything else to the one behind it."""

    def __init__(self, behind: Application) -> None:
        self._behind = behind

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope.get("path", "")
        if scope["type"] != "http" or not path.startswith(_GUARDED):
            await self._behind(scope, receive, send)
            return
        method, headers = scope["method"], _headers(scope)
        resumable = path == tus.ROOT or path.startswith(f"{tus.ROOT}/")
        always = tus.ALWAYS if resumable else {}
        try:
            reception().check_network(_address(scope))
            if method == "PUT" and path.startswith(PREFIX):
                await self._put(path, _address(scope), headers, receive, send)
            elif resumable:
                answer = await tus.serve(reception(), _address(scope), path, method, headers, receive)
                await _answer(send, answer.status, None, answer.headers | always)
            else:
                await self._behind(scope, receive, send)
        except Gone:
            return
        except Exception as error:
            problem = problem_of(error)
            if problem.status == 500:
                _log.error("an upload over HTTPS failed: %s", type(error).__name__, exc_info=error)
            language = language_of(headers.get("accept-language", ""))
            # What is left of the body is not wanted; the line is closed instead of reading it.
            close = {"connection": "close"} if method in _WITH_BODY else {}
            kind = {"content-type": PROBLEM, "content-language": language}
            more = {**kind, **close, **{k.lower(): v for k, v in problem.headers.items()}, **always}
            await _answer(send, problem.status, problem.encoded(language) if method != "HEAD" else None, more)

    async def _put(
        self, path: str, address: str, headers: Mapping[str, str], receive: Receive, send: Send
    ) -> None:
        desk = reception()
        account = await desk.admit(address, headers.get("authorization", ""))
        name = unquote(path[len(PREFIX) :])
        mailbox_names.check(name, desk.config.limits.name_length)
        _check_length(headers.get("content-length"), desk.config.limits.bytes)
        with desk.uploads.place(account.pk) as has_place:
            if not has_place:
                raise Problem(429, "LIM-005", headers={"Retry-After": "5"})
            staged, received = await _take(desk, desk.mail(account), name, receive)
        body = receipt_body(name, staged, received)
        location = {"location": f"/api/v1/deposits/{received.deposit_id}"}
        await _answer(send, 200 if received.duplicate else 201, json.dumps(body).encode(), location)


async def _take(desk: Reception, mail: Mail, name: str, receive: Receive) -> tuple[StagedFile, Received]:
    """Read the body into a file and make it a deposit."""
    folder = desk.home.staging / "https"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    upload = Upload(folder / str(uuid.uuid4()), desk.config.limits.bytes, desk.threads, desk.threads)
    try:
        await _read_body(upload, receive)
    except BaseException:
        await upload.quiet()
        upload.discard()
        raise
    return await desk.threads.run(_receive, mail, name, upload)


async def _read_body(upload: Upload, receive: Receive) -> None:
    async for piece in pieces(receive):
        if (wait := upload.write(upload.size, piece)) is not None:
            await wait
    await upload.settle()
    if upload.size == 0:
        raise DepositRefused("LIM-006", "0 bytes")


def _receive(mail: Mail, name: str, upload: Upload) -> tuple[StagedFile, Received]:
    try:
        staged = upload.finish()
        return staged, mail.receive(name, staged)
    finally:
        upload.discard()


def _check_length(text: str | None, limit: int) -> None:
    """Refuse a body that says itself that it is too long."""
    if text is None:
        return
    if not text.isdecimal():
        raise Problem(400)
    if 0 < limit < int(text):
        raise DepositRefused("LIM-001", f"{text} > {limit}")


def receipt_body(name: str, staged: StagedFile, received: Received) -> dict[str, object]:
    """What a sender is told of an accepted file."""
    return {
        "deposit": str(received.deposit_id),
        "name": name,
        "size": staged.size,
        "sha256": staged.sha256,
        "receipt": received.receipt,
        "duplicate": received.duplicate,
    }


def _address(scope: Message) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _headers(scope: Message) -> Mapping[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


async def _answer(send: Send, status: int, body: bytes | None, headers: Mapping[str, str]) -> None:
    """Send an answer; without a body neither its length nor its type is said."""
    about = {"content-type": "application/json; charset=utf-8", "content-length": str(len(body or b""))}
    every = {
        **(about if body is not None else {}),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        **headers,
    }
    encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in every.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body or b""})
