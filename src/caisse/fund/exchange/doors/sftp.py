"""The SFTP door, a process of its own."""

import asyncio
import os
from collections.abc import Callable

import django
import uvloop

from caisse.fund import home as fund_home


def run(home: fund_home.Home, host: str, port: int, *, on_ready: Callable[[int], None] | None = None) -> None:
    """Serve SFTP on ``host`` and ``port`` (0 for any free one) until SIGTERM or SIGINT.

    ``on_ready`` is told the port once the door is open. Nothing is printed; what is logged names no person.
    """
    os.environ[fund_home.VARIABLE] = str(home.path)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "caisse.fund.settings")
    django.setup()
    # The models can only be imported once Django knows the home.
    from caisse.fund.exchange.doors.sftp_server import SftpDoor  # noqa: PLC0415

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(SftpDoor(home).serve(host, port, on_ready))
