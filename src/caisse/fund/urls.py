"""Where the pages and the API of the fund are."""

from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = []
if find_spec("caisse.fund.exchange.doors.https"):
    urlpatterns.append(path("", include("caisse.fund.exchange.doors.https")))
