"""The limits of one session: set_expiry() can give each its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.sessions.backends.base import SessionBase

from lapse_django.conf import MAX_TIMEOUT_SECONDS, get_configuration
from lapse_django.session import SessionRecord

# The name under which Django keeps the argument of set_expiry() in the session's data.
EXPIRY_KEY = "_session_expiry"
# How much earlier than its limit a session may end and still count as timed out. The
# collector's default is the smaller of this and a tenth of the limit.
MAX_GRACE_SECONDS = 10


@dataclass(frozen=True)
class Limits:
    idle_seconds: int
    absolute_seconds: int | None = None


def has_passed(since: int, at: int, limit_seconds: int) -> bool:
    """
    Returns whether a limit had passed at a time, as the collector decides it. Times are
    epoch milliseconds.
    """
    grace_seconds = min(MAX_GRACE_SECONDS, limit_seconds / 10)
    return at - since >= (limit_seconds - grace_seconds) * 1000


def read_limits(session: SessionBase, record: SessionRecord) -> Limits:
    """
    Returns the limits of a session.

    With set_expiry(SECONDS), each save extends the session by so much: an idle timeout.
    With a date or a timedelta, nothing extends it: an absolute timeout. 0 ends it when
    the browser is closed, and on the server like any other session.
    """
    own = get_configuration().own_idle_timeout_seconds
    expiry = session.get(EXPIRY_KEY)
    if ends_at := read_date(expiry):
        seconds = ends_at.timestamp() - record["startedAt"] / 1000
        absolute = max(1, min(round(seconds), MAX_TIMEOUT_SECONDS))
        # Without its own idle timeout, the absolute timeout must come first.
        return Limits(own or min(2 * absolute, MAX_TIMEOUT_SECONDS), absolute)
    idle = min(read_idle_seconds(session), MAX_TIMEOUT_SECONDS)
    return Limits(min(own, idle) if own else idle)


def read_idle_seconds(session: SessionBase) -> int:
    """Returns how long each save extends a session that has no fixed date."""
    expiry = session.get(EXPIRY_KEY)
    seconds = expiry if isinstance(expiry, int) and expiry > 0 else None
    return seconds or session.get_session_cookie_age()


def read_date(expiry: Any) -> datetime | None:
    """Reads a fixed date of expiry, which newer versions of Django store as text."""
    if isinstance(expiry, str):
        try:
            expiry = datetime.fromisoformat(expiry)
        except ValueError:
            return None
    return expiry if isinstance(expiry, datetime) else None
