"""Reports the ends of sessions to the collector."""

import json
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from django.conf import settings
from django.contrib.auth import get_user_model
from django.http import HttpRequest

from lapse.signals import session_lapsed

TIMEOUT_SECONDS = 2

# With these statuses the collector would refuse any report: because of the token, the
# site or the rate limit.
STATUSES_FOR_ANY_REPORT = (401, 403, 404, 429)


class NotRecordedError(Exception):
    """The collector has not confirmed that the report is recorded."""


class RefusedError(NotRecordedError):
    """The collector has refused this report. It may accept others."""


def report_end(report: dict, request: HttpRequest | None = None) -> None:
    """
    Reports the end of a session and returns when its row is committed.

    Sends session_lapsed if the collector has written a new row, except for a logout.
    Reporting the same end again writes no row and sends no signal.
    """
    verdict = post_report(
        {"site": settings.LAPSE_SITE, "detectedBy": "server", **report}
    )
    if not verdict["duplicate"] and report.get("reason") != "logout":
        user = get_user_model().objects.filter(pk=report["subject"]).first()
        session_lapsed.send(
            sender=__name__, user=user, verdict=verdict, request=request
        )


def post_report(report: dict) -> dict:
    request = Request(
        f"{settings.LAPSE_COLLECTOR}/v1/lapses",
        data=json.dumps(report).encode(),
        headers={
            "Authorization": f"Bearer {settings.LAPSE_TOKEN}",
            "Content-Type": "application/json",
        },
    )
    try:
        with urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            return json.load(response)
    except HTTPError as error:
        # The body says what is wrong and what to do.
        message = f"{error}: {error.read().decode()}"
        if error.code in STATUSES_FOR_ANY_REPORT:
            raise NotRecordedError(message) from error
        raise RefusedError(message) from error
    except (OSError, HTTPException, ValueError) as error:
        raise NotRecordedError(f"{settings.LAPSE_COLLECTOR}: {error}") from error
