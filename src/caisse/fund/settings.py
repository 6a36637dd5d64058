"""Django's settings of a fund; what differs between funds comes from its home (fund.toml, secrets/)."""

from logging import LogRecord
from pathlib import Path

from caisse.fund import embedded, secrets_folder
from caisse.fund.home import Home

HOME = Home.from_environment()
FUND = HOME.config()

SECRET_KEY = HOME.secret(secrets_folder.DJANGO_KEY).decode()
DEBUG = False
ALLOWED_HOSTS = [
    "*"
]  # the networks allowed in fund.toml stand before; pages never build links from the host name
ROOT_URLCONF = "caisse.fund.urls"
ASGI_APPLICATION = "caisse.fund.asgi.application"

_OWN_APPS = (
    "audit", "registry", "access", "exchange", "notices", "casework", "authorisations", "claims", "payments",
    "pages", "portal", "desk",
)  # fmt: skip
INSTALLED_APPS = [
    *(f"caisse.fund.{app}" for app in _OWN_APPS if (Path(__file__).parent / app / "apps.py").exists()),
    "procrastinate.contrib.django",
]
# Doors and commands enqueue by name; only a worker imports the tasks and what they need.
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = ""
PROCRASTINATE_IMPORT_PATHS = [
    f"caisse.fund.{app}.tasks" for app in _OWN_APPS if (Path(__file__).parent / app / "tasks.py").exists()
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]

DATABASES = {"default": embedded.django_database(HOME)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "access.User"

USE_TZ = True
TIME_ZONE = "Europe/Luxembourg"
USE_I18N = True
LANGUAGE_CODE = "fr"
LANGUAGES = [("fr", "Français"), ("de", "Deutsch"), ("en", "English")]

PASSWORD_HASHERS = [
    "caisse.fund.exchange.passwords.Scrypt",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]

MAILERS = {"default": {"BACKEND": "caisse.fund.notices.backend.OutboxBackend"}}

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "no-referrer"
SECURE_HSTS_SECONDS = 31_536_000
SECURE_CSP = {
    "default-src": ["'self'"],
    "frame-ancestors": ["'none'"],
    "base-uri": ["'none'"],
    "object-src": ["'none'"],
}

# Uploads are streamed into staging/; Django itself never takes a big body.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576


def _without_path(record: LogRecord) -> bool:
    """Keep what callers ask for out of the log: they may write a person's number into an address."""
    if isinstance(record.args, tuple):
        record.args = (*record.args[:1], *("…" for _ in record.args[1:]))
    return True


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"without_path": {"()": "django.utils.log.CallbackFilter", "callback": _without_path}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "caisse": {"level": "INFO"},
        # What a client asked wrongly is told to the client.
        "django.request": {"level": "ERROR", "filters": ["without_path"]},
    },
}
