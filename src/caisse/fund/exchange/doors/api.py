"""The HTTPS API: the same mailbox as over SFTP, the deposits' stages, and what the fund publishes."""

import asyncio
import hashlib
import json
import re
import uuid
from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Annotated, Any, Literal

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from ninja import Field, NinjaAPI, Query, Schema
from ninja.errors import ValidationError
from ninja.security import HttpBasicAuth
from pydantic import AfterValidator

from caisse.agreement.layouts import catalogue
from caisse.agreement.tables import reasons
from caisse.fund.exchange import receipts
from caisse.fund.exchange.doors import docs, openapi
from caisse.fund.exchange.doors.mail import Mail, Readable
from caisse.fund.exchange.doors.mailbox import Box
from caisse.fund.exchange.doors.problems import Problem, language_of, problem_of
from caisse.fund.exchange.doors.reception import reception
from caisse.fund.exchange.models import Account, Deposit
from caisse.fund.exchange.queries import Place

_PIECE = 1 << 20
_MOST = 1000

Language = Literal["fr", "de", "en"]
AtMost = Annotated[int, Field(ge=1)]


class FileEntry(Schema):
    """A file of the mailbox."""

    place: str
    name: str
    size: int
    sha256: str
    at: datetime
    kind: str
    deposit: uuid.UUID | None
    first_collected_at: datetime | None


class DepositEntry(Schema):
    """A deposit and how far it has come: received, then acknowledged or refused, returned, paid."""

    deposit: uuid.UUID
    name: str
    size: int
    sha256: str
    door: str
    received_at: datetime
    stage: str
    stage_at: datetime
    receipt: str


class LayoutEntry(Schema):
    """A published layout; `accepted_until` is the first day it is no longer accepted, null while open."""

    frame: str
    type: str
    layout: int
    title: str
    direction: str
    announced: date
    accepted_from: date
    accepted_until: date | None
    in_force: bool
    schema_sha256: str


class ReasonEntry(Schema):
    """A reason code in words."""

    code: str
    level: str
    kind: str
    severity: str
    article: str
    text: str
    remedy: str
    follow_up: str
    follow_up_text: str


class ProblemEntry(Schema):
    """Why a request was refused, and how to go on, in the language asked for."""

    code: str
    text: str
    remedy: str


def _is_place(written: str) -> str:
    if written:
        Place.parse(written)
    return written


class Page(Schema):
    """Which part of a list: the oldest `limit`, or as many of what comes after `after`."""

    limit: AtMost = 100
    after: Annotated[str, Field(max_length=300), AfterValidator(_is_place)] = ""

    def place(self) -> Place | None:
        return Place.parse(self.after) if self.after else None


class AccountLogin(HttpBasicAuth):
    """User name and password of the exchange account, the same as for SFTP."""

    async def __call__(self, request: HttpRequest) -> Account:  # type: ignore[override]
        """The account that logs in; raises Problem otherwise."""
        return await reception().admit(
            request.META.get("REMOTE_ADDR", ""), request.headers.get("Authorization", "")
        )

    def authenticate(self, request: HttpRequest, username: str, password: str) -> Account:
        """Not asked: `__call__` decides at once."""
        raise NotImplementedError


class ExchangeApi(NinjaAPI):
    """The API, its description completed by what is answered before Django."""

    def get_openapi_schema(self, **options: Any) -> Any:
        """The OpenAPI document."""
        return openapi.complete(super().get_openapi_schema(**options), settings.FUND.limits)


_REFUSALS = {401: ProblemEntry, 403: ProblemEntry, 404: ProblemEntry, 429: ProblemEntry}

api = ExchangeApi(
    title="Caisse, electronic exchange",
    version="1",
    description=docs.DESCRIPTION,
    docs=docs.OfflineDocs(),
    docs_url="/docs",
    openapi_url="/openapi.json",
    urls_namespace="exchange",
)
_login = AccountLogin()


def _mail(request: HttpRequest) -> Mail:
    return reception().mail(_account(request))


def _account(request: HttpRequest) -> Account:
    account: Account = request.auth  # type: ignore[attr-defined]
    return account


def _language(request: HttpRequest) -> str:
    return language_of(request.headers.get("Accept-Language", ""))


@api.get("/v1/mailbox/in", auth=_login, response={200: list[FileEntry], **_REFUSALS}, tags=["mailbox"])
async def list_in(request: HttpRequest, page: Query[Page]) -> Any:
    """Deposits that are not answered yet, oldest first."""
    return await reception().threads.run(_mail(request).files, Box.IN, page.place(), min(page.limit, _MOST))


@api.get("/v1/mailbox/out", auth=_login, response={200: list[FileEntry], **_REFUSALS}, tags=["mailbox"])
async def list_out(request: HttpRequest, page: Query[Page]) -> Any:
    """Answers, oldest first. Ask from the beginning, or from a day back, and skip by `name` what you have.

    An answer may come to stand just before one that was already listed.
    """
    return await reception().threads.run(_mail(request).files, Box.OUT, page.place(), min(page.limit, _MOST))


