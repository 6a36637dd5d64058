"""The fund's doors in turn with OpenSSH's own SFTP server: same client, same machine, same disk, same minute.

What we say OK to is durable (file, folder, deposit, receipt, job and audit event); what OpenSSH's server says OK to
is in memory. `sftp -f` asks the server to sync each file and is measured beside it as the nearer yardstick.

    python -m tests.bench.bench_doors [--megabytes 500] [--files 2000] [--log-ins 20] [--pairs 5] [--json]
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from caisse.fund.embedded import Cluster
from caisse.fund.home import VARIABLE, Home
from tests.ports import reserved_port

SMALL = 2048
GCM = ("-c", "aes128-gcm@openssh.com")
_OPTIONS = (
    "-q", "-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
    "-o", "IdentitiesOnly=yes",
)  # fmt: skip
_SSHD = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
PidFile {folder}/sshd.pid
AuthorizedKeysFile {key}.pub
StrictModes no
UsePAM no
PasswordAuthentication no
MaxStartups 100:30:200
Subsystem sftp internal-sftp
"""


@dataclass
class Side:
    """One SFTP server and where its files go."""

    port: int
    user: str
    key: Path
    target: str

    def _sftp(self, command: str, extra: tuple[str, ...], batch: Path) -> float:
        batch.write_text(command + "\n")
        began = time.perf_counter()
        subprocess.run(
            ["sftp", *_OPTIONS, *extra, "-i", str(self.key), "-P", str(self.port), "-b", str(batch),
             f"{self.user}@127.0.0.1"],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        return time.perf_counter() - began

    def put(self, source: Path, name: str, *extra: str) -> float:
        """Seconds to send one file in a session of its own."""
        return self._sftp(f"put {source} {self.target}/{name}", extra, source.with_name("batch"))

    def put_all(self, folder: Path, *extra: str) -> float:
        """Seconds to send every file of a folder in one session."""
        return self._sftp(f"put {folder}/* {self.target}/", extra, folder.with_name("batch"))

    def log_in(self, *extra: str) -> float:
        """Seconds to log in, open a session and leave."""
        return self._sftp("pwd", extra, self.key.with_name("batch"))


@dataclass
class Bench:
    """Everything that runs, and what was found."""

    work: Path
    home: Home
    openssh: Side
    ours: Side
    https: str
    password: str
    pid: int
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 1_000_000)))

    def name(self, reference: str = "") -> str:
        return f"F52001700202401_LAB_FAC_002_B{next(self.numbers)}{reference}.xml"

    def clean(self) -> None:
        """Forget the bytes, so that both sides always write into the same room."""
        shutil.rmtree(self.openssh.target)
        Path(self.openssh.target).mkdir()
        for path in self.home.store.glob("*/*"):
            path.unlink()
        os.sync()

    def put_over_https(self, source: Path) -> float:
        """Seconds curl takes to PUT one file."""
        began = time.perf_counter()
        subprocess.run(
            ["curl", "-sSf", "--cacert", str(self.home.tls / "certificate.pem"), "-u",
             f"52001700-lab:{self.password}", "-T", str(source), "-o", "/dev/null",
             f"{self.https}/api/v1/mailbox/in/{self.name()}"],
            check=True,
        )  # fmt: skip
        return time.perf_counter() - began


def in_turn(
    pairs: int, measures: dict[str, Callable[[], float]], clean: Callable[[], None]
) -> dict[str, list[float]]:
    """Seconds of every measure, taken A B C … A B C …, after one round nobody looks at."""
    found: dict[str, list[float]] = {name: [] for name in measures}
    for number in range(pairs + 1):
        for name, measure in measures.items():
            clean()
            seconds = measure()
            if number:
                found[name].append(seconds)
    return found


def ratio(found: dict[str, list[float]], ours: str, theirs: str) -> float:
    """Median of the pairs' ratios."""
    return round(
        statistics.median(our / their for our, their in zip(found[ours], found[theirs], strict=True)), 2
    )


