"""The API's browsable description: the OpenAPI document and a page that needs nothing from elsewhere."""

from functools import cache
from importlib.resources import files
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase

from caisse.fund.exchange.doors.problems import Problem

DESCRIPTION = """\
The same mailbox as over SFTP: put a request file into `in`, collect answers from `out`.

A file is a deposit once the answer to its PUT has come: bytes, row and receipt are then durable. Sending
the same bytes under the same name again gives the same receipt, so every upload may be repeated.
Log in with HTTP Basic: user name and password of the exchange account. Refusals are JSON with a code,
a text and a remedy in the language of Accept-Language (fr, de, en).
"""

_PROBLEM = {"application/json": {"schema": {"$ref": "#/components/schemas/ProblemEntry"}}}
_RECEIPT = {
    "application/json": {
        "schema": {
            "title": "Receipt",
            "type": "object",
            "required": ["deposit", "name", "size", "sha256", "receipt", "duplicate"],
            "properties": {
                "deposit": {"type": "string", "format": "uuid"},
                "name": {"type": "string"},
                "size": {"type": "integer"},
                "sha256": {"type": "string"},
                "receipt": {"type": "string", "description": "JWS, verifiable offline with /api/v1/keys"},
                "duplicate": {"type": "boolean"},
            },
        }
    }
}


def _refusal(text: str) -> dict[str, object]:
    return {"description": text, "content": _PROBLEM}


#: The upload is answered in front of Django, so ninja does not know it.
UPLOAD: dict[str, Any] = {
    "operationId": "put_in",
    "summary": "Deposit a file",
    "description": "The body is the file itself. Network, account, rate and length are checked before it.",
    "tags": ["mailbox"],
    "security": [{"AccountLogin": []}],
    "parameters": [{"in": "path", "name": "name", "required": True, "schema": {"type": "string"}}],
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    },
    "responses": {
        "201": {"description": "Received; the receipt is durable.", "content": _RECEIPT},
        "200": {"description": "Received before: the same receipt again.", "content": _RECEIPT},
        "401": _refusal("Not logged in."),
        "403": _refusal("Network not allowed, or another provider's file (PRO-003)."),
        "409": _refusal("The key was used for other content (KEY-001), or is still being judged (KEY-004)."),
        "413": _refusal("Too large (LIM-001)."),
        "422": _refusal("The name or the body cannot be taken (LIM-004, LIM-006)."),
        "429": _refusal("Too many deposits or requests (LIM-002, LIM-003, LIM-005); see Retry-After."),
    },
}

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<link rel="stylesheet" href="{assets}swagger-ui.css"><link rel="icon" href="{assets}favicon.svg"></head>
<body>
<script type="application/json" id="swagger-settings">{{"url": "{document}", "deepLinking": true}}</script>
<div id="swagger-ui"></div>
<script src="{assets}swagger-ui-bundle.js"></script><script src="{assets}swagger-ui-init.js"></script>
</body></html>
"""

_ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui-init.js": "text/javascript",
    "favicon.svg": "image/svg+xml",
}
#: Swagger UI sets styles from its script and draws its icons from data: URLs; everything else is our own.
_POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"


class OfflineDocs(DocsBase):
    """Swagger UI from the wheel of django-ninja."""

    def render_page(self, _request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        """The page at /api/docs."""
        assets = reverse("exchange-docs-asset", args=["x"]).removesuffix("x")
        page = _PAGE.format(title=api.title, assets=assets, document=self.get_openapi_url(api, kwargs))
        return HttpResponse(page, headers={"Content-Security-Policy": _POLICY})


@cache
def _asset(name: str) -> bytes:
    return (files("ninja") / "static" / "ninja" / name).read_bytes()


def asset(_request: HttpRequest, name: str) -> HttpResponse:
    """One of the files the page needs."""
    if name not in _ASSETS:
        return HttpResponse(Problem(404).encoded("en"), status=404, content_type="application/json")
    return HttpResponse(_asset(name), content_type=_ASSETS[name], headers={"Cache-Control": "max-age=86400"})
