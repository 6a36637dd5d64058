"""The web server's door into the fund: `caisse.fund.asgi:application`."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "caisse.fund.settings")
application = get_asgi_application()
