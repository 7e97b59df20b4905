"""A small project for the tests. Values that differ come from the environment."""

import os
import tempfile
from pathlib import Path

SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY", "for the tests")
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "testserver"]

SESSION_COOKIE_AGE = int(os.environ.get("SESSION_COOKIE_AGE", 1800))
SESSION_SAVE_EVERY_REQUEST = True

LAPSE_SITE = "acme"
LAPSE_COLLECTOR = os.environ.get("LAPSE_COLLECTOR", "http://127.0.0.1:9")
LAPSE_TOKEN = os.environ.get("LAPSE_TOKEN", "")
LAPSE_TICKET_SECRET = os.environ.get("LAPSE_TICKET_SECRET", "s" * 32)
LAPSE_QUEUE_DIR = os.environ.get("LAPSE_QUEUE_DIR")
LAPSE_SCRIPT = os.environ.get("LAPSE_SCRIPT", "1") == "1"
if idle_timeout := os.environ.get("LAPSE_IDLE_TIMEOUT_SECONDS"):
    LAPSE_IDLE_TIMEOUT_SECONDS = int(idle_timeout)
if heartbeat := os.environ.get("LAPSE_HEARTBEAT_SECONDS"):
    LAPSE_HEARTBEAT_SECONDS = float(heartbeat)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "lapse_django",
]

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "lapse_django.middleware.LapseMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "lapse_django.context_processors.lapse",
            ],
        },
    },
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get(
            "DATABASE_NAME", str(Path(tempfile.gettempdir()) / "lapse-django.sqlite")
        ),
        "OPTIONS": {"timeout": 20},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

ROOT_URLCONF = "tests.project.urls"
STATIC_URL = "/static/"
USE_TZ = True
