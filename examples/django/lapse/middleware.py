"""Finds lapsed sessions without a script in the page."""

import logging
from collections.abc import Callable

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from lapse.collector import NotRecorded, record_lapse
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

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(NO_PAGES):
            return self.get_response(request)
        marker = read_marker(request)
        if marker and has_lapsed(marker, request) and not is_recorded(marker, request):
            # The marker waits for the next request, whoever is signed in then.
            return self.get_response(request)
        response = self.get_response(request)
        if session := audited_session(request):
            # Django renews no session with a response that failed.
            if response.status_code != 500:
                write_marker(response, {**session, "lastAccessAt": now()})
        elif marker:
            # Recorded, or the user has just signed out.
            response.delete_cookie(COOKIE, samesite="Lax")
        return response


def has_lapsed(marker: dict, request: HttpRequest) -> bool:
    session = audited_session(request)
    return session is None or session["session"] != marker["session"]


def is_recorded(marker: dict, request: HttpRequest) -> bool:
    """The collector judges by the times: idle for long enough, or ended early."""
    try:
        record_lapse(marker, request)
    except NotRecorded as error:
        logger.warning("A lapsed session is not recorded yet: %s", error)
        return False
    return True


def read_marker(request: HttpRequest) -> dict | None:
    try:
        return signing.loads(request.COOKIES.get(COOKIE, ""), salt=COOKIE)
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
