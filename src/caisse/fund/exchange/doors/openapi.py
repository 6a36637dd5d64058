"""What the OpenAPI document says beyond what django-ninja reads from the code."""

from typing import Any

from caisse.agreement import lifecycle
from caisse.fund.exchange.doors import resumable, tus
from caisse.fund.exchange.doors.problems import OWN, Problem
from caisse.fund.home import Limits

type Json = dict[str, Any]

API = "/api/v1"
PROBLEM = "application/problem+json"

_FILE = "A request file's name, as the agreement's rule says, e.g. `F52001700202403_LAB_FAC_002_A1.xml`."
_LANGUAGE = {
    "name": "Accept-Language",
    "in": "header",
    "required": False,
    "description": "Language of texts: `fr` (unless another is preferred), `de` or `en`.",
    "schema": {"type": "string", "examples": ["de-LU, en;q=0.5"]},
}
#: By parameter, whatever the operation.
_PARAMETERS: dict[str, tuple[str, Json]] = {
    "limit": ("How many at most; more than 1000 are never given.", {}),
    "after": (
        "Only what stands after this `place`, the last one of the page before. A moment in UTC with a "
        "hyphen is a place, too: all from then on.",
        {"examples": ["20240301T000000.000000Z-"]},
    ),
    "stage": ("Only deposits in this stage.", {"enum": [*lifecycle.DEPOSIT, None]}),
    "deposit_id": ("The id a deposit got, as in its receipt.", {}),
    "on": ("The day `in_force` is meant for, e.g. `2024-03-01`; today unless it is given.", {}),
    "code": ("A reason code, e.g. `KEY-001`.", {"examples": ["KEY-001"]}),
    "lang": ("Language of the texts; it goes before Accept-Language.", {}),
}
_NAMES = {
    "list_deposits": "Only deposits of exactly this name.",
    "collect": "The answer's `name`, as it stands in the list.",
}
#: Operation: summary, and the refusals that are possible besides its own answers.
_OPERATIONS: dict[str, tuple[str, tuple[int, ...]]] = {
    "list_in": ("List deposits without an answer", (400, 401, 403, 429)),
    "list_out": ("List answers", (400, 401, 403, 429)),
    "collect": ("Collect an answer", (401, 403, 404, 416, 429)),
    "list_deposits": ("List deposits", (400, 401, 403, 429)),
    "show_deposit": ("Show a deposit", (400, 401, 403, 404, 429)),
    "keys": ("Get the keys of receipts", ()),
    "layouts": ("List layouts", (400,)),
    "reason": ("Explain a reason code", (400, 404)),
}
_REFUSED: dict[int, str] = {
    400: "The request cannot be read: a parameter or header is missing or wrong.",
    401: "Not logged in, or user name and password do not belong together.",
    403: "The caller's network is not allowed, the file is another provider's (PRO-003), or the "
    "provider code does not hold today (PRO-004).",
    404: "There is nothing of this name for this account.",
    408: "Nothing arrived for a minute; what did arrive of a resumable upload is kept.",
    409: "The key was used for other content (KEY-001) or is being judged (KEY-004); or the upload is not at "
    "this byte, but at Upload-Offset.",
    412: "Another version of tus; Tus-Version names the one spoken here.",
    413: "Larger than the fund takes (LIM-001).",
    415: "The body is not `application/offset+octet-stream`.",
    416: "The file has no such part; Content-Range names its size.",
    422: "The name (LIM-004) or the body (LIM-006: empty, or not what was announced) cannot be taken.",
    423: "The last byte has arrived and the file is just becoming a deposit; ask again in a second.",
    429: "Too many deposits (LIM-002), deposits without an answer (LIM-003), or requests (LIM-005).",
    500: "The system is broken; nothing was decided. Try again later, unchanged.",
}
#: A code for the example of those that the door has no words of its own for.
_CODES = {413: "LIM-001", 422: "LIM-004", 429: "LIM-005"}
_TAGS = [
    {"name": "mailbox", "description": "What the practice puts in and what the fund answers."},
    {"name": "resumable uploads", "description": "tus 1.0: big files, in as many pieces as the line allows."},
    {"name": "deposits", "description": "What became of each file."},
    {"name": "published", "description": "For everyone: keys, layouts, reasons. No log-in."},
]


def complete(schema: Json, limits: Limits) -> Json:
    """The document with every operation, parameter, answer, refusal and limit described."""
    schema["info"]["description"] += _limits(limits)
    schema["tags"] = _TAGS
    for item in schema["paths"].values():
        for operation in item.values():
            _describe(operation)
    for path, item in _BEFORE_DJANGO.items():
        schema["paths"].setdefault(path, {}).update(item)
    components = schema["components"]
    components["securitySchemes"]["AccountLogin"]["description"] = (
        "User name and password of the exchange account, as for SFTP, with every request."
    )
    components["responses"] = {f"Refused{status}": _refusal(status) for status in _REFUSED}
    return schema


