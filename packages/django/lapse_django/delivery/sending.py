"""Sends a batch of reports and reads the result of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lapse_django.delivery.collector import (
    ACTIVITY,
    ENDS,
    NotRecordedError,
    RefusedError,
    post,
)
from lapse_django.delivery.report_queue import Entry, encode_batch
from lapse_django.session import now_ms

# Nobody waits for the answer.
TIMEOUT_SECONDS = 10

# What these fields say is the same for all reports, and settings can make it right.
SHARED_FIELDS = ("#/site", "#/ticket")


@dataclass(frozen=True)
class Outcome:
    handled: list[Entry]
    """They need not be sent again."""
    refused: list[tuple[dict[str, Any], Any]]
    """The reports among them that the collector has refused, with what is wrong."""


def send_batch(entries: list[Entry]) -> Outcome:
    """
    Sends the first of the entries, as many as fit into one request.

    Raises NotRecordedError if they must be sent again.
    """
    batch, body = encode_batch(entries, now_ms())
    path = ACTIVITY if batch[0].kind == "activity" else ENDS
    try:
        answer = post(path, body, TIMEOUT_SECONDS)
    except RefusedError as error:
        if len(batch) == 1:
            return Outcome(batch, [(batch[0].report, str(error))])
        # The collector refuses a batch only as a whole. Find out which report it is.
        return send_batch(batch[: len(batch) // 2])
    if not isinstance(answer, dict):
        raise NotRecordedError(f"Not an answer of a collector: {answer!r:.200}")
    if batch[0].kind == "ends_of_subject":
        return Outcome(batch, [])
    return read_rejections(batch, answer)


def read_rejections(batch: list[Entry], answer: dict[str, Any]) -> Outcome:
    try:
        faults = {int(each["index"]): each["errors"] for each in answer["rejected"]}
        refused = [(batch[index].report, fault) for index, fault in faults.items()]
    except (LookupError, TypeError, ValueError) as error:
        raise NotRecordedError(
            f"Not an answer of a collector: {answer!r:.200}"
        ) from error
    if len(faults) == len(batch) and all(map(is_shared, faults.values())):
        raise NotRecordedError(f"Check LAPSE_SITE and the ticket key: {faults[0]}")
    return Outcome(batch, refused)


def is_shared(errors: list[dict[str, Any]]) -> bool:
    return any(error.get("pointer") in SHARED_FIELDS for error in errors)
