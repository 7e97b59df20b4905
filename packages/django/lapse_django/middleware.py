"""Reports which sessions are in use, and those that have ended unexpectedly."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.sessions.backends import signed_cookies
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from lapse_django.conf import get_configuration
from lapse_django.ends import announce, report_activity, report_end
from lapse_django.failsafe import failsafe, logger
from lapse_django.limits import read_limits
from lapse_django.marker import delete_marker, read_marker, report_lapse, write_marker
from lapse_django.request_state import EarlierSession, get_state, read_earlier_session
from lapse_django.session import (
    DATA_KEY,
    SessionRecord,
    find_record,
    now_ms,
    write_used_at,
)

# Browsers request it on pages without a session too.
ICON = "/favicon.ico"
# How long a request takes in which somebody may have ended its session meanwhile.
LONG_REQUEST_SECONDS = 1.0


class LapseMiddleware(MiddlewareMixin):
    """
    Place it after the middleware of sessions, authentication and messages.

    If LAPSE_SCRIPT is False, it keeps a marker in a signed cookie that outlives the
    session's. A request with a marker but without its session shows that the session
    has ended.
    """

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        if not apps.is_installed("lapse_django"):
            message = 'Lapse does nothing: add "lapse_django" to INSTALLED_APPS.'
            logger.error(message)
            raise MiddlewareNotUsed(message)
        super().__init__(get_response)

    @failsafe
    def process_request(self, request: HttpRequest) -> None:
        if not get_configuration().can_report or not hasattr(request, "session"):
            return
        state = get_state(request)
        # Without the cookie, there is nothing to load from the session's store.
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            state.earlier = read_earlier_session(request)
        if get_configuration().uses_script or is_ignored(request.path):
            return
        marker = read_marker(request)
        if marker and not is_same_session(state.earlier, marker):
            report_lapse(marker, request)

    def process_response(
        self, request: HttpRequest, response: HttpResponse
    ) -> HttpResponse:
        observe_response(request, response)
        return response


@failsafe
def observe_response(request: HttpRequest, response: HttpResponse) -> None:
    if not get_configuration().can_report or not hasattr(request, "session"):
        return
    record = find_record(request) if may_have_session(request) else None
    if (earlier := get_state(request).earlier) and not is_same_session(earlier, record):
        report_disappearance(earlier, request)
    if record and will_be_saved(request, response):
        if was_ended_meanwhile(request):
            return
        report_activity(request.session, record)
        if get_configuration().own_idle_timeout_seconds:
            write_used_at(request, record)
    if not get_configuration().uses_script:
        update_marker(request, response, record)


def update_marker(
    request: HttpRequest, response: HttpResponse, record: SessionRecord | None
) -> None:
    if record is None:
        # The end is reported. On an ignored path, nothing was decided.
        has_marker = read_marker(request) is not None
        if has_marker and not is_ignored(request.path):
            delete_marker(response)
    elif will_be_saved(request, response):
        write_marker(response, record, read_limits(request.session, record))


def report_disappearance(earlier: EarlierSession, request: HttpRequest) -> None:
    """
    Reports a session with which the request arrived, but which is gone without a
    sign-out or a sign-in.
    """
    # If only the user is gone, the record must not be reported again.
    request.session.pop(DATA_KEY, None)
    if earlier.was_revoked():
        # By an earlier change of the user, so this request is no use of the session.
        report = report_end(earlier.record, earlier.limits, reason="revoked")
        announce(report, "revoked", request)
    else:
        # The project has emptied the session in this request.
        report = report_end(earlier.record, earlier.limits, lastAccessAt=now_ms())
        announce(report, "ended_early", request)


def may_have_session(request: HttpRequest) -> bool:
    """
    Whether somebody can be signed in. Otherwise, reading the session would make the
    response depend on the cookie, and public pages could not be cached.
    """
    has_cookie = settings.SESSION_COOKIE_NAME in request.COOKIES
    return has_cookie or request.session.modified


def will_be_saved(request: HttpRequest, response: HttpResponse) -> bool:
    """Whether Django will save the session, which extends it."""
    is_wanted = request.session.modified or settings.SESSION_SAVE_EVERY_REQUEST
    return bool(is_wanted) and response.status_code < 500


def was_ended_meanwhile(request: HttpRequest) -> bool:
    """
    Whether another request has ended the session during a long one, such as a poll. If
    so, Django does not save the session, and a report would make it live again.
    """
    seconds = monotonic() - get_state(request).started_at
    session = request.session
    # Nobody can end a session that is only in a cookie.
    if seconds < LONG_REQUEST_SECONDS or isinstance(
        session, signed_cookies.SessionStore
    ):
        return False
    return session.session_key is not None and not session.exists(session.session_key)


def is_same_session(earlier: EarlierSession | None, other: Any) -> bool:
    return bool(earlier and other and earlier.record["session"] == other["session"])


def is_ignored(path: str) -> bool:
    prefix = settings.STATIC_URL or "/"
    return path == ICON or (prefix != "/" and path.startswith(prefix))
