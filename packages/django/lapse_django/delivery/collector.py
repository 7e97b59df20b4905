"""Sends reports to the collector over HTTP."""

from __future__ import annotations

# The socket module imports it with the first request. If the process forks at that
# moment, the import fails in the new process, for good.
import encodings.idna  # noqa: F401
import json
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from lapse_django.conf import get_configuration
from lapse_django.version import VERSION

ENDS = "/v1/lapses"
ACTIVITY = "/v1/activity"

# The collector refuses a report with one of these statuses if the report itself is
# wrong. All other failures may pass: a missing token, a rate limit, an outage.
STATUSES_OF_WRONG_REPORTS = (400, 413, 415, 422)
MAX_RETRY_AFTER_SECONDS = 300


class NotRecordedError(Exception):
    """The collector has not confirmed that the reports are recorded."""

    def __init__(self, message: str, retry_after_seconds: float = 0) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class RefusedError(NotRecordedError):
    """The collector has refused these reports. It may accept others."""


class DoNotRedirect(HTTPRedirectHandler):
    """Otherwise, the token would be sent to wherever a redirect points."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


opener = build_opener(DoNotRedirect)


def post(path: str, body: bytes, timeout_seconds: float) -> Any:
    """
    Posts JSON and returns the parsed answer, once the reports are committed.

    Raises RefusedError if the reports are wrong, and NotRecordedError if it is worth
    sending them again.
    """
    configuration = get_configuration()
    request = Request(
        configuration.collector + path,
        data=body,
        headers={
            "Authorization": f"Bearer {configuration.token}",
            "Content-Type": "application/json",
            "User-Agent": f"lapse-django/{VERSION}",
        },
    )
    try:
        with opener.open(request, timeout=timeout_seconds) as response:
            content = response.read()
            return json.loads(content) if content else None
    except HTTPError as error:
        raise describe_failure(error) from error
    except (OSError, HTTPException, ValueError) as error:
        raise NotRecordedError(f"{request.full_url}: {error}") from error


def describe_failure(error: HTTPError) -> NotRecordedError:
    try:
        # The body says what is wrong and what to do.
        text = error.read(8192).decode(errors="replace")
    except (OSError, HTTPException) as reason:
        text = f"The rest of the answer did not arrive: {reason}"
    message = f"{error.url}: HTTP {error.code}: {text}"
    if error.code in STATUSES_OF_WRONG_REPORTS:
        return RefusedError(message)
    retry_after = error.headers.get("Retry-After") or ""
    seconds = int(retry_after) if retry_after.isdecimal() else 0
    return NotRecordedError(message, min(seconds, MAX_RETRY_AFTER_SECONDS))
