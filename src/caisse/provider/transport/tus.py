"""Big uploads over HTTPS go on where they broke off: the sender's half of tus 1.0."""

import base64
import time
from pathlib import Path
from urllib.parse import quote

import httpx

from caisse.provider.transport import PATIENCE, Progress
from caisse.provider.transport.blocks import blocks

#: Cheaper to send again than to ask how far it got (bytes).
WORTH_RESUMING = 4 * 1024 * 1024
#: How often in a row the line may break without a byte getting through, and the pauses in between (seconds).
_TRIES, _PAUSE = 4, 1.0

_PATH = "/uploads"
_VERSION = {"Tus-Resumable": "1.0.0"}
_UNKNOWN = (404, 405, 501)


class ResumableUpload:
    """One file on its way, known to the fund by its name and SHA-256."""

    def __init__(self, client: httpx.Client, name: str, path: Path, sha256: str) -> None:
        self._client, self._path = client, path
        self._url, self._size = f"{_PATH}/{quote(name)}", path.stat().st_size
        told = {"filename": name, "sha256": sha256}
        self._metadata = ",".join(f"{key} {base64.b64encode(told[key].encode()).decode()}" for key in told)

    def begin(self) -> httpx.Response | None:
        """Announce the upload anew; None when this fund has no such door, else its answer."""
        headers = _VERSION | {"Upload-Length": str(self._size), "Upload-Metadata": self._metadata}
        answer = self._client.post(_PATH, headers=headers)
        return None if answer.status_code in _UNKNOWN else answer

    def arrived(self) -> int | None:
        """How many bytes of this very content the fund has; None when it has no such upload."""
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self._client.head(self._url, headers=_VERSION)
            if answer.status_code != 423 or time.monotonic() > deadline:
                break
            # The last byte had arrived and the file becomes a deposit just now.
            time.sleep(1)
        if not answer.is_success or answer.headers.get("Upload-Metadata") != self._metadata:
            return None
        return int(answer.headers["Upload-Offset"])

    def send(self, offset: int, progress: Progress) -> httpx.Response:
        """Send everything from ``offset`` on; the fund answers when the deposit is durable."""
        headers = _VERSION | {
            "Content-Type": "application/offset+octet-stream",
            "Upload-Offset": str(offset),
            "Content-Length": str(self._size - offset),
        }
        return self._client.patch(self._url, content=blocks(self._path, offset, progress), headers=headers)


class Patience:
    """How long to go on after broken lines: as long as every few tries get further."""

    def __init__(self) -> None:
        self._furthest, self._tries = -1, 0

    def another(self, offset: int) -> bool:
        """True when another try from ``offset`` is worth it; waits a little before all but the first."""
        if offset > self._furthest:
            self._furthest, self._tries = offset, 0
        self._tries += 1
        if 1 < self._tries <= _TRIES:
            time.sleep(_PAUSE * (self._tries - 1))
        return self._tries <= _TRIES
