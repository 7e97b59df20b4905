from __future__ import annotations

import json
from datetime import timedelta
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core import signing
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from lapse_django.conf import get_configuration
from lapse_django.delivery.collector import ENDS, NotRecordedError, RefusedError, post
from lapse_django.ends import describe_session, send_signal
from lapse_django.limits import read_idle_seconds, read_limits
from lapse_django.session import SessionRecord, now_ms, read_record

TIMEOUT_SECONDS = 10


class Command(BaseCommand):
    help = (
        "Reports the expired sessions in the sessions table to the collector, and "
        "deletes those that are recorded. Run it from cron instead of clearsessions."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--grace",
            type=int,
            default=60,
            metavar="SECONDS",
            help="skip sessions that expired less than SECONDS ago, because a request "
            "that is still running may renew them (default: 60)",
        )

    def handle(self, *args: Any, grace: int, **options: Any) -> None:
        if not get_configuration().can_report:
            raise CommandError("Set LAPSE_SITE, LAPSE_COLLECTOR and LAPSE_TOKEN.")
        recorded = kept = undecodable = 0
        before = timezone.now() - timedelta(seconds=grace)
        expired = find_session_model()._default_manager.filter(expire_date__lt=before)
        for row in expired.order_by("expire_date").iterator():
            data = decode_session(row)
            if data is None:
                undecodable += 1
                continue
            # Without a record, nobody has signed in: there is nothing to report.
            if record := read_record(data):
                try:
                    report_expired_session(record, row, data)
                except RefusedError as error:
                    self.stderr.write(f"A session was not recorded: {error}")
                    kept += 1
                    continue
                except NotRecordedError as error:
                    raise CommandError(
                        f"Sessions recorded: {recorded}. The others are kept for the "
                        f"next run: {error}"
                    ) from error
                recorded += 1
            # The filter keeps a session that a request has renewed meanwhile.
            expired.filter(pk=row.pk).delete()
        if undecodable:
            self.stderr.write(f"Sessions kept that cannot be decoded: {undecodable}.")
        if kept:
            raise CommandError(
                f"Sessions recorded: {recorded}. Kept for the next run: {kept}."
            )
        self.stdout.write(f"Sessions recorded: {recorded}.")


def find_session_model() -> type[AbstractBaseSession]:
    """Returns the model of the project's session engine."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    if not hasattr(store, "get_model_class"):
        raise CommandError(
            f"SESSION_ENGINE {settings.SESSION_ENGINE} has no table of sessions. Use "
            '"django.contrib.sessions.backends.db" or "…cached_db".'
        )
    model: type[AbstractBaseSession] = store.get_model_class()
    return model


def decode_session(row: AbstractBaseSession) -> dict[str, Any] | None:
    """Returns None if the data cannot be decoded, as after a new SECRET_KEY."""
    data: dict[str, Any] = row.get_decoded()
    if data:
        return data
    # Django returns {} both for empty data and for data that it cannot decode.
    store = row.get_session_store_class()()
    try:
        data = signing.loads(
            row.session_data, salt=store.key_salt, serializer=store.serializer
        )
    except Exception:  # A wrong signature, or any error of the serializer.
        return None
    return data


def report_expired_session(
    record: SessionRecord, row: AbstractBaseSession, data: dict[str, Any]
) -> None:
    """
    Reports the end of a session and returns when its row is committed.

    Sends session_lapsed if the collector has written a new row.
    """
    report = build_report(record, row, data)
    body = json.dumps({**report, "sentAt": now_ms()}).encode()
    verdict = post(ENDS, body, TIMEOUT_SECONDS)
    if not isinstance(verdict, dict) or "duplicate" not in verdict:
        raise NotRecordedError(f"Not an answer of a collector: {verdict!r:.200}")
    if not verdict["duplicate"]:
        send_signal(report, verdict["reason"], None)


def build_report(
    record: SessionRecord, row: AbstractBaseSession, data: dict[str, Any]
) -> dict[str, Any]:
    session = row.get_session_store_class()()
    session.update(data)
    limits = read_limits(session, record)
    report = describe_session(record, limits)
    if limits.absolute_seconds is not None:
        # The date was fixed, so it does not say when the session was last used.
        return {**report, "reason": "absolute_timeout"}
    last_access = row.expire_date - timedelta(seconds=read_idle_seconds(session))
    last_access_ms = int(last_access.timestamp() * 1000)
    return {**report, "reason": "idle_timeout", "lastAccessAt": last_access_ms}
