"""The web server's door to the exchange: `caisse.fund.asgi:application`. Pages have a door of their own."""

import os
import signal

from django.core.asgi import get_asgi_application

from caisse.fund.supervision import follow_parent

# The web server's own child loads this; when the server is killed, nobody else would tell it to go.
follow_parent(signal.SIGKILL)
os.environ["CAISSE_DOOR"] = "exchange"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "caisse.fund.settings")
_django = get_asgi_application()

from caisse.fund.exchange.doors.upload_door import UploadDoor  # noqa: E402 - models need Django set up first

application = UploadDoor(_django)