@api.get("/v1/mailbox/out/{name}", auth=_login, response=_REFUSALS, tags=["mailbox"])
async def collect(request: HttpRequest, name: str) -> HttpResponseBase:
    """One answer. Its ETag is its SHA-256; a Range is honoured; it stays available afterwards."""
    readable = await reception().threads.run(_mail(request).open, Box.OUT, name)
    if readable is None:
        raise Problem(404)
    etag = f'"{readable.sha256}"'
    if request.headers.get("If-None-Match") == etag:
        readable.close()
        return HttpResponse(status=304, headers={"ETag": etag})
    try:
        start, end = _range(request.headers.get("Range", ""), readable.entry.size)
    except Problem:
        readable.close()
        raise
    partial = (start, end) != (0, readable.entry.size)
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Content-Length": str(end - start),
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "private, no-cache",
    }
    if partial:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{readable.entry.size}"
    kind = "application/xml" if name.lower().endswith(".xml") else "application/octet-stream"
    pieces = _pieces(_mail(request), readable, start, end)
    return StreamingHttpResponse(pieces, status=206 if partial else 200, content_type=kind, headers=headers)


async def _pieces(mail: Mail, readable: Readable, start: int, end: int) -> AsyncIterator[bytes]:
    """The bytes asked for; with the last byte of the file the answer counts as collected."""
    threads, at = reception().threads, start
    try:
        while at < end and (piece := await threads.run(readable.read, at, min(_PIECE, end - at))):
            at += len(piece)
            yield piece
    finally:
        readable.close()
        # Often the server breaks off here: its response is complete before we come to the end.
        if at >= readable.entry.size and readable.delivery_id is not None:
            noting = asyncio.ensure_future(threads.run(mail.note_collected, readable.delivery_id))
            _noting.add(noting)
            noting.add_done_callback(_noting.discard)


#: Notes of collections under way; the event loop itself keeps no task alive.
_noting: set[asyncio.Future[None]] = set()

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def _range(text: str, size: int) -> tuple[int, int]:
    """Start and end (exclusive) of one byte range (RFC 9110, 14.2); everything when none is asked for."""
    match = _RANGE.fullmatch(text.strip())
    if not match or match.groups() == ("", ""):
        return 0, size
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
    if start >= end:
        raise Problem(416, headers={"Content-Range": f"bytes */{size}"})
    return start, end


@api.get("/v1/deposits", auth=_login, response={200: list[DepositEntry], **_REFUSALS}, tags=["deposits"])
async def list_deposits(
    request: HttpRequest, stage: str | None = None, name: str | None = None, limit: AtMost = 100
) -> Any:
    """The account's deposits, newest first, all or those in one stage or of one name."""
    found = await reception().threads.run(_mail(request).deposits, stage, name, min(limit, _MOST))
    return [_deposit_entry(deposit) for deposit in found]


@api.get(
    "/v1/deposits/{deposit_id}", auth=_login, response={200: DepositEntry, **_REFUSALS}, tags=["deposits"]
)
async def show_deposit(request: HttpRequest, deposit_id: uuid.UUID) -> Any:
    """One deposit and its stage."""
    deposit = await reception().threads.run(_mail(request).find_deposit, deposit_id)
    if deposit is None:
        raise Problem(404)
    return _deposit_entry(deposit)


def _deposit_entry(deposit: Deposit) -> DepositEntry:
    return DepositEntry(
        deposit=deposit.pk,
        name=deposit.name,
        size=deposit.size,
        sha256=deposit.sha256,
        door=deposit.door,
        received_at=deposit.received_at,
        stage=deposit.stage,
        stage_at=deposit.stage_at,
        receipt=deposit.receipt,
    )


@api.get("/v1/keys", tags=["published"])
async def keys(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """The public keys receipts are signed with, as a JSON Web Key Set (RFC 7517)."""
    content = await reception().threads.run(receipts.public_keys, reception().home)
    return HttpResponse(
        content, content_type="application/jwk-set+json", headers={"Cache-Control": "max-age=300"}
    )


@api.get("/v1/layouts", response=list[LayoutEntry], tags=["published"])
async def layouts(request: HttpRequest, on: date | None = None) -> Any:
    """Every published layout with its dates; `in_force` is meant for the day `on` (default: today)."""
    day = on or timezone.localdate()
    language = _language(request)
    return [
        LayoutEntry(
            frame=layout.frame,
            type=layout.type,
            layout=layout.number,
            title=layout.titles[language],
            direction=layout.direction,
            announced=layout.announced,
            accepted_from=layout.accepted_from,
            accepted_until=layout.accepted_until,
            in_force=layout in catalogue.in_force(layout.frame, layout.type, day),
            schema_sha256=hashlib.sha256(layout.schema).hexdigest(),
        )
        for layout in catalogue.all_layouts()
    ]


@api.get("/v1/reasons/{code}", response={200: ReasonEntry, 404: ProblemEntry}, tags=["published"])
async def reason(request: HttpRequest, code: str, lang: Language | None = None) -> Any:
    """What a reason code means and what to do about it, in French, German or English."""
    found = reasons.all_reasons().get(code.upper())
    if found is None:
        raise Problem(404)
    language = lang or _language(request)
    return ReasonEntry(
        code=found.code,
        level=found.level,
        kind=found.kind,
        severity=found.severity,
        article=found.article,
        text=found.text(language),
        remedy=found.remedy(language),
        follow_up=found.follow_up,
        follow_up_text=found.follow_up_text(language),
    )


@api.exception_handler(ValidationError)
@api.exception_handler(Exception)
def _on_error(request: HttpRequest, error: Exception) -> HttpResponse:
    problem = Problem(400) if isinstance(error, ValidationError) else problem_of(error)
    if problem.status == 500:
        raise error
    language = _language(request)
    headers = {"Content-Language": language, **problem.headers}
    body = json.dumps(problem.body(language), ensure_ascii=False)
    return HttpResponse(body, status=problem.status, content_type=openapi.PROBLEM, headers=headers)
