"""Where the pages are: the portal for everybody, the desk for the staff. The exchange has its own door."""

from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path

from caisse.fund.pages import views

urlpatterns: list[URLPattern | URLResolver] = [path("", include("caisse.fund.pages.urls"))]
if find_spec("caisse.fund.desk"):
    urlpatterns.append(path("desk/", include("caisse.fund.desk.urls")))
if find_spec("caisse.fund.portal"):
    urlpatterns.append(path("", include("caisse.fund.portal.urls")))
else:
    urlpatterns.append(path("", views.front, name="front"))

handler400 = "caisse.fund.pages.errors.bad_request"
handler403 = "caisse.fund.pages.errors.forbidden"
handler404 = "caisse.fund.pages.errors.not_found"
handler500 = "caisse.fund.pages.errors.broken"
