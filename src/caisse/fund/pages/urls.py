"""Where the pages are that belong to no room."""

from django.urls import include, path

from caisse.fund.pages import static_files, views

urlpatterns = [
    path("account/signed-in/", views.signed_in, name="signed_in"),
    path("account/confirm/", views.strong_sign_in, name="strong_sign_in"),
    path("account/oidc/oidc/login/", views.provider_login),
    path("account/", include("allauth.urls")),
    path("language/", views.set_language, name="set_language"),
    path("static/<str:mark>/<path:name>", static_files.serve, name="static_file"),
]
