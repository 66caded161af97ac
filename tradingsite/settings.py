"""The settings: typed reads of the environment and `.env`, with safe defaults.

`.env.example` explains every name. A value of the wrong type is one sentence when the software
starts (`core/environment.py`); what else is wrong with a value, a system check says.
"""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.urls import reverse_lazy

from tradingsite.core.database import PARTS, BadDatabaseUrl, PoolSize, parse_database_url, url_from_parts
from tradingsite.core.environment import load_environment

BASE_DIR = Path(__file__).resolve().parent.parent

env = load_environment(BASE_DIR / ".env")


def anchored(text: str) -> str:
    """A folder or file: relative ones are anchored at the project's root, URLs stay."""
    return text if not text or "://" in text else str(BASE_DIR / text)


# Secrets. Each has a job of its own, so that one can be changed without the others.
SECRET_KEY = env.text("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
JWT_SIGNING_KEY = env.text("JWT_SIGNING_KEY")
API_KEY_PEPPERS = env.text("API_KEY_PEPPERS")
AUDIT_SEAL_KEY = env.text("AUDIT_SEAL_KEY")

# The site
DEBUG = env.flag("DEBUG")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
CORS_ALLOWED_ORIGINS = env.words("CORS_ALLOWED_ORIGINS")
PUBLIC_URL = env.text("PUBLIC_URL", default="http://localhost:8000").rstrip("/")
TRUSTED_PROXIES = env.words("TRUSTED_PROXIES")
REGISTRATION = env.text("REGISTRATION", default="closed").lower()
# What a new user finds: a paper portfolio with this much cash (0: none), and a watchlist.
STARTING_CASH = env.money("STARTING_CASH", default="10000")
STARTING_CURRENCY = env.text("STARTING_CURRENCY", default="USD").upper()
DEFAULT_WATCHLIST = [
    word.upper() for word in env.words("DEFAULT_WATCHLIST", default=["AAPL", "MSFT", "NVDA", "AMZN", "JPM"])
]
TOTP_REQUIRED = env.text("TOTP_REQUIRED", default="nobody").lower()
FOUR_EYES = env.flag("FOUR_EYES")
CELERY_BROKER_URL = env.text("CELERY_BROKER_URL")

# Folders
ARCHIVE_ROOT = anchored(env.text("ARCHIVE_ROOT", default="data/archive"))
# For how long the day files of a compacted month are left to readers that found them on the manifest before.
ARCHIVE_GRACE_MINUTES = env.number("ARCHIVE_GRACE_MINUTES", default=60, minimum=1, maximum=7 * 24 * 60)
BACKUP_ROOT = anchored(env.text("BACKUP_ROOT", default="data/backups"))
BACKTEST_ROOT = anchored(env.text("BACKTEST_ROOT", default="data/backtests"))
CSV_MIRROR = anchored(env.text("CSV_MIRROR"))

# Databases
DATABASE_POOL = PoolSize(
    size=env.number("DB_POOL_SIZE", default=4, minimum=1, maximum=500),
    overflow=env.number("DB_MAX_OVERFLOW", default=6, minimum=0, maximum=500),
)
MARKETDATA_DATABASE_URL = env.text("MARKETDATA_DATABASE_URL")
SQL_ECHO = env.flag("SQL_ECHO")

_parts = {name: env.text(name) for name in PARTS}
try:
    DATABASES = {
        "default": parse_database_url(
            env.text("DATABASE_URL") or url_from_parts(_parts),
            root=BASE_DIR,
            pool=DATABASE_POOL,
        )
    }
except BadDatabaseUrl as error:
    # Django can't start without a database, so this can't wait for the system checks.
    raise ImproperlyConfigured(f"The database setting can't be used: {error}.") from None

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": env.cache("CACHE_URL", default="locmemcache://")}
if CACHES["default"]["BACKEND"].endswith("LocMemCache"):
    # Django's 300 would throw away the counts of who asks too often.
    CACHES["default"].setdefault("OPTIONS", {}).setdefault("MAX_ENTRIES", 50_000)

# Apps and the way a request takes
INSTALLED_APPS = [
    "tradingsite.apps.SiteConfig",
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.import_export",
    "tradingsite.apps.DeskAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "import_export",
    "tradingsite.core",
    "systemevents",
    "accounts",
    "marketdata",
    "portfolio",
    "trading",
    "tradingsite.ops",
]
MIDDLEWARE = [
    "tradingsite.core.middleware.RequestContextMiddleware",
    # Outside of all that can refuse, so that refusals have the headers too.
    "tradingsite.core.middleware.SecurityHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "tradingsite.core.middleware.CrossOriginMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tradingsite.core.middleware.ProblemMiddleware",
    "tradingsite.core.middleware.CleanInputMiddleware",
    "tradingsite.core.middleware.TrailingSlashMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "accounts.middleware.UserSettingsMiddleware",
]
ROOT_URLCONF = "tradingsite.urls"
WSGI_APPLICATION = "tradingsite.wsgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "tradingsite" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Who is who
AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
# How many log-ins may fail in a row under one name from one address, and for how long it is locked out then.
LOGIN_ATTEMPTS = env.number("LOGIN_ATTEMPTS", default=5, minimum=1, maximum=1000)
LOGIN_LOCKOUT_MINUTES = env.number("LOGIN_LOCKOUT_MINUTES", default=15, minimum=1, maximum=7 * 24 * 60)
# For how long the tokens of a log-in over the API are good.
ACCESS_TOKEN_MINUTES = env.number("ACCESS_TOKEN_MINUTES", default=5, minimum=1, maximum=60)
REFRESH_TOKEN_DAYS = env.number("REFRESH_TOKEN_DAYS", default=7, minimum=1, maximum=90)
LOGIN_URL = reverse_lazy("admin:login")
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")

# Cookies are Secure exactly when people come by https, so that a plain local start can log in.
_HTTPS = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = _HTTPS
CSRF_COOKIE_SECURE = _HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if _HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _HTTPS
SECURE_HSTS_PRELOAD = _HTTPS
# Middleware takes the header away from everybody but a trusted proxy.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# HTTPS itself is the proxy's work; PUBLIC_URL says whether it is there (core.W004 warns without).
SILENCED_SYSTEM_CHECKS = ["security.W008"] if _HTTPS else []

# Language, time, files
LANGUAGE_CODE = "en-us"
USE_I18N = False
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = ["tradingsite.formats"]
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
# The largest body of any kind, a form with its files too.
UPLOAD_MAX_SIZE = 64 * 1024 * 1024
# The largest body of bars or ticks, unpacked; it is kept in a file while it is read.
BARS_MAX_BODY = env.number("BARS_MAX_BODY", default=1 << 30, minimum=1, maximum=1 << 38)
# By how many percent a daily price may jump without a corporate action before the instrument is quarantined.
JUMP_LIMIT = env.number("JUMP_LIMIT", default=40, minimum=0, maximum=1000)
FILE_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

# The API
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.WebTokenAuthentication",
        "accounts.api.authentication.ApiKeyAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["tradingsite.core.api.permissions.RolePermission"],
    "DEFAULT_PARSER_CLASSES": ["tradingsite.core.api.decoder.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["drf_orjson_renderer.renderers.ORJSONRenderer"],
    "DEFAULT_FILTER_BACKENDS": ["tradingsite.core.api.filters.StrictFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "tradingsite.core.api.pagination.KeysetPagination",
    "DEFAULT_SCHEMA_CLASS": "tradingsite.core.api.schema.DeskAutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["tradingsite.core.api.throttling.RequestThrottle"],
    "EXCEPTION_HANDLER": "tradingsite.core.api.problems.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "COERCE_DECIMAL_TO_STRING": True,
}
# How often the API may be asked by one key, by one user with all their keys, by an address without either.
THROTTLE_KEY = env.rate("THROTTLE_KEY", default="600/min")
THROTTLE_USER = env.rate("THROTTLE_USER", default="1200/min")
THROTTLE_ANON = env.rate("THROTTLE_ANON", default="60/min")
API_PAGE_SIZE = 100
API_MAX_PAGE_SIZE = 1000
SPECTACULAR_SETTINGS = {
    "TITLE": "Trading desk",
    "DESCRIPTION": "Market data, signals, portfolios and every decision about them.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    # Two lists of choices under one field name: say what each is called.
    "ENUM_NAME_OVERRIDES": {
        "Timeframe": "tradingsite.core.timeframes.Timeframe",
        "IntradayTimeframe": "marketdata.models.bar.INTRADAY_CHOICES",
        "ActionKind": "marketdata.models.corporate_action.ActionKind",
        "PortfolioKind": "portfolio.models.portfolio.PortfolioKind",
    },
    "AUTHENTICATION_WHITELIST": [
        "accounts.api.authentication.WebTokenAuthentication",
        "accounts.api.authentication.ApiKeyAuthentication",
    ],
}

# Mail
globals().update(env.mail("EMAIL_URL"))
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM", default="Trading desk <noreply@localhost>")
EMAIL_TIMEOUT = 20
EMAIL_SUBJECT_PREFIX = ""
# How long the link to a new password is good, in seconds.
PASSWORD_RESET_TIMEOUT = 3600

# Pages of other origins may call the API, with a key and never with a cookie.
CORS_ALLOW_METHODS = ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"]
CORS_ALLOW_HEADERS = [
    *("accept", "authorization", "content-type", "idempotency-key", "if-match", "if-none-match"),
    *("x-api-key", "x-request-id"),
]
CORS_EXPOSE_HEADERS = [
    *(
        "Bars-Complete",
        "ETag",
        "Idempotent-Replayed",
        "Next-Cursor",
        "Next-Page-Token",
        "RateLimit",
        "RateLimit-Policy",
    ),
    *("Retry-After", "X-Request-ID"),
]

# Logs: one line an event on standard error; SQL only when asked for.
LOG_FORMAT = env.text("LOG_FORMAT", default="line").lower()
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"context": {"()": "tradingsite.core.logging.ContextFilter"}},
    "formatters": {
        "line": {"()": "tradingsite.core.logging.LineFormatter"},
        "json": {"()": "tradingsite.core.logging.JsonFormatter"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "stream": sys.stderr,
            "formatter": "json" if LOG_FORMAT == "json" else "line",
            "filters": ["context"],
        }
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "django.db.backends": {
            "handlers": ["stderr"],
            "level": "DEBUG" if SQL_ECHO else "WARNING",
            "propagate": False,
        },
        # What was refused stands in the line of the access log.
        "django.request": {"level": "ERROR"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "django.server": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
        # The pool warns of each connection that it makes anew; what fails, we say ourselves.
        "psycopg": {"level": "ERROR"},
    },
}

# The admin's theme
UNFOLD = {
    "SITE_TITLE": "Trading desk",
    "SITE_HEADER": "Trading desk",
    "SITE_SUBHEADER": "System of record",
    "SITE_SYMBOL": "candlestick_chart",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _: static("core/icon.svg")},
    ],
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "BORDER_RADIUS": "6px",
    "THEME": "accounts.admin.my_settings.theme_of",
    "SCRIPTS": [lambda _: static("core/theme.js")],
    "STYLES": [lambda _: static("core/admin.css")],
    "DASHBOARD_CALLBACK": "tradingsite.ops.admin_home.dashboard",
    "COLORS": {
        # Unfold's own is violet; a desk reads green and red as profit and loss, so blue it is.
        "primary": {
            "50": "oklch(97% .014 254.604)",
            "100": "oklch(93.2% .032 255.585)",
            "200": "oklch(88.2% .059 254.128)",
            "300": "oklch(80.9% .105 251.813)",
            "400": "oklch(70.7% .165 254.624)",
            "500": "oklch(62.3% .214 259.815)",
            "600": "oklch(54.6% .245 262.881)",
            "700": "oklch(48.8% .243 264.376)",
            "800": "oklch(42.4% .199 265.638)",
            "900": "oklch(37.9% .146 265.522)",
            "950": "oklch(28.2% .091 267.935)",
        },
    },
    "SIDEBAR": {
        "show_search": True,
        "show_all_applications": False,
        "navigation": "tradingsite.admin_site.navigation",
    },
    "COMMAND": {"search_models": False},
    # Named here, both are in the menu of whoever is logged in.
    "ACCOUNT": {
        "navigation": [
            {"title": "My settings", "link": reverse_lazy("admin:my_settings")},
            {"title": "Change password", "link": reverse_lazy("admin:password_change")},
            {"title": "Second factor", "link": reverse_lazy("admin:second_factor")},
        ]
    },
}
