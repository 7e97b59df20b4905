"""Reports a session to the collector as a server does."""

import json
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from django.conf import settings
from django.contrib.auth import get_user_model
from django.http import HttpRequest

from lapse.signals import session_lapsed

TIMEOUT_SECONDS = 2


class NotRecorded(Exception):
    """The collector has not confirmed that there is a row."""


class Refused(NotRecorded):
    """The collector has answered, and not recorded this one."""


# What another event would get as well: the token, the site or the rate limit is why.
REFUSES_ALL = (401, 403, 404, 429)


def record_end(event: dict, request: HttpRequest | None = None) -> None:
    """
    Return when the row is committed. Repeating an event makes no second row, and
    sends no second signal; a logout, which is no lapse, sends none.
    """
    verdict = post({"site": settings.LAPSE_SITE, "detectedBy": "server", **event})
    if not verdict["duplicate"] and event.get("reason") != "logout":
        user = get_user_model().objects.filter(pk=event["subject"]).first()
        session_lapsed.send(
            sender=__name__, user=user, verdict=verdict, request=request
        )


def post(event: dict) -> dict:
    request = Request(
        f"{settings.LAPSE_COLLECTOR}/v1/lapses",
        data=json.dumps(event).encode(),
        headers={
            "Authorization": f"Bearer {settings.LAPSE_TOKEN}",
            "Content-Type": "application/json",
        },
    )
    try:
        with urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            return json.load(response)
    except HTTPError as error:
        # Its body says what is wrong, and what to do.
        message = f"{error}: {error.read().decode()}"
        kind = NotRecorded if error.code in REFUSES_ALL else Refused
        raise kind(message) from error
    except (OSError, HTTPException, ValueError) as error:
        raise NotRecorded(f"{settings.LAPSE_COLLECTOR}: {error}") from error
