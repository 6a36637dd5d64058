"""The HTTPS door: the same mailbox, for networks that let nothing else through."""

import hashlib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from caisse.agreement.errors import Unreachable
from caisse.provider import faults
from caisse.provider.errors import CertificateRefused, DepositRefused, LoginRefused
from caisse.provider.home import Home, Settings
from caisse.provider.transport import PATIENCE, Closing, Progress, RemoteFile
from caisse.provider.transport.blocks import blocks
from caisse.provider.transport.tus import WORTH_RESUMING, Patience, ResumableUpload

_BLOCK = 1024 * 1024
_PAGE = 1000
_API = "/api/v1"


class HttpsDoor(Closing):
    """The mailbox over HTTPS; connects when first used. The server is known by its certificate."""

    def __init__(self, home: Home, settings: Settings) -> None:
        """Credentials and the pinned authority, when there is one, come from ``home``."""
        parts = urlsplit(settings.fund)
        self._where = f"{parts.hostname}:{parts.port or 443}"
        self._user = settings.user
        password = home.secret.read_text("utf-8").rstrip("\r\n") if home.secret.exists() else ""
        pinned = str(home.certificate) if home.certificate.exists() else None
        self._client = httpx.Client(
            base_url=f"https://{self._where}{_API}",
            auth=(settings.user, password),
            verify=ssl.create_default_context(cafile=pinned),
            timeout=httpx.Timeout(PATIENCE, read=4 * PATIENCE),
            headers={"Accept-Language": "en"},
            trust_env=False,
        )

    def put(
        self, name: str, path: Path, *, resume: bool, begun: Callable[[], None], progress: Progress
    ) -> None:
        """Upload; the fund answers when it is durable. A big file goes on where it broke off before."""
        size = path.stat().st_size
        with self._said():
            if size < WORTH_RESUMING or not self._resumably(name, path, resume, begun, progress):
                begun()
                headers = {"Content-Length": str(size), "Content-Type": "application/xml"}
                self._check(
                    self._client.put(
                        f"/mailbox/in/{quote(name)}", content=blocks(path, 0, progress), headers=headers
                    )
                )
        faults.reach("send.after_rename")

    def _resumably(
        self, name: str, path: Path, resume: bool, begun: Callable[[], None], progress: Progress
    ) -> bool:
        """Upload, over as many lines as it takes; False when this fund cannot go on with broken uploads."""
        size, sha256 = path.stat().st_size, _sha256(path)
        upload, patience = ResumableUpload(self._client, name, path, sha256), Patience()
        offset = 0
        lost: httpx.TransportError | None = None
        while lost is None or patience.another(offset):
            try:
                known = upload.arrived() if resume else None
                if known is None and resume and self._holds(name, sha256):
                    progress(size, size)
                    return True
                if known is None:
                    if (answer := upload.begin()) is None:
                        return False
                    self._check(answer)
                    begun()
                resume, offset = True, known or 0
                answer = upload.send(offset, progress)
                if "Upload-Offset" not in answer.headers or answer.is_success:
                    self._check(answer)
                    return True
                lost = httpx.ReadError("the fund goes on with another connection")
            except httpx.TransportError as error:
                lost = error
                if "CERTIFICATE_VERIFY_FAILED" in str(error):
                    break
        assert lost is not None
        raise lost

    def _holds(self, name: str, sha256: str) -> bool:
        """True when the file became a deposit, though its sender never heard so."""
        found = self._check(self._client.get("/deposits", params={"name": name})).json()
        return any((entry["name"], entry["sha256"]) == (name, sha256) for entry in found)

    def list_answers(self) -> list[RemoteFile]:
        """The files in the out box, page by page."""
        found: list[RemoteFile] = []
        after = ""
        while True:
            entries = self._get("/mailbox/out", after=after, limit=_PAGE).json()
            found += [RemoteFile(entry["name"], entry["size"]) for entry in entries]
            if len(entries) < _PAGE:
                return found
            after = entries[-1]["place"]

    def get(self, name: str, target: Path, *, progress: Progress) -> None:
        """Download one answer."""
        with self._said(), self._client.stream("GET", f"/mailbox/out/{quote(name)}") as answer:
            if not answer.is_success:
                answer.read()
                self._refuse(answer)
            size, done = int(answer.headers.get("Content-Length", 0)), 0
            with target.open("wb") as out:
                for block in answer.iter_bytes(_BLOCK):
                    out.write(block)
                    done += len(block)
                    progress(done, size)

    def fetch_keys(self) -> bytes:
        """The published key set."""
        return self._get("/keys").content

    def close(self) -> None:
        """Leave the fund's server."""
        self._client.close()

    def _get(self, path: str, **parameters: str | int) -> httpx.Response:
        with self._said():
            answer = self._client.get(path, params=parameters)
        return self._check(answer)

    def _check(self, answer: httpx.Response) -> httpx.Response:
        """The answer, unless it is a refusal."""
        if not answer.is_success:
            self._refuse(answer)
        return answer

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Say in words what went wrong on the way."""
        try:
            yield
        except httpx.TimeoutException:
            raise Unreachable(f"{self._where}: no answer in time") from None
        except httpx.TransportError as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise CertificateRefused(f"({self._where}: {error})") from None
            raise Unreachable(f"{self._where}: {error or 'the connection was lost'}") from None

    def _refuse(self, answer: httpx.Response) -> None:
        """Raise what the fund's refusal amounts to."""
        told = _told(answer)
        code = str(told.get("code", f"HTTP-{answer.status_code}"))
        words = " ".join(str(told[part]) for part in ("text", "remedy") if told.get(part))
        said = f"{self._where} says: {code} {words}".strip()
        if answer.status_code == 401:
            raise LoginRefused(f"({self._user} at {self._where})")
        if answer.status_code in (429, *range(500, 600)) or code.startswith("HTTP-"):
            # Nothing is said about the deposit: the way is closed, or too many came at once.
            raise Unreachable(said)
        raise DepositRefused(said)


def _told(answer: httpx.Response) -> dict[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
