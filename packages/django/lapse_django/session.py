"""The record of a session: what Lapse keeps in the session's data."""

from __future__ import annotations

from collections.abc import Mapping
from time import time
from typing import Any, TypedDict
from uuid import uuid4

from django.contrib.auth import SESSION_KEY, get_user
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

DATA_KEY = "lapse"
# In the record too, if the project has an idle timer: when the session was last used.
USED_AT = "usedAt"


class SessionRecord(TypedDict):
    """With the field names of the collector's reports."""

    session: str
    """The alias: a random id that stays when Django changes the session's key."""
    subject: str
    startedAt: int


def now_ms() -> int:
    """Returns the current time in epoch milliseconds."""
    return int(time() * 1000)


def read_record(data: Mapping[str, Any]) -> SessionRecord | None:
    """Returns the record in a session's data; None if the data has no valid record."""
    record = data.get(DATA_KEY)
    if not isinstance(record, dict):
        return None
    session, subject = record.get("session"), record.get("subject")
    started_at = record.get("startedAt")
    if not isinstance(session, str) or not isinstance(subject, str):
        return None
    if not isinstance(started_at, int):
        return None
    return {"session": session, "subject": subject, "startedAt": started_at}


def create_record(
    request: HttpRequest, user: Any, alias: str | None = None
) -> SessionRecord:
    """Starts a new record in the session. Without an alias, chooses a random one."""
    record: SessionRecord = {
        "session": alias or uuid4().hex,
        "subject": str(user.pk),
        "startedAt": now_ms(),
    }
    request.session[DATA_KEY] = record
    return record


def read_used_at(data: Mapping[str, Any]) -> int | None:
    """Returns when the session was last used, if the session's data says so."""
    record = data.get(DATA_KEY)
    used_at = record.get(USED_AT) if isinstance(record, dict) else None
    return used_at if isinstance(used_at, int) else None


def write_used_at(request: HttpRequest, record: SessionRecord) -> None:
    """Writes into the session that it is used now."""
    request.session[DATA_KEY] = {**record, USED_AT: now_ms()}


def find_record(request: HttpRequest) -> SessionRecord | None:
    """
    Returns the record of the session in which the user is signed in, or None if nobody
    is. Creates it for a session that is older than Lapse in this project.
    """
    user = find_session_user(request)
    if user is None:
        return None
    return read_record(request.session) or create_record(
        request, user, derive_alias(request.session.session_key)
    )


def derive_alias(session_key: str | None) -> str | None:
    """
    Returns an alias for a session without one. Only the project can find the key.

    It is always the same. With random ones, requests at the same time would each start
    a record, and all but the last to be saved would seem to time out.
    """
    if session_key is None:
        return None
    return salted_hmac("lapse_django.session", session_key).hexdigest()[:32]


def find_session_user(request: HttpRequest) -> Any:
    """
    Returns the user who is signed in with the request's session.

    This is not always request.user: an API's token or an impersonation can set another
    one, who has no session here.
    """
    user = getattr(request, "user", None)
    session = getattr(request, "session", None)
    if user is None or session is None:
        return None
    # Evaluate the user first: if the password was changed, Django empties the session.
    is_signed_in = user.is_authenticated
    user_id = session.get(SESSION_KEY)
    if user_id is None:
        return None
    if is_signed_in and user._meta.pk.value_to_string(user) == user_id:
        return user
    session_user = get_user(request)
    return session_user if session_user.is_authenticated else None