def _result(
    what: str, found: dict[str, list[float]], ratios: dict[str, float], target: float
) -> dict[str, object]:
    first = next(iter(ratios.values()))
    return {
        "what": what,
        **{f"{name}, s": [round(value, 3) for value in values] for name, values in found.items()},
        **ratios,
        "target": f"at most {target}",
        "met": first <= target,
    }


def big_upload(bench: Bench, megabytes: int, pairs: int) -> list[dict[str, object]]:
    """One big file over both servers and over HTTPS."""
    source = bench.work / "big"
    with source.open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1_000_000))
    found = in_turn(
        pairs,
        {
            "openssh": lambda: bench.openssh.put(source, "big"),
            "ours": lambda: bench.ours.put(source, bench.name()),
            "openssh, aes-gcm": lambda: bench.openssh.put(source, "big", *GCM),
            "ours, aes-gcm": lambda: bench.ours.put(source, bench.name(), *GCM),
            "openssh, synced": lambda: bench.openssh.put(source, "big", "-f"),
            "https": lambda: bench.put_over_https(source),
        },
        bench.clean,
    )
    sftp = _result(
        f"SFTP upload of {megabytes} MB, OpenSSH's client with its default ciphers",
        {
            name: found[name]
            for name in ("openssh", "ours", "openssh, aes-gcm", "ours, aes-gcm", "openssh, synced")
        },
        {
            "ratio": ratio(found, "ours", "openssh"),
            "ratio, both aes-gcm": ratio(found, "ours, aes-gcm", "openssh, aes-gcm"),
            "ratio to a synced upload": ratio(found, "ours", "openssh, synced"),
        },
        1.6,
    )
    https = _result(
        f"HTTPS upload of {megabytes} MB, curl",
        {name: found[name] for name in ("https", "openssh", "ours", "openssh, synced")},
        {
            "ratio": max(ratio(found, "https", "openssh"), ratio(found, "https", "ours")),
            "HTTPS ÷ OpenSSH's SFTP": ratio(found, "https", "openssh"),
            "HTTPS ÷ our SFTP": ratio(found, "https", "ours"),
            "HTTPS ÷ OpenSSH's SFTP, synced": ratio(found, "https", "openssh, synced"),
        },
        0.5,
    )
    return [sftp, https]


def small_files(bench: Bench, count: int, pairs: int) -> dict[str, object]:
    """Many small files in one session; the client waits for each before it sends the next."""

    def fresh() -> Path:
        folder = bench.work / "small"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for _ in range(count):
            (folder / bench.name()).write_bytes(os.urandom(SMALL))
        return folder

    batches = [fresh()]
    found = in_turn(
        pairs,
        {
            "openssh": lambda: bench.openssh.put_all(batches[0]),
            "openssh, synced": lambda: bench.openssh.put_all(batches[0], "-f"),
            "bare syncs": lambda: bare_syncs(bench.work / "bare", count),
            "ours": lambda: bench.ours.put_all(fresh()),
        },
        bench.clean,
    )
    return _result(
        f"{count} files of {SMALL} bytes in one SFTP session",
        found,
        {
            "ratio": ratio(found, "ours", "openssh"),
            "ratio to synced uploads": ratio(found, "ours", "openssh, synced"),
            "ratio to the bare syncs alone": ratio(found, "ours", "bare syncs"),
        },
        2.7,
    )


def bare_syncs(folder: Path, count: int) -> float:
    """Seconds of the syncs alone that make `count` files durable one after the other, without server or client.

    The file, its folder, and one appended record of a log: what a deposit cannot do without.
    """
    folder.mkdir(exist_ok=True)
    handle, log = (
        os.open(folder, os.O_RDONLY),
        os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND),
    )
    began = time.perf_counter()
    for number in range(count):
        file = os.open(folder / "upload", os.O_WRONLY | os.O_CREAT)
        os.write(file, b"x" * SMALL)
        os.fsync(file)
        os.close(file)
        (folder / "upload").rename(folder / str(number))
        os.fsync(handle)
        os.write(log, b"x" * 512)
        os.fdatasync(log)
    seconds = time.perf_counter() - began
    os.close(handle)
    os.close(log)
    shutil.rmtree(folder)
    return seconds


