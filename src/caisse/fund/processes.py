"""The supervisor: starts the parts of a fund as processes, starts again what dies, stops all cleanly."""

import json
import logging
import os
import random
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from caisse.agreement.errors import BrokenSystem
from caisse.fund import leaving, supervision
from caisse.fund.embedded import Cluster
from caisse.fund.home import VARIABLE, Home

log = logging.getLogger("caisse.supervisor")

#: How long a part may take (seconds) to become ready, and to stop once asked.
READY_WITHIN = 120.0
STOP_WITHIN = 60.0
#: A part that dies at once again waits longer each time (seconds).
_FIRST_PAUSE, _LONGEST_PAUSE, _STEADY_AFTER = 0.1, 10.0, 5.0
#: So far (seconds) apart a signal to the group reaches its processes.
_GROUP_WITHIN = 1.0
#: For any free port: Linux gives those from 32768 on to outgoing connections (ip_local_port_range).
_SERVING = range(20_000, 32_768)


@dataclass(slots=True)
class Part:
    """One child process: ``arguments`` follow `caisse fund`; doors stop before workers."""

    name: str
    arguments: list[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    pause: float = _FIRST_PAUSE
    restart_at: float | None = None
    ready_handle: int = -1

    def start(self, home: Home) -> None:
        """Start the process; `is_ready` tells when it takes work."""
        self._forget_handle()
        reading, writing = os.pipe()
        environment = {**os.environ, VARIABLE: str(home.path), supervision.READY_VARIABLE: str(writing)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "caisse.cli", "fund", *self.arguments, "--home", str(home.path)],
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            env=environment,
            pass_fds=(writing,),
        )
        os.close(writing)
        self.ready_handle = reading
        self.started_at = time.monotonic()

    def wait_ready(self, deadline: float, meanwhile: Callable[[], bool]) -> None:
        """Return once the process says that it is ready; raises BrokenSystem when it ends before.

        ``meanwhile`` is called again and again; it says whether to go on waiting.
        """
        readable: list[int] = []
        while not readable and meanwhile() and time.monotonic() < deadline:
            readable, _, _ = select.select([self.ready_handle], [], [], 0.2)
        word = os.read(self.ready_handle, 16) if readable else b""
        self._forget_handle()
        if word != b"ready" and _keeps_on(meanwhile):
            raise BrokenSystem(f"{self.name} does not start; its messages stand above.")

    def ask_to_stop(self) -> None:
        """Send SIGTERM if it runs."""
        if self.process and self.process.poll() is None:
            self.process.terminate()

    def end(self, deadline: float) -> None:
        """Wait for its end, by force after ``deadline``."""
        self._forget_handle()
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("%s does not stop and is killed", self.name)
            self.process.kill()
            self.process.wait()

    def _forget_handle(self) -> None:
        if self.ready_handle >= 0:
            os.close(self.ready_handle)
            self.ready_handle = -1


@dataclass(slots=True)
class Supervisor:
    """Runs the parts of one home until SIGTERM or SIGINT."""

    home: Home
    parts: list[Part]
    cluster: Cluster | None = None
    stopping: bool = field(default=False)

    def run(self, announce: Callable[[], None]) -> None:
        """Start everything, call ``announce`` once all is ready, then keep it running until asked to stop."""
        with leaving.stopping_by(self._ask_to_stop):
            try:
                for part in self.parts:
                    part.start(self.home)
                deadline = time.monotonic() + READY_WITHIN
                for part in self.parts:
                    if not self.stopping:
                        part.wait_ready(deadline, self._starting)
                if not self.stopping:
                    announce()
                while not self.stopping:
                    self._look_after()
                    time.sleep(0.1)
            finally:
                self._stop()

    def _ask_to_stop(self) -> None:
        self.stopping = True

    def _starting(self) -> bool:
        """Look after the database while the parts start; False once all of it is to stop."""
        if not self.stopping:
            self._look_after_cluster()
        return not self.stopping

    def _look_after_cluster(self) -> None:
        if self.cluster is not None and self.cluster.pid() is None:
            log.error("PostgreSQL died and is started again")
            self.cluster.start()

    def _look_after(self) -> None:
        self._look_after_cluster()
        for part in self.parts:
            if part.process is not None and part.process.poll() is not None:
                self._start_again(part)

    def _start_again(self, part: Part) -> None:
        now = time.monotonic()
        if part.restart_at is None:
            steady = now - part.started_at > _STEADY_AFTER
            part.pause = _FIRST_PAUSE if steady else min(part.pause * 2, _LONGEST_PAUSE)
            part.restart_at = now + part.pause
        elif now >= part.restart_at:
            log.error(
                "%s ended with %s and is started again", part.name, part.process and part.process.returncode
            )
            part.restart_at = None
            part.start(self.home)

    def _stop(self) -> None:
        """Doors first, so that nothing new comes in; workers then finish the job in hand."""
        deadline = time.monotonic() + STOP_WITHIN
        for wave in (
            [part for part in self.parts if not part.name.startswith("worker")],
            [part for part in self.parts if part.name.startswith("worker")],
        ):
            for part in wave:
                part.ask_to_stop()
            for part in wave:
                part.end(deadline)


def _keeps_on(wanted: Callable[[], bool]) -> bool:
    """False when all is asked to stop at this moment: a signal to the whole group reaches a part first."""
    deadline = time.monotonic() + _GROUP_WITHIN
    while wanted():
        if time.monotonic() >= deadline:
            return True
        time.sleep(0.05)
    return False


def free_port(host: str) -> int:
    """A port nobody listens on just now, below those the kernel gives to outgoing connections.

    A port of the kernel's own choice might be such a connection's before its process begins, or begins again.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in random.sample(_SERVING, 100):
        with socket.socket(family) as probe, suppress(OSError):
            probe.bind((host, port))
            return port
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def tell_ready() -> bool:
    """Tell the supervisor that this part takes work now; False when there is no supervisor."""
    handle = os.environ.pop(supervision.READY_VARIABLE, None)
    if handle is None:
        return False
    # A supervisor that is leaving does not listen any more; its SIGTERM is on its way.
    with suppress(BrokenPipeError):
        os.write(int(handle), b"ready")
    os.close(int(handle))
    return True


def wait_until_listening(host: str, port: int) -> None:
    """Return once somebody listens on ``host:port``."""
    while True:
        try:
            socket.create_connection((host, port), timeout=1.0).close()
        except OSError:
            time.sleep(0.05)
        else:
            return


def ready_line(ports: dict[str, tuple[str, int]], *, as_json: bool) -> str:
    """The one line `caisse fund serve` prints when it takes work."""
    if as_json:
        doors = {scheme: {"host": host, "port": port} for scheme, (host, port) in ports.items()}
        return json.dumps({"ready": True, "pid": os.getpid(), **doors})
    shown = " ".join(f"{scheme}://{host}:{port}" for scheme, (host, port) in ports.items())
    return f"ready: {shown} (pid {os.getpid()})"
