"""Django's settings of a fund; what differs between funds comes from its home (fund.toml, secrets/).

CAISSE_DOOR says which process this is. `exchange` (the HTTPS and SFTP doors of the mailboxes) leaves out all
that pages need, so that it stays small and quick; `command` (commands and workers) leaves out what only a
browser's request needs; `pages` and all others load the whole fund.
"""

import os
from logging import LogRecord
from pathlib import Path

from django.utils.csp import CSP

from caisse.fund import embedded, secrets_folder
from caisse.fund.home import Home

HOME = Home.from_environment()
FUND = HOME.config()

SECRET_KEY = HOME.secret(secrets_folder.DJANGO_KEY).decode()
DEBUG = False
DOOR = os.environ.get("CAISSE_DOOR", "")
WHOLE = DOOR != "exchange"
# The networks allowed in fund.toml stand before the exchange, which never builds links from the host name.
ALLOWED_HOSTS = FUND.pages.host_names if WHOLE else ["*"]
ROOT_URLCONF = "caisse.fund.urls" if WHOLE else "caisse.fund.exchange.doors.https"
ASGI_APPLICATION = "caisse.fund.asgi.application"
WSGI_APPLICATION = "caisse.fund.pages_wsgi.application"

_EXCHANGE_APPS = ("audit", "registry", "exchange")
_ROOMS = (
    "portal", "desk", "pages", "audit", "registry", "access", "exchange", "notices", "casework",
    "authorisations", "claims", "payments",
)  # fmt: skip
_HERE = Path(__file__).parent
_OWN_APPS = [app for app in (_ROOMS if WHOLE else _EXCHANGE_APPS) if (_HERE / app / "apps.py").exists()]
_SIGN_IN_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
    "django.contrib.messages", "django.contrib.staticfiles", "django.contrib.humanize", "django.forms",
    "django_htmx",
    "allauth", "allauth.account", "allauth.mfa", "allauth.socialaccount",
    # It has no tables, and brings an HTTP client that commands and workers have no use for.
    *(["allauth.socialaccount.providers.openid_connect"] if DOOR != "command" else []),
]  # fmt: skip
INSTALLED_APPS = [
    *(f"caisse.fund.{app}" for app in _OWN_APPS),
    *(_SIGN_IN_APPS if WHOLE else ()),
    "procrastinate.contrib.django",
]
# Doors and commands enqueue by name; only a worker imports the tasks and what they need.
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = ""
PROCRASTINATE_IMPORT_PATHS = [
    f"caisse.fund.{app}.tasks" for app in _OWN_APPS if (_HERE / app / "tasks.py").exists()
]
_PAGE_MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "caisse.fund.pages.middleware.FurtherHeaders",
    "caisse.fund.pages.middleware.WholeAnswers",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    # Nothing before it reads a body, and what it refuses looks like every other answer.
    "caisse.fund.pages.middleware.Gatekeeper",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "caisse.fund.pages.middleware.OwnLanguage",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
_EXCHANGE_MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
]
MIDDLEWARE = _PAGE_MIDDLEWARE if WHOLE else _EXCHANGE_MIDDLEWARE
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "caisse.fund.pages.context.shell",
            ]
            if WHOLE
            else []
        },
    }
]
FORM_RENDERER = "caisse.fund.pages.forms.Renderer" if WHOLE else "django.forms.renderers.DjangoTemplates"

DATABASES = {"default": embedded.django_database(HOME)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if WHOLE:
    AUTH_USER_MODEL = "access.User"

USE_TZ = True
TIME_ZONE = "Europe/Luxembourg"
USE_I18N = True
LANGUAGE_CODE = "fr"
FORMAT_MODULE_PATH = "caisse.fund.pages.formats"
LANGUAGES = [("fr", "Français"), ("de", "Deutsch"), ("en", "English")]

PASSWORD_HASHERS = [
    "caisse.fund.exchange.passwords.Scrypt",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]

MAILERS = {"default": {"BACKEND": "caisse.fund.notices.backend.OutboxBackend"}}
DEFAULT_FROM_EMAIL = FUND.mail.sender

SECURE_CONTENT_TYPE_NOSNIFF = True
# A form sent under "no-referrer" names no origin, and Django could not tell it from a foreign one.
SECURE_REFERRER_POLICY = "same-origin" if WHOLE else "no-referrer"
SECURE_HSTS_SECONDS = 31_536_000
_EXCHANGE_CSP = {
    "default-src": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "object-src": [CSP.NONE],
}
_PAGES_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    # The QR code of an authenticator app is an image in the page.
    "img-src": [CSP.SELF, "data:"],
    "connect-src": [CSP.SELF],
    # A form that leads to the OpenID Connect provider is a form sent there, in a browser's eyes.
    "form-action": [CSP.SELF, *([FUND.open_id.origin] if FUND.open_id else ())],
    "frame-ancestors": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "object-src": [CSP.NONE],
}
SECURE_CSP = _PAGES_CSP if WHOLE else _EXCHANGE_CSP
X_FRAME_OPTIONS = "DENY"