def log_ins(bench: Bench, count: int, pairs: int) -> dict[str, object]:
    """Log-ins with a key, one after the other; also with the same key exchange on both sides."""
    same = ("-o", "KexAlgorithms=curve25519-sha256")

    def times(side: Side, *extra: str) -> float:
        return sum(side.log_in(*extra) for _ in range(count))

    found = in_turn(
        pairs,
        {
            "openssh": lambda: times(bench.openssh),
            "ours": lambda: times(bench.ours),
            "openssh, curve25519": lambda: times(bench.openssh, *same),
            "ours, curve25519": lambda: times(bench.ours, *same),
        },
        lambda: None,
    )
    return _result(
        f"{count} log-ins with a key",
        found,
        {
            "ratio": ratio(found, "ours", "openssh"),
            "ratio, both curve25519": ratio(found, "ours, curve25519", "openssh, curve25519"),
        },
        0.6,
    )


@contextmanager
def running() -> Iterator[Bench]:
    """A fund with both doors open, and OpenSSH's server beside it."""
    with tempfile.TemporaryDirectory(prefix="caisse-bench-", dir="/var/tmp") as name:
        work = Path(name)
        work.chmod(0o755)
        home = _fund(work / "home")
        with Cluster(home).running():
            yield from _with_doors(work, home)


def _fund(path: Path) -> Home:
    home = Home.at(path)
    command = [sys.executable, "-m", "caisse.cli", "fund", "init", "--home", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    text = home.config_file.read_text()
    for line in ("deposits_per_hour = 600", "waiting = 500", "bytes = 1_073_741_824"):
        assert line in text
        text = text.replace(line, f"{line.split(' = ')[0]} = 0")
    home.config_file.write_text(text)
    os.environ[VARIABLE] = str(path)
    os.environ["DJANGO_SETTINGS_MODULE"] = "caisse.fund.settings"
    return home


def _with_doors(work: Path, home: Home) -> Iterator[Bench]:
    import django

    django.setup()
    from tests.fund.doors.doorway import CODE, PASSWORD, https_door, practice, sftp_door

    lab = practice(CODE, work)
    with (
        sftp_door(home, work / "sftp") as sftp,
        https_door(home, work / "web") as web,
        _sshd(work, lab.key_file) as port,
    ):
        (work / "target").mkdir()
        yield Bench(
            work=work,
            home=home,
            openssh=Side(port, "root", lab.key_file, str(work / "target")),
            ours=Side(sftp.port, lab.user, lab.key_file, "in"),
            https=f"https://127.0.0.1:{web.port}",
            password=PASSWORD,
            pid=sftp.process.pid,
        )
    from django.db import connection

    connection.close()


@contextmanager
def _sshd(work: Path, key: Path) -> Iterator[int]:
    """OpenSSH's server on a free port of the loopback, with nothing of the machine's configuration."""

    folder, port = work / "sshd", reserved_port()
    folder.mkdir()
    Path("/run/sshd").mkdir(exist_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "host")], check=True)
    public = subprocess.run(["ssh-keygen", "-y", "-f", str(key)], check=True, capture_output=True).stdout
    key.with_suffix(".pub").write_bytes(public)
    (folder / "config").write_text(_SSHD.format(port=port, folder=folder, key=key))
    server = subprocess.Popen(
        ["/usr/sbin/sshd", "-D", "-f", str(folder / "config"), "-E", str(folder / "log")]
    )
    try:
        time.sleep(0.5)
        yield port
    finally:
        server.terminate()
        server.wait()


def measure(
    *, megabytes: int = 500, files: int = 2000, logins: int = 20, pairs: int = 5
) -> list[dict[str, object]]:
    """Every measurement of the doors."""
    with running() as bench:
        return [
            *big_upload(bench, megabytes, pairs),
            small_files(bench, files, pairs),
            log_ins(bench, logins, pairs),
        ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--log-ins", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = measure(
        megabytes=options.megabytes, files=options.files, logins=options.log_ins, pairs=options.pairs
    )
    for result in results:
        print(
            json.dumps(result) if options.json else "\n".join(f"{k:32}{v}" for k, v in result.items()) + "\n"
        )


if __name__ == "__main__":
    main()
