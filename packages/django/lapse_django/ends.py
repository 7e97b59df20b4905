"""Reports that sessions are in use or have ended, without waiting for the collector."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.base import SessionBase
from django.core.cache import cache
from django.http import HttpRequest

from lapse_django.conf import get_configuration
from lapse_django.delivery.reporter import get_reporter
from lapse_django.failsafe import failsafe
from lapse_django.limits import Limits, read_limits
from lapse_django.session import SessionRecord, find_record, now_ms
from lapse_django.signals import session_lapsed
from lapse_django.tickets import sign_ticket

# How long to remember that the project knows the end of a session.
KNOWN_END_SECONDS = 24 * 3600


@failsafe
def end_sessions(
    user: Any, reason: str = "revoked", exclude: HttpRequest | None = None
) -> None:
    """
    Reports that all sessions of a user have ended, but for the one of `exclude`.

    It does not end them: call it where your project does, for example after a change of
    the password. Returns at once. The reason is "revoked", "displaced", "logout",
    "idle_timeout" or "absolute_timeout".

        class ChangePassword(PasswordChangeView):
            def form_valid(self, form):
                response = super().form_valid(form)
                end_sessions(self.request.user, exclude=self.request)
                return response
    """
    if not get_configuration().can_report:
        return
    report: dict[str, Any] = {
        "site": get_configuration().site,
        "subject": str(user.pk),
        "reason": reason,
        "detectedAt": now_ms(),
    }
    if exclude is not None and (record := find_record(exclude)):
        report["except"] = record["session"]
    get_reporter().report_ends_of_subject(report)


def report_activity(session: SessionBase, record: SessionRecord) -> None:
    """Reports that the session was used now, unless it was reported recently."""
    configuration = get_configuration()
    limits = read_limits(session, record)
    heartbeat = configuration.choose_heartbeat_seconds(limits.idle_seconds)
    if not configuration.can_report or heartbeat <= 0:
        return
    report = {
        **describe_session(record, limits),
        "lastAccessAt": now_ms(),
        "heartbeatSeconds": heartbeat,
    }
    get_reporter().report_activity(report, heartbeat)


def report_end(
    record: SessionRecord, limits: Limits | None, **fields: Any
) -> dict[str, Any]:
    """
    Reports that a session has ended now. Returns the report.

    `fields` are further fields of the report: `reason`, `lastAccessAt`. Without a
    reason, the collector decides from the times whether it timed out or ended early.
    """
    report = {
        **describe_session(record, limits),
        "detectedAt": now_ms(),
        **{name: value for name, value in fields.items() if value is not None},
    }
    if get_configuration().can_report:
        get_reporter().report_end(report)
    return report


def describe_session(record: SessionRecord, limits: Limits | None) -> dict[str, Any]:
    """Returns the fields that all reports about a session share."""
    report: dict[str, Any] = {"site": get_configuration().site, **record}
    # The ticket tells the collector the limits of this session.
    if limits and (ticket := sign_ticket(record, limits)):
        report["ticket"] = ticket
    return report


def announce(report: dict[str, Any], reason: str, request: HttpRequest) -> None:
    """
    Sends session_lapsed, once for each session. With several processes, that needs a
    cache that they share.
    """
    if remember_end(report["session"]):
        send_signal(report, reason, request)


def remember_end(alias: str) -> bool:
    """Returns whether the project did not know yet that the session has ended."""
    return bool(cache.add(f"lapse:{alias}", 1, KNOWN_END_SECONDS))


def send_signal(
    report: dict[str, Any], reason: str, request: HttpRequest | None
) -> None:
    user = get_user_model()._default_manager.filter(pk=report["subject"]).first()
    session_lapsed.send(
        sender=send_signal, user=user, reason=reason, report=report, request=request
    )
