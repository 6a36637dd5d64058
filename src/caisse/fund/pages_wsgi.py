"""The web server's door to the pages: `caisse.fund.pages_wsgi:application`."""

import os
import signal

from django.core.wsgi import get_wsgi_application

from caisse.fund.supervision import follow_parent

# The web server's own child loads this; when the server is killed, nobody else would tell it to go.
follow_parent(signal.SIGKILL)
os.environ["CAISSE_DOOR"] = "pages"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "caisse.fund.settings")
application = get_wsgi_application()
