"""Checks of the project's other settings, as far as Lapse relies on them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.utils.module_loading import import_string

from lapse_django.conf import get_configuration

MIDDLEWARE = "lapse_django.middleware.LapseMiddleware"
# Lapse needs these before it, in the order of requests.
REQUIRED_MIDDLEWARE = {
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
}
# Its receivers of session_lapsed may use this.
OPTIONAL_MIDDLEWARE = {"django.contrib.messages.middleware.MessageMiddleware"}

REQUEST_PROCESSOR = "django.template.context_processors.request"
PROCESSOR = "lapse_django.context_processors.lapse"

CACHE_ENGINE = "django.contrib.sessions.backends.cache"
COOKIE_ENGINE = "django.contrib.sessions.backends.signed_cookies"


def check_middleware() -> Iterator[CheckMessage]:
    names = list(settings.MIDDLEWARE)
    if MIDDLEWARE not in names:
        yield Warning(
            "LapseMiddleware is not in MIDDLEWARE: no activity is reported, and "
            "sessions that disappear are not noticed.",
            hint=f'Add "{MIDDLEWARE}" at the end of MIDDLEWARE.',
            id="lapse.W005",
        )
        return
    before = list(map(find_origin, names[: names.index(MIDDLEWARE)]))
    after = list(map(find_origin, names[names.index(MIDDLEWARE) + 1 :]))
    missing = sorted(name for name in REQUIRED_MIDDLEWARE if not is_among(name, before))
    late = sorted(name for name in OPTIONAL_MIDDLEWARE if is_among(name, after))
    if wrong := missing + late:
        yield Error(
            f"LapseMiddleware needs this before it: {', '.join(wrong)}.",
            hint="Move LapseMiddleware to the end of MIDDLEWARE.",
            id="lapse.E012",
        )


def find_origin(name: str) -> list[str]:
    """Returns the names of a middleware's class and of its base classes."""
    try:
        middleware = import_string(name)
    except ImportError:  # Django reports it.
        return [name]
    classes = getattr(middleware, "__mro__", ())
    return [name, *(f"{each.__module__}.{each.__qualname__}" for each in classes)]


def is_among(name: str, origins: list[list[str]]) -> bool:
    return any(name in each for each in origins)


def check_sessions() -> Iterator[CheckMessage]:
    if not settings.SESSION_SAVE_EVERY_REQUEST:
        yield Warning(
            "SESSION_SAVE_EVERY_REQUEST is False: only requests that change the "
            "session's data extend it, so sessions end although they are in use.",
            hint="Set it to True, so that SESSION_COOKIE_AGE is an idle timeout.",
            id="lapse.W006",
        )
    engine = settings.SESSION_ENGINE
    if engine == COOKIE_ENGINE:
        yield Warning(
            "SESSION_ENGINE keeps sessions in cookies: a copy of the cookie stays "
            "valid after a sign-out, and reportlapses has nothing to read.",
            hint='Use "django.contrib.sessions.backends.db" or "…cached_db".',
            id="lapse.W007",
        )
    elif engine == CACHE_ENGINE or not has_table(engine):
        yield Warning(
            f"SESSION_ENGINE {engine} has no table of sessions, so reportlapses has "
            "nothing to read. Sessions that a cache drops seem to time out.",
            hint='Use "django.contrib.sessions.backends.db" or "…cached_db", or do '
            "without reportlapses: the collector records timeouts too.",
            id="lapse.W008",
        )


def has_table(engine: str) -> bool:
    try:
        return hasattr(import_module(engine).SessionStore, "get_model_class")
    except (ImportError, AttributeError):  # Django reports it.
        return True


def check_templates() -> Iterator[CheckMessage]:
    if not get_configuration().uses_script:
        return
    processors = [
        processor
        for engine in settings.TEMPLATES
        for processor in engine.get("OPTIONS", {}).get("context_processors", [])
    ]
    if REQUEST_PROCESSOR not in processors and PROCESSOR not in processors:
        yield Warning(
            "No template can contain the script tag.",
            hint=f'Add "{REQUEST_PROCESSOR}" to the context processors for '
            f'{{% lapse_tag %}}, or "{PROCESSOR}" for {{{{ lapse.tag }}}}. If your '
            "pages have no script, set LAPSE_SCRIPT to False.",
            id="lapse.W009",
        )
