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
A big file is better sent as a resumable upload, which goes on where the line broke.
Log in with HTTP Basic: user name and password of the exchange account. Refusals are JSON (RFC 9457) with a
code, a text and a remedy in the language of Accept-Language (fr, de, en).
"""

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
