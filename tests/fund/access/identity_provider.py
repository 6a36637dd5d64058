"""An OpenID Connect provider of its own, as a national eID scheme runs one: django-allauth's, in a process of its own.

    python -m tests.fund.access.identity_provider FOLDER PORT REDIRECT_ADDRESS

It knows one person and one client; it listens on loopback without TLS.
"""

import sys
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "caisse", "a secret both sides know"
PERSON, PASSWORD = "camille.exemple@example.org", "zwölf blaue Ziegel"


def _configure(folder: Path) -> None:
    from django.conf import settings

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    settings.configure(
        SECRET_KEY="only for tests", ROOT_URLCONF="tests.fund.access.identity_provider", ALLOWED_HOSTS=["localhost"], USE_TZ=True,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "idp.sqlite")}},
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
                        "django.contrib.messages", "allauth", "allauth.account", "allauth.idp.oidc"],
        MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware",
                    "django.middleware.csrf.CsrfViewMiddleware",
                    "django.contrib.auth.middleware.AuthenticationMiddleware",
                    "django.contrib.messages.middleware.MessageMiddleware",
                    "allauth.account.middleware.AccountMiddleware"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
                    "OPTIONS": {"context_processors": ["django.template.context_processors.request",
                                                       "django.contrib.auth.context_processors.auth",
                                                       "django.contrib.messages.context_processors.messages"]}}],
        AUTHENTICATION_BACKENDS=["allauth.account.auth_backends.AuthenticationBackend"],
        ACCOUNT_LOGIN_METHODS={"email"}, ACCOUNT_SIGNUP_FIELDS=["email*", "password1*"],
        MAILERS={"default": {"BACKEND": "django.core.mail.backends.dummy.EmailBackend"}},
        SESSION_COOKIE_NAME="idp-session", CSRF_COOKIE_NAME="idp-csrf", LOGIN_REDIRECT_URL="/accounts/login/",
        IDP_OIDC_PRIVATE_KEY=key.decode(),
    )  # fmt: skip


def _fill(redirect: str) -> None:
    from allauth.account.models import EmailAddress
    from allauth.idp.oidc.models import Client
    from django.contrib.auth.models import User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    user = User.objects.create_user("camille", PERSON, PASSWORD, first_name="Camille", last_name="Exemple")
    EmailAddress.objects.create(user=user, email=PERSON, verified=True, primary=True)
    client = Client(
        id=CLIENT, name="Caisse", scopes="openid\nprofile\nemail", redirect_uris=redirect, skip_consent=True
    )
    client.set_secret(SECRET)
    client.save()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


def _run(folder: Path, port: int, redirect: str) -> None:
    _configure(folder)
    import django
    from django.core.wsgi import get_wsgi_application
    from django.urls import include, path

    django.setup()
    urlpatterns.extend(
        [path("accounts/", include("allauth.account.urls")), path("", include("allauth.idp.urls"))]
    )
    _fill(redirect)
    with make_server("127.0.0.1", port, get_wsgi_application(), server_class=_Server) as server:
        print("ready", flush=True)
        server.serve_forever()


urlpatterns: list[object] = []

if __name__ == "__main__":
    # Django finds this module by its name for the addresses, too: there is to be one of it.
    sys.modules["tests.fund.access.identity_provider"] = sys.modules["__main__"]
    _run(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
