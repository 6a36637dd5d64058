"""Stylesheets and scripts under names that change with their content: a browser may keep them for ever."""

import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe


@dataclass(frozen=True, slots=True)
class Asset:
    """One static file as it is served."""

    mark: str
    kind: str
    content: bytes


@cache
def assets() -> dict[str, Asset]:
    """Every static file of every app, by name; read once per process."""
    found = {}
    for finder in finders.get_finders():
        for name, storage in finder.list([]):
            if name not in found:
                content = Path(storage.path(name)).read_bytes()
                kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
                found[name] = Asset(hashlib.sha256(content).hexdigest()[:16], kind, content)
    return found


class Named(StaticFilesStorage):
    """Gives each file an address that carries the beginning of its SHA-256."""

    def url(self, name: str | None) -> str:
        """The address of a file; raises ValueError when there is none of that name."""
        asset = assets().get(name or "")
        if asset is None:
            raise ValueError(f"there is no static file {name}")
        return f"{self.base_url}{asset.mark}/{name}"


@require_safe
def serve(request: HttpRequest, mark: str, name: str) -> HttpResponse:
    """One static file; only names of files that were there when the process started."""
    asset = assets().get(name)
    if asset is None or asset.mark != mark:
        raise Http404
    text = "; charset=utf-8" if asset.kind.startswith("text/") else ""
    response = HttpResponse(asset.content, content_type=asset.kind + text)
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
