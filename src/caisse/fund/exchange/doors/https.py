"""Where the HTTPS door's pages and operations are."""

from django.urls import path

from caisse.fund.exchange.doors.api import api
from caisse.fund.exchange.doors.docs import asset

urlpatterns = [
    path("api/docs/assets/<str:name>", asset, name="exchange-docs-asset"),
    path("api/", api.urls),
]
