"""The marker of projects without the script: a cookie that outlives the session's."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from lapse_django.ends import announce, report_end
from lapse_django.limits import Limits, has_passed
from lapse_django.session import DATA_KEY, SessionRecord, now_ms, read_record

COOKIE = "lapse_marker"
MAX_AGE_SECONDS = 30 * 24 * 3600


def read_marker(request: HttpRequest) -> dict[str, Any] | None:
    """Returns None for a marker that this project has not written, or too long ago."""
    cookie = request.COOKIES.get(COOKIE, "")
    try:
        # A copy of the cookie can be older than the browser would keep it.
        marker = signing.loads(cookie, salt=COOKIE, max_age=MAX_AGE_SECONDS)
    except signing.BadSignature:
        return None
    is_valid = read_record({DATA_KEY: marker}) and isinstance(
        marker.get("lastAccessAt"), int
    )
    return marker if is_valid else None


def write_marker(response: HttpResponse, record: SessionRecord, limits: Limits) -> None:
    marker = {
        **record,
        "lastAccessAt": now_ms(),
        "idle": limits.idle_seconds,
        "abs": limits.absolute_seconds,
    }
    response.set_cookie(
        COOKIE,
        signing.dumps(marker, salt=COOKIE),
        max_age=MAX_AGE_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def delete_marker(response: HttpResponse) -> None:
    response.delete_cookie(COOKIE, samesite="Lax")


def report_lapse(marker: dict[str, Any], request: HttpRequest) -> None:
    """Reports the end of the marker's session, and tells the project."""
    record: SessionRecord = {
        "session": marker["session"],
        "subject": marker["subject"],
        "startedAt": marker["startedAt"],
    }
    limits = Limits(marker["idle"], marker["abs"]) if marker.get("idle") else None
    report = report_end(record, limits, lastAccessAt=marker["lastAccessAt"])
    announce(report, guess_reason(report, limits), request)


def guess_reason(report: dict[str, Any], limits: Limits | None) -> str:
    """Decides as the collector will, whose answer nobody waits for."""
    if limits is None:
        return "ended_early"
    detected_at = report["detectedAt"]
    if has_passed(report["lastAccessAt"], detected_at, limits.idle_seconds):
        return "idle_timeout"
    absolute = limits.absolute_seconds
    if absolute and has_passed(report["startedAt"], detected_at, absolute):
        return "absolute_timeout"
    return "ended_early"
