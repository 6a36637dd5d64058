"""The web server in front of the pages."""

from granian import Granian
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.server import Server

from caisse.fund.home import Home

#: A caller whose header is not complete after so many milliseconds is cut off.
_HEADER_WITHIN = 15_000
#: Requests worked on at a time, each with a database connection of its own.
_AT_A_TIME = 8


def web_server(home: Home, host: str, port: int, *, log: bool = False) -> Server:
    """The server of the pages with the fund's certificate; ``serve()`` runs it until SIGTERM."""
    return Granian(
        "caisse.fund.pages_wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        blocking_threads=_AT_A_TIME,
        http=HTTPModes.auto,
        http1_settings=HTTP1Settings(header_read_timeout=_HEADER_WITHIN),
        websockets=False,
        log_access=False,
        log_enabled=log,
        ssl_cert=home.tls / "certificate.pem",
        ssl_key=home.tls / "key.pem",
        ssl_protocol_min=SSLProtocols.tls12,
        respawn_failed_workers=True,
        workers_kill_timeout=20,
    )
