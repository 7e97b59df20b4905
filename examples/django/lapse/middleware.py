"""Finds lapsed sessions without a script in the page."""

import logging
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.signals import user_logged_out
from django.core import signing
from django.http import HttpRequest, HttpResponse

from lapse.collector import NotRecorded, record_end
from lapse.session import audited_session, now

COOKIE = "lapse_marker"
MAX_AGE_SECONDS = 30 * 24 * 3600
# A browser asks for these on pages without a session too.
NO_PAGES = (settings.STATIC_URL, "/favicon.ico")

logger = logging.getLogger(__name__)


class LapseMiddleware:
    """
    Keeps a marker in a signed cookie that outlives the session's: a request with the
    marker and without the session is the first one after a lapse.

    Its place is after the middleware of sessions, authentication and messages.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        user_logged_out.connect(report_logout)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(NO_PAGES):
            return self.get_response(request)
        marker = read_marker(request)
        if marker and has_lapsed(marker, request) and not is_recorded(marker, request):
            # The marker waits for the next request, whoever is signed in then.
            return self.get_response(request)
        response = self.get_response(request)
        if session := audited_session(request):
            # Django renews no session with a response that failed (3.2: with a 500).
            if response.status_code < 500:
                write_marker(response, {**session, "lastAccessAt": now()})
        elif marker:
            # Recorded, or the user has just signed out.
            response.delete_cookie(COOKIE, samesite="Lax")
        return response


def has_lapsed(marker: dict, request: HttpRequest) -> bool:
    session = audited_session(request)
    return session is None or session["session"] != marker["session"]


def report_logout(request: HttpRequest, **kwargs) -> None:
    """
    Receives user_logged_out, which comes while the session is still there. A session
    has one row: with this one, a copy of the marker that is sent later makes no other.
    """
    if session := audited_session(request):
        is_recorded({**session, "reason": "logout"}, request)


def is_recorded(end: dict, request: HttpRequest) -> bool:
    """
    Without a reason the collector judges by the times: idle for long enough, or ended
    early.
    """
    try:
        record_end(end, request)
    except NotRecorded as error:
        logger.warning("The end of a session is not recorded: %s", error)
        return False
    return True


def read_marker(request: HttpRequest) -> dict | None:
    cookie = request.COOKIES.get(COOKIE, "")
    try:
        # A copy outlives the cookie.
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
