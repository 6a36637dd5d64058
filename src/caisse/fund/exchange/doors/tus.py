"""tus 1.0 (https://tus.io/protocols/resumable-upload): its core, `creation` and `termination`.

An upload's address ends with the name the file is to have, so a sender that remembers nothing but its file
can ask how far it got. The last byte makes it a deposit, which the answer names: its receipt is read there.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from caisse.fund.exchange import mailbox_names
from caisse.fund.exchange.doors.bodies import Receive, pieces
from caisse.fund.exchange.doors.problems import Problem
from caisse.fund.exchange.doors.reception import Reception
from caisse.fund.exchange.doors.resumable import Plan
from caisse.fund.exchange.doors.uploads import Upload
from caisse.fund.exchange.errors import DepositRefused
from caisse.fund.exchange.models import Account

ROOT = "/api/v1/uploads"
VERSION = "1.0.0"
#: In every answer about uploads.
ALWAYS = {"tus-resumable": VERSION}
#: Characters of Upload-Metadata that are kept.
_METADATA = 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and headers; an answer of tus has no body."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """A request about uploads by an account that is logged in."""

    desk: Reception
    account: Account
    method: str
    name: str
    headers: Mapping[str, str]
    receive: Receive


def options(limit: int) -> Answer:
    """What this server can do; whoever asks need not log in."""
    able = {"tus-version": VERSION, "tus-extension": "creation,termination"}
    return Answer(204, able | ({"tus-max-size": str(limit)} if limit else {}))


async def serve(
    desk: Reception, address: str, path: str, method: str, headers: Mapping[str, str], receive: Receive
) -> Answer:
    """Answer one request. Raises Problem or DepositRefused, and Gone when the caller hangs up."""
    if method == "OPTIONS":
        return options(desk.config.limits.bytes)
    account = await desk.admit(address, headers.get("authorization", ""))
    if headers.get("tus-resumable") != VERSION:
        raise Problem(412, headers={"Tus-Version": VERSION})
    if path.rstrip("/") == ROOT:
        if method != "POST":
            raise Problem(405, headers={"Allow": "OPTIONS, POST"})
        return await _create(desk, account, headers)
    call = Call(desk, account, method, unquote(path.removeprefix(f"{ROOT}/")), headers, receive)
    return await _about_one(call)


async def _create(desk: Reception, account: Account, headers: Mapping[str, str]) -> Answer:
    limits, told = desk.config.limits, _metadata(headers.get("upload-metadata", ""))
    name, length, sha256 = told.get("filename", ""), _number(headers, "upload-length"), told.get("sha256", "")
    mailbox_names.check(name, limits.name_length)
    if (sha256 and not _SHA256.fullmatch(sha256)) or len(headers.get("upload-metadata", "")) > _METADATA:
        raise Problem(400)
    if 0 < limits.bytes < length:
        raise DepositRefused("LIM-001", f"{length} > {limits.bytes}")
    if length == 0:
        raise DepositRefused("LIM-006", "0 bytes")
    plan = Plan(length, sha256, headers.get("upload-metadata", ""))
    await desk.resumable(account.pk).begin(name, plan)
    return Answer(201, {"location": f"{ROOT}/{quote(name)}", "upload-offset": "0"})


async def _about_one(call: Call) -> Answer:
    uploads = call.desk.resumable(call.account.pk)
    mailbox_names.check(call.name, call.desk.config.limits.name_length)
    plan = uploads.plan(call.name)
    if plan is None:
        raise Problem(404)
    if uploads.is_being_received(call.name):
        raise Problem(423, headers={"Retry-After": "1"})
    match call.method:
        case "HEAD":
            offset = await uploads.arrived(call.name)
            known = {"upload-offset": str(offset), "upload-length": str(plan.length)}
            return Answer(200, known | {"upload-metadata": plan.metadata})
        case "PATCH":
            return await _patch(call, plan)
        case "DELETE":
            await uploads.remove(call.name)
            return Answer(204)
    raise Problem(405, headers={"Allow": "OPTIONS, HEAD, PATCH, DELETE"})


async def _patch(call: Call, plan: Plan) -> Answer:
    if call.headers.get("content-type") != "application/offset+octet-stream":
        raise Problem(415)
    offset = _number(call.headers, "upload-offset")
    uploads = call.desk.resumable(call.account.pk)
    with call.desk.uploads.place(call.account.pk) as has_place:
        if not has_place:
            raise Problem(429, "LIM-005", headers={"Retry-After": "5"})
        upload = await uploads.go_on(call.name, holder := object())
        await _add(call, plan, upload, offset, holder)
        if upload.size < plan.length:
            return Answer(204, {"upload-offset": str(upload.size)})
        _, received = await uploads.complete(call.name, plan, upload, call.desk.mail(call.account))
    where = {"content-location": f"/api/v1/deposits/{received.deposit_id}"}
    return Answer(204, {"upload-offset": str(plan.length), **where})


async def _add(call: Call, plan: Plan, upload: Upload, offset: int, holder: object) -> None:
    """Add the body to the upload; whatever happens, what has arrived is kept for the next request."""
    try:
        _check_hold(upload, holder)
        if upload.size != offset:
            raise Problem(409, headers={"Upload-Offset": str(upload.size)})
        async for piece in pieces(call.receive):
            _check_hold(upload, holder)
            if upload.size + len(piece) > plan.length:
                raise Problem(400)
            if (wait := upload.write(upload.size, piece)) is not None:
                await wait
        await upload.settle()
        _check_hold(upload, holder)
        if upload.size < plan.length:
            upload.holder = None
            await upload.abandon()
    except BaseException:
        if upload.holder is holder:
            upload.holder = None
            await upload.abandon()
        raise


def _check_hold(upload: Upload, holder: object) -> None:
    """A sender comes back while its broken line still seems alive: the last one who came goes on."""
    if upload.holder is not holder:
        raise Problem(409, headers={"Upload-Offset": str(upload.size)})


def _number(headers: Mapping[str, str], name: str) -> int:
    text = headers.get(name, "")
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise Problem(400)
    return int(text)


def _metadata(text: str) -> dict[str, str]:
    """Upload-Metadata: pairs of a key and a value in Base64, separated by commas."""
    found: dict[str, str] = {}
    for pair in filter(None, map(str.strip, text.split(","))):
        key, _, value = pair.partition(" ")
        try:
            found[key] = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise Problem(400) from None
    return found
