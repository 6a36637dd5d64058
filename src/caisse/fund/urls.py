"""Where the pages are: the portal for everybody, the desk for the staff. The exchange has its own door."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("caisse.fund.pages.urls")),
    path("desk/", include("caisse.fund.desk.urls")),
    path("", include("caisse.fund.portal.urls")),
]

handler400 = "caisse.fund.pages.errors.bad_request"
handler403 = "caisse.fund.pages.errors.forbidden"
handler404 = "caisse.fund.pages.errors.not_found"
handler500 = "caisse.fund.pages.errors.broken"
