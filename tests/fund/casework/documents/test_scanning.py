"""The scanner's protocol against the real clamd, with the EICAR test signature as its only one, and against bad ones."""

import hashlib
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from caisse.agreement.tables import reasons
from caisse.fund.casework.documents.scanning import Scan, scan
from tests.ports import reserved_port

CLAMD = shutil.which("clamd", path="/usr/sbin:/usr/bin")
#: The test virus of EICAR, put together here so that this file is none.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@pytest.fixture(scope="module")
def clamd(tmp_path_factory):
    """A real daemon on a Unix socket and a TCP port of its own."""
    if CLAMD is None:
        pytest.skip("clamd is not installed: apt-get install clamav-daemon")
    folder = tmp_path_factory.mktemp("clamd")
    (folder / "db").mkdir()
    (folder / "db" / "test.hdb").write_text(f"{hashlib.md5(EICAR).hexdigest()}:{len(EICAR)}:Eicar-Test\n")
    port = reserved_port()
    (folder / "clamd.conf").write_text(
        f"DatabaseDirectory {folder}/db\nLocalSocket {folder}/ctl\nTCPSocket {port}\nTCPAddr 127.0.0.1\n"
        f"Foreground yes\nStreamMaxLength 1M\nTemporaryDirectory {folder}\n"
    )
    folder.chmod(0o755)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([CLAMD, "-c", str(folder / "clamd.conf")], stdout=log, stderr=log)
    try:
        for _ in range(300):
            if (folder / "ctl").exists() or process.poll() is not None:
                break
            time.sleep(0.1)
        assert (folder / "ctl").exists(), (folder / "log").read_text()
        yield f"{folder}/ctl", f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def file(tmp_path):
    def file(content: bytes) -> Path:
        path = tmp_path / "document.pdf"
        path.write_bytes(content)
        return path

    return file


@pytest.mark.parametrize("way", [0, 1])
def test_the_real_daemon_tells_clean_from_infected(clamd, file, way):
    found = scan(file(b"%PDF-1.7 harmless" * 50_000), scanner=clamd[way])
    assert (found.state, found.may_pass, found.code) == ("clean", True, "")
    found = scan(file(EICAR), scanner=clamd[way])
    assert (found.state, found.may_pass, found.code) == ("infected", False, "DOC-019")
    assert found.detail.startswith("Eicar-Test")


def test_a_file_above_the_scanner_s_own_limit_is_not_called_clean(clamd, file):
    found = scan(file(bytes(8_000_000)), scanner=clamd[0])
    assert (found.state, found.may_pass, found.code) == ("unreachable", False, "DOC-020")


def test_without_a_scanner_it_says_so(file):
    found = scan(file(b"x"), scanner="")
    assert (found.state, found.may_pass, found.code) == ("not_configured", True, "")


@pytest.mark.parametrize("where", ["/nowhere/clamd.ctl", "127.0.0.1:1", "127.0.0.1:99999", "nonsense"])
def test_a_scanner_that_is_away_holds_the_document(file, where):
    found = scan(file(b"x"), scanner=where, seconds=2)
    assert (found.state, found.may_pass) == ("unreachable", False)
    assert reasons.reason(found.code).follow_up == "wait"


@pytest.mark.parametrize(
    "answer",
    [b"", b"stream: ", b"stream: OK", b"INSTREAM size limit exceeded. ERROR\0", b"nonsense\0", b"stream: OK OK\0",
     b"OKOK" * 5000, b"\xff\xfe\0"],
)  # fmt: skip
def test_only_a_clear_answer_counts(file, answer):
    """A scanner that hangs up, is cut off, or says something else has scanned nothing."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            while not connection.recv(65536).endswith(bytes(4)):
                pass
            connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    with server:
        found = scan(file(b"x"), scanner=f"127.0.0.1:{server.getsockname()[1]}", seconds=5)
        thread.join()
    assert found.state == "unreachable"
    assert not found.may_pass


def test_a_silent_scanner_is_given_up(file):
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = scan(file(b"x"), scanner=f"127.0.0.1:{server.getsockname()[1]}", seconds=0.1)
    assert found == Scan("unreachable", "TimeoutError")