def _describe(operation: Json) -> None:
    name = operation["operationId"].rpartition("_api_")[2]
    summary, refusals = _OPERATIONS[name]
    operation |= {"operationId": name, "summary": summary}
    for parameter in operation.get("parameters", ()):
        text, more = _PARAMETERS.get(parameter["name"], (_NAMES.get(name, ""), {}))
        parameter["description"] = text
        parameter["schema"] |= more
    operation.setdefault("parameters", []).append(_LANGUAGE)
    # ninja's keys are numbers: left so, the printed document would have some of them twice.
    kept = {str(status): answer for status, answer in operation["responses"].items() if int(status) < 400}
    operation["responses"] = kept | _ANSWERS.get(name, {}) | _refusals(*refusals)


def _refusals(*statuses: int) -> Json:
    return {str(status): {"$ref": f"#/components/responses/Refused{status}"} for status in (*statuses, 500)}


def _refusal(status: int) -> Json:
    headers = {"Content-Language": _header("Language of the texts.")}
    if status in (423, 429):
        headers["Retry-After"] = _header("Seconds to wait.", "integer")
    if status == 401:
        headers["WWW-Authenticate"] = _header("`Basic`.")
    said = Problem(status) if status in OWN else Problem(status, _CODES[status])
    content = {PROBLEM: {"schema": {"$ref": "#/components/schemas/ProblemEntry"}, "example": said.body("en")}}
    return {"description": _REFUSED[status], "headers": headers, "content": content}


def _limits(limits: Limits) -> str:
    def number(value: int, unit: str) -> str:
        return f"{value:,} {unit}".replace(",", "\u202f") if value else "no limit"

    return f"""
Limits, checked before a body is read and named in the refusal:

- a file: {number(limits.bytes, "bytes")} (LIM-001)
- its name: {number(limits.name_length, "characters")} (LIM-004)
- deposits of an account: {number(limits.deposits_per_hour, "an hour")} (LIM-002)
- deposits without an answer: {number(limits.waiting, "of an account")} (LIM-003)
- at once: 8 uploads; 600 requests in 10 seconds; {resumable.MOST} unfinished uploads (LIM-005)
- an unfinished upload nobody touches is deleted after {limits.staging_hours} hours
"""


def _header(text: str, kind: str = "string") -> Json:
    return {"description": text, "schema": {"type": kind}}


def _binary(kind: str) -> Json:
    return {kind: {"schema": {"type": "string", "format": "binary"}}}


def _path_name() -> Json:
    schema = {"type": "string", "maxLength": 240}
    return {"in": "path", "name": "name", "required": True, "description": _FILE, "schema": schema}


def _asked(name: str, text: str, kind: str = "string", **more: object) -> Json:
    schema = {"type": kind, **more}
    return {"in": "header", "name": name, "required": True, "description": text, "schema": schema}


