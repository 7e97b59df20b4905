"""What Lapse may know of a session, by the names of its event."""

from time import time
from uuid import uuid4

from django.http import HttpRequest

DATA_KEY = "lapse"


def now() -> int:
    """Epoch milliseconds."""
    return int(time() * 1000)


def audited_session(request: HttpRequest) -> dict | None:
    """
    Whose session it is, its alias and its start; None where nobody is signed in.

    The alias is a random id in the session's data. There it stays when Django
    changes the session's key, which it does at sign-in and with the password.
    """
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return None
    fresh = {
        "session": uuid4().hex,
        "subject": str(user.pk),
        "startedAt": now(),
    }
    return request.session.setdefault(DATA_KEY, fresh)


def name_session(request: HttpRequest, **kwargs) -> None:
    """Receives user_logged_in."""
    audited_session(request)
