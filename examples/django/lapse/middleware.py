"""Detects ended sessions without a script in the page."""

import logging
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.signals import user_logged_out
from django.core import signing
from django.http import HttpRequest, HttpResponse

from lapse.collector import NotRecordedError, report_end
from lapse.session import get_audited_session, now_ms

COOKIE = "lapse_marker"
MAX_AGE_SECONDS = 30 * 24 * 3600
# Browsers request these on pages without a session too.
IGNORED_PATHS = (settings.STATIC_URL, "/favicon.ico")

logger = logging.getLogger(__name__)


class LapseMiddleware:
    """
    Keeps a marker in a signed cookie that outlives the session cookie. A request with a
    marker but without its session shows that the session has ended.

    Place it after the middleware of sessions, authentication and messages.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        user_logged_out.connect(report_logout)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(IGNORED_PATHS):
            return self.get_response(request)
        marker = read_marker(request)
        if marker and has_ended(marker, request) and not try_report(marker, request):
            # Keep the marker: the next request tries again, whoever is signed in then.
            return self.get_response(request)
        response = self.get_response(request)
        if session := get_audited_session(request):
            # Django does not renew the session if the response has failed.
            if response.status_code < 500:
                write_marker(response, {**session, "lastAccessAt": now_ms()})
        elif marker:
            # The end is recorded, or the user has just signed out.
            response.delete_cookie(COOKIE, samesite="Lax")
        return response


def has_ended(marker: dict, request: HttpRequest) -> bool:
    session = get_audited_session(request)
    return session is None or session["session"] != marker["session"]


def report_logout(request: HttpRequest, **kwargs) -> None:
    """
    Receives user_logged_out, which Django sends while the session still exists.

    A session has one row. Once the logout has written it, a copy of the marker that is
    sent later cannot write another.
    """
    if session := get_audited_session(request):
        try_report({**session, "reason": "logout"}, request)


def try_report(report: dict, request: HttpRequest) -> bool:
    """
    Returns whether the report is recorded.

    If it has no reason, the collector decides from the times whether the session timed
    out or ended early.
    """
    try:
        report_end(report, request)
    except NotRecordedError as error:
        logger.warning("The end of a session was not recorded: %s", error)
        return False
    return True


def read_marker(request: HttpRequest) -> dict | None:
    cookie = request.COOKIES.get(COOKIE, "")
    try:
        # A copy of the cookie can be older than the browser would keep it.
        return signing.loads(cookie, salt=COOKIE, max_age=MAX_AGE_SECONDS)
    except signing.BadSignature:
        return None


def write_marker(response: HttpResponse, marker: dict) -> None:
    response.set_cookie(
        COOKIE,
        signing.dumps(marker, salt=COOKIE),
        max_age=MAX_AGE_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