SESSION_COOKIE_NAME = "__Host-session"
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_HTTPONLY = True
# Lax: the answer of an OpenID Connect provider comes from elsewhere and has to find the session.
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 8 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
CSRF_COOKIE_NAME = "__Host-csrf"
CSRF_COOKIE_SECURE = True
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "caisse.fund.pages.errors.csrf_failure"
LANGUAGE_COOKIE_NAME = "__Host-language"
LANGUAGE_COOKIE_SECURE = True
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_AGE = 365 * 86_400
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

STATIC_URL = "/static/"
STORAGES = {"staticfiles": {"BACKEND": "caisse.fund.pages.static_files.Named"}} if WHOLE else {}
# Counters of attempts; shared by all processes, and gone is no harm.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "access_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

# Uploads are streamed into staging/; Django itself never takes a big body.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_000
DATA_UPLOAD_MAX_NUMBER_FILES = 20
FILE_UPLOAD_MAX_MEMORY_SIZE = 262_144
FILE_UPLOAD_TEMP_DIR = str(HOME.staging)
FILE_UPLOAD_PERMISSIONS = 0o600


def _open_id_apps() -> list[dict[str, object]]:
    """The OpenID Connect provider of fund.toml as django-allauth wants it."""
    if not (WHOLE and FUND.open_id):
        return []
    return [
        {
            "provider_id": "oidc",
            "name": FUND.open_id.name,
            "client_id": FUND.open_id.client_id,
            "secret": HOME.secret(secrets_folder.OPEN_ID_SECRET).decode().strip(),
            "settings": {
                "server_url": FUND.open_id.server_url,
                "oauth_pkce_enabled": True,
                # Whoever signs in or confirms shows himself each time; an old session there proves nothing.
                "auth_params": {"prompt": "login"},
            },
        }
    ]


# Sign-in (django-allauth). What it needs to know of our users and mails is in caisse.fund.access.sign_in.
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "signed_in"
LOGOUT_REDIRECT_URL = "/"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
_VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": f"{_VALIDATION}.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "name")},
    },
    {"NAME": f"{_VALIDATION}.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": f"{_VALIDATION}.CommonPasswordValidator"},
    {"NAME": f"{_VALIDATION}.NumericPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = 86_400
ACCOUNT_ADAPTER = "caisse.fund.access.sign_in.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_SIGNUP_FORM_CLASS = "caisse.fund.access.forms.NameForm"
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = f"[{FUND.name}] "
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https"
# Per address of the caller, and per user *and* that address: whoever guesses locks himself out, not the user.
ACCOUNT_RATE_LIMITS = {
    "login_failed": "20/10m/ip,5/5m/key",
    # Of the portal: drafts opened, links to a case mailed again, newsletters asked for.
    "open_case": "30/h/ip,10/h/key",
    "case_link": "20/h/ip,3/h/key",
    "newsletter": "20/h/ip,5/h/key",
}
MFA_ADAPTER = "caisse.fund.access.sign_in.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = FUND.name
MFA_TOTP_TOLERANCE = 1
SOCIALACCOUNT_ADAPTER = "caisse.fund.access.sign_in.ProviderAdapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": _open_id_apps()}}


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
        # It would name the page, and with it a case or the secret of a link; the client is told.
        "django.security.csrf": {"level": "ERROR", "filters": ["without_path"]},
        # Whoever scans the internet asks for names that are not ours; the answer says so.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
    },
}
