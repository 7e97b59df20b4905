"""Receives Django's signals of sign-ins and sign-outs."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest

from lapse_django.conf import get_configuration
from lapse_django.ends import remember_end, report_end
from lapse_django.failsafe import failsafe
from lapse_django.limits import has_passed
from lapse_django.request_state import EarlierSession, get_state, read_earlier_session
from lapse_django.session import create_record, now_ms


@failsafe
def handle_sign_in(
    sender: Any, request: HttpRequest | None = None, user: Any = None, **kwargs: Any
) -> None:
    """
    Receives user_logged_in. Starts a new record in the session.

    Django keeps the session if the same user signs in again. If another user was signed
    in, Django has emptied it by now, so the earlier session is known from the request.
    """
    session = getattr(request, "session", None)
    # An API that checks tokens may send the signal without a session.
    if request is None or session is None or SESSION_KEY not in session:
        return
    state = get_state(request)
    earlier = read_earlier_session(request) or state.earlier
    if earlier and earlier.record["session"] not in state.new_aliases:
        report_replaced_session(earlier)
    state.earlier = None
    record = create_record(request, user)
    state.new_aliases.add(record["session"])
    if earlier:
        invalidate_markers(earlier)


def report_replaced_session(earlier: EarlierSession) -> None:
    if earlier.was_revoked():
        # It had ended before, so this request is no use of it.
        report_end(earlier.record, earlier.limits, reason="revoked")
    else:
        report_end(
            earlier.record, earlier.limits, reason="displaced", lastAccessAt=now_ms()
        )


@failsafe
def handle_sign_out(
    sender: Any, request: HttpRequest | None = None, **kwargs: Any
) -> None:
    """Receives user_logged_out, which Django sends while the session still exists."""
    if request is None or not hasattr(request, "session"):
        return
    earlier = read_earlier_session(request)
    if earlier is None:
        return
    report_sign_out(earlier)
    get_state(request).earlier = None
    invalidate_markers(earlier)


def report_sign_out(earlier: EarlierSession) -> None:
    now, used_at = now_ms(), earlier.used_at
    own_limit = get_configuration().own_idle_timeout_seconds
    if own_limit and used_at and has_passed(used_at, now, own_limit):
        # The project's idle timer signs the user out.
        reason, last_access = "idle_timeout", used_at
    else:
        # Django has accepted the session, so it was in use until now.
        reason, last_access = "logout", now
    report_end(earlier.record, earlier.limits, reason=reason, lastAccessAt=last_access)


def invalidate_markers(earlier: EarlierSession) -> None:
    """A copy of the session's marker, sent later, must not show the user a message."""
    if not get_configuration().uses_script:
        remember_end(earlier.record["session"])
