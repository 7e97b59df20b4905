"""What is known about the session of a request while the request is handled."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from lapse_django.limits import Limits, read_limits
from lapse_django.session import SessionRecord, read_record, read_used_at

ATTRIBUTE = "_lapse"


@dataclass
class EarlierSession:
    """The session with which the request arrived. Its data may be gone by now."""

    record: SessionRecord
    limits: Limits
    user_id: str | None
    user_hash: str
    used_at: int | None
    """When it was last used before this request. Known only with an idle timer."""

    def was_revoked(self) -> bool:
        """Whether the user may not use the session any more, by Django's own rules."""
        if self.user_id is None:
            return False
        user = get_user_model()._default_manager.filter(pk=self.user_id).first()
        if user is None or not user.is_active:
            return True
        current_hash = user.get_session_auth_hash()
        return not constant_time_compare(self.user_hash, current_hash)


@dataclass
class RequestState:
    earlier: EarlierSession | None = None
    """Until its end is reported."""
    new_aliases: set[str] = field(default_factory=set)
    """The sessions that began in this request."""
    started_at: float = field(default_factory=monotonic)


def get_state(request: HttpRequest) -> RequestState:
    state = getattr(request, ATTRIBUTE, None)
    if state is None:
        state = RequestState()
        setattr(request, ATTRIBUTE, state)
    return state


def read_earlier_session(request: HttpRequest) -> EarlierSession | None:
    record = read_record(request.session)
    if record is None:
        return None
    return EarlierSession(
        record=record,
        limits=read_limits(request.session, record),
        user_id=request.session.get(SESSION_KEY),
        user_hash=request.session.get(HASH_SESSION_KEY, ""),
        used_at=read_used_at(request.session),
    )
