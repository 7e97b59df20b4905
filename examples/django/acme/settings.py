"""Settings. Secrets and values that differ between hosts come from the environment."""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent


def read_required(name: str) -> str:
    if value := os.environ.get(name):
        return value
    raise ImproperlyConfigured(f"Set {name} in the environment. See README.md.")


# Allows plain http and shows error details. For a developer's machine only.
DEBUG = os.environ.get("DJANGO_DEBUG") == "1"
SECRET_KEY = read_required("DJANGO_SECRET_KEY")
ALLOWED_HOSTS = os.environ.get("DJANGO_ALLOWED_HOSTS", "127.0.0.1").split(",")

# Sessions end after this many seconds without a request. They use the default
# engine: a row in django_session, with its key in an HttpOnly cookie.
SESSION_COOKIE_AGE = int(os.environ.get("SESSION_COOKIE_AGE", 1800))

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "person",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "acme.security.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
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

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.mysql",
        "NAME": os.environ.get("DATABASE_NAME", "person"),
        "USER": os.environ.get("DATABASE_USER", "person"),
        "PASSWORD": os.environ.get("DATABASE_PASSWORD", ""),
        "HOST": os.environ.get("DATABASE_HOST", "127.0.0.1"),
        "PORT": os.environ.get("DATABASE_PORT", "3306"),
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

ROOT_URLCONF = "acme.urls"
WSGI_APPLICATION = "acme.wsgi.application"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
SECURE_SSL_REDIRECT = not DEBUG
SECURE_HSTS_SECONDS = 0 if DEBUG else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not DEBUG
SECURE_REFERRER_POLICY = "same-origin"

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "static"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

INSTALLED_APPS += ["lapse_django"]
MIDDLEWARE += ["lapse_django.middleware.LapseMiddleware"]
SESSION_SAVE_EVERY_REQUEST = True

LAPSE_SITE = "acme"
LAPSE_COLLECTOR = os.environ["LAPSE_COLLECTOR"]
LAPSE_TOKEN = os.environ["LAPSE_TOKEN"]
LAPSE_TICKET_SECRET = os.environ["LAPSE_TICKET_SECRET"]

# The rest is optional. If LAPSE_SCRIPT is false, pages have no script tag, and the
# middleware finds the sessions that have ended.
LAPSE_SCRIPT = os.environ.get("LAPSE_SCRIPT", "1") == "1"
LAPSE_QUEUE_DIR = os.environ.get("LAPSE_QUEUE_DIR")
if heartbeat := os.environ.get("LAPSE_HEARTBEAT_SECONDS"):
    LAPSE_HEARTBEAT_SECONDS = float(heartbeat)