_ETAG = {"ETag": _header("The SHA-256 of the whole file, in quotation marks.")}
_WHOLE = {**_ETAG, "Accept-Ranges": _header("`bytes`.")}
_CONTENTS = {**_binary("application/xml"), **_binary("application/octet-stream")}
_ANSWERS: dict[str, Json] = {
    "collect": {
        "200": {"description": "The whole answer.", "headers": _WHOLE, "content": _CONTENTS},
        "206": {
            "description": "The part asked for with Range (one range of bytes).",
            "headers": {**_WHOLE, "Content-Range": _header("Which bytes these are, of how many.")},
            "content": _CONTENTS,
        },
        "304": {"description": "Unchanged since the ETag named in If-None-Match.", "headers": _ETAG},
    },
    "keys": {
        "200": {
            "description": "The keys: Ed25519, each with its `kid`.",
            "content": {
                "application/jwk-set+json": {
                    "schema": {
                        "type": "object",
                        "required": ["keys"],
                        "properties": {"keys": {"type": "array", "items": {"type": "object"}}},
                    }
                }
            },
        }
    },
}
_RECEIPT = {
    "application/json": {
        "schema": {
            "title": "Receipt",
            "type": "object",
            "required": ["deposit", "name", "size", "sha256", "receipt", "duplicate"],
            "properties": {
                "deposit": {"type": "string", "format": "uuid"},
                "name": {"type": "string"},
                "size": {"type": "integer", "description": "Bytes."},
                "sha256": {"type": "string", "description": "Hexadecimal."},
                "receipt": {"type": "string", "description": "JWS, verifiable offline with /api/v1/keys."},
                "duplicate": {"type": "boolean", "description": "True when it had been received before."},
            },
        }
    }
}
_LOCATION = {"Location": _header("Where the deposit is shown.")}
_TUS = _asked("Tus-Resumable", "The version of tus.", enum=[tus.VERSION])
_OFFSET = {"Upload-Offset": _header("How many bytes have arrived.", "integer")}
_COMMON: Json = {"tags": ["resumable uploads"], "security": [{"AccountLogin": []}]}
_PUT: Json = {
    "operationId": "put_in",
    "summary": "Deposit a file",
    "description": "The body is the file itself. Network, account, rate and length are checked before it. "
    "The same bytes under the same name may be sent again and get the same receipt.",
    "tags": ["mailbox"],
    "security": [{"AccountLogin": []}],
    "parameters": [_path_name(), _LANGUAGE],
    "requestBody": {"required": True, "content": _binary("application/octet-stream")},
    "responses": {
        "200": {
            "description": "Received before: the same receipt again.",
            "headers": _LOCATION,
            "content": _RECEIPT,
        },
        "201": {
            "description": "Received; the receipt is durable.",
            "headers": _LOCATION,
            "content": _RECEIPT,
        },
        **_refusals(400, 401, 403, 408, 409, 413, 422, 429),
    },
}
_CREATE: Json = _COMMON | {
    "operationId": "create_upload",
    "summary": "Begin an upload",
    "description": "Begins an upload, giving up an unfinished one of the same name.",
    "parameters": [
        _TUS,
        _asked("Upload-Length", "Size of the file in bytes.", "integer", minimum=1),
        _asked(
            "Upload-Metadata",
            "`filename` and, if you like, `sha256` (hexadecimal), each value in Base64. With `sha256`, only "
            "that very file becomes a deposit.",
        ),
    ],
    "responses": {
        "201": {
            "description": "Begun.",
            "headers": {"Location": _header("Where its bytes are sent."), **_OFFSET},
        },
        **_refusals(400, 401, 403, 412, 413, 422, 429),
    },
}
_HEAD: Json = _COMMON | {
    "operationId": "show_upload",
    "summary": "Ask how far an upload is",
    "description": "A connection that still seems to send loses its hold, so that the answer stays true.",
    "parameters": [_path_name(), _TUS],
    "responses": {
        "200": {
            "description": "Go on from Upload-Offset.",
            "headers": {
                **_OFFSET,
                "Upload-Length": _header("Size of the whole file.", "integer"),
                "Upload-Metadata": _header("As it was sent."),
            },
        },
        **_refusals(401, 403, 404, 412, 422, 423, 429),
    },
}
_SEND: Json = _COMMON | {
    "operationId": "send_upload",
    "summary": "Send bytes of an upload",
    "description": "With the last byte the file becomes a deposit, durable when the answer comes. "
    "What arrived before a line broke is kept.",
    "parameters": [
        _path_name(),
        _TUS,
        _asked("Upload-Offset", "Where these bytes begin: what has arrived.", "integer", minimum=0),
    ],
    "requestBody": {"required": True, "content": _binary("application/offset+octet-stream")},
    "responses": {
        "204": {
            "description": "Arrived.",
            "headers": {**_OFFSET, "Content-Location": _header("The deposit, once the file is complete.")},
        },
        **_refusals(400, 401, 403, 404, 408, 409, 412, 415, 422, 423, 429),
    },
}
_GIVE_UP: Json = _COMMON | {
    "operationId": "give_up_upload",
    "summary": "Give an upload up",
    "parameters": [_path_name(), _TUS],
    "responses": {"204": {"description": "Deleted."}, **_refusals(401, 403, 404, 412, 422, 423, 429)},
}
_ABLE: Json = {
    "operationId": "upload_options",
    "summary": "Ask what this server can do",
    "tags": ["resumable uploads"],
    "responses": {
        "204": {
            "description": "Able.",
            "headers": {
                "Tus-Version": _header("Versions of tus."),
                "Tus-Extension": _header("Extensions of tus."),
                "Tus-Max-Size": _header("Largest file in bytes.", "integer"),
            },
        },
        **_refusals(403),
    },
}
_BEFORE_DJANGO: dict[str, Json] = {
    f"{API}/mailbox/in/{{name}}": {"put": _PUT},
    tus.ROOT: {"options": _ABLE, "post": _CREATE},
    f"{tus.ROOT}/{{name}}": {"head": _HEAD, "patch": _SEND, "delete": _GIVE_UP},
}
