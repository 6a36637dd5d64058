"""docs/api.md: the HTTPS door's OpenAPI document as a page; it is read in a process with a home of its own."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

_METHODS = ("options", "get", "head", "put", "post", "patch", "delete")
_READ = """
import json, sys
from caisse.fund.exchange import receipts
from caisse.fund.home import Home
home = Home.at(sys.argv[1])
home.create("Caisse")
receipts.ensure_key(home)
import django
django.setup()
from django.urls import get_resolver
from ninja import NinjaAPI
from ninja.openapi.urls import get_openapi_urls

def apis(patterns):
    for pattern in patterns:
        yield from apis(getattr(pattern, "url_patterns", ()))
        keywords = getattr(pattern.callback, "keywords", {}) if hasattr(pattern, "callback") else {}
        yield from (value for value in keywords.values() if isinstance(value, NinjaAPI))

found = {id(api): api for api in apis(get_resolver().url_patterns)}
print(json.dumps([api.get_openapi_schema() for api in found.values()]))
"""


def documents() -> list[dict[str, Any]]:
    """The OpenAPI documents the fund's web server offers."""
    with tempfile.TemporaryDirectory(prefix="caisse-api-") as home:
        environment = os.environ | {
            "CAISSE_FUND_HOME": home,
            "DJANGO_SETTINGS_MODULE": "caisse.fund.settings",
            # The API stands at the exchange door alone.
            "CAISSE_DOOR": "exchange",
        }
        done = subprocess.run(
            [sys.executable, "-c", _READ, home],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found


def page() -> str:
    """The page in Markdown."""
    return "\n".join(_lines(documents()))


def _lines(found: list[dict[str, Any]]) -> Iterator[str]:
    yield "# HTTPS API\n"
    yield "The same mailbox as behind SFTP: what is put into one is seen through the other. Log in with the account's"
    yield "user name and password (HTTP Basic over TLS). The server prints its own OpenAPI document.\n"
    for document in found:
        info = document["info"]
        yield f"## {info['title']} {info['version']}\n"
        if info.get("description"):
            yield f"{info['description'].strip()}\n"
        for path, methods in document["paths"].items():
            for method in _METHODS:
                if method in methods:
                    yield from _operation(method, path, methods[method], document["components"]["responses"])


def _operation(method: str, path: str, operation: dict[str, Any], common: dict[str, Any]) -> Iterator[str]:
    yield f"### {method.upper()} {path}\n"
    yield f"{(operation.get('description') or operation['summary']).strip()}\n"
    for parameter in operation.get("parameters", ()):
        need = "required" if parameter.get("required") else "optional"
        about = parameter.get("description") or parameter["schema"].get("description", "")
        yield f"- `{parameter['name']}` ({parameter['in']}, {need}) {about}".rstrip()
    yield "\n| Answer | Meaning | Content |"
    yield "|---:|---|---|"
    for status, answer in sorted(operation["responses"].items()):
        answer = common[answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer  # noqa: PLW2901
        kinds = ", ".join(f"`{kind}`" for kind in answer.get("content", {}))
        yield f"| {status} | {answer.get('description', '')} | {kinds} |"
    yield ""
