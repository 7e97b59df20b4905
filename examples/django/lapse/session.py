"""The data about a session that Lapse gets, with the field names of its reports."""

from time import time
from uuid import uuid4

from django.http import HttpRequest

DATA_KEY = "lapse"


def now_ms() -> int:
    """Returns the current time in epoch milliseconds."""
    return int(time() * 1000)


def get_audited_session(request: HttpRequest) -> dict | None:
    """
    Returns the alias, the subject and the start of the session, or None if nobody is
    signed in. Creates the alias if the session has none.

    The alias is a random id in the session's data. It stays the same when Django
    changes the session's key, at sign-in and after a change of password.
    """
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return None
    new = {
        "session": uuid4().hex,
        "subject": str(user.pk),
        "startedAt": now_ms(),
    }
    return request.session.setdefault(DATA_KEY, new)


def create_alias(request: HttpRequest, **kwargs) -> None:
    """Receives user_logged_in."""
    get_audited_session(request)
