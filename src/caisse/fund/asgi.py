"""The web server's door into the fund: `caisse.fund.asgi:application`."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "caisse.fund.settings")
_django = get_asgi_application()

from caisse.fund.exchange.doors.upload_door import UploadDoor  # noqa: E402 - models need Django set up first

application = UploadDoor(_django)
