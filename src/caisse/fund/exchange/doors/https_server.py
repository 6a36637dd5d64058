"""The web server in front of the HTTPS door."""

from granian import Granian
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.server import Server

from caisse.fund.home import Home

#: Bytes of a body the server collects before it hands them on; fewer cost big uploads a tenth of their time.
_PIECE = 1 << 20
#: A caller whose header is not complete after so many milliseconds is cut off.
_HEADER_WITHIN = 15_000


def web_server(home: Home, host: str, port: int, *, log: bool = False) -> Server:
    """The fund's web server with the fund's certificate; ``serve()`` runs it until SIGTERM."""
    return Granian(
        "caisse.fund.asgi:application",
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        # Uploads over HTTP/2 were measured four times slower (granian 2.8).
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(max_buffer_size=_PIECE, header_read_timeout=_HEADER_WITHIN),
        websockets=False,
        log_access=False,
        log_enabled=log,
        ssl_cert=home.tls / "certificate.pem",
        ssl_key=home.tls / "key.pem",
        ssl_protocol_min=SSLProtocols.tls12,
        respawn_failed_workers=True,
        workers_kill_timeout=20,
    )
