from datetime import timedelta

from django.conf import settings
from django.contrib.sessions.models import Session
from django.core import signing
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from lapse.collector import NotRecordedError, RefusedError, report_end
from lapse.session import DATA_KEY


class Command(BaseCommand):
    help = (
        "Reports the expired sessions in django_session to the collector, and deletes "
        "those that are recorded. Run it from cron instead of clearsessions."
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

    def handle(self, *args, grace: int, **options) -> None:
        recorded = kept = undecodable = 0
        before = timezone.now() - timedelta(seconds=grace)
        expired = Session.objects.filter(expire_date__lt=before)
        for row in expired.order_by("expire_date").iterator():
            data = decode_session(row)
            if data is None:
                undecodable += 1
                continue
            # Without this key, nobody has signed in: there is nothing to report.
            if session := data.get(DATA_KEY):
                try:
                    report_end(build_report(session, row))
                except RefusedError as error:
                    self.stderr.write(f"A session was not recorded: {error}")
                    kept += 1
                    continue
                except NotRecordedError as error:
                    raise CommandError(
                        f"Sessions recorded: {recorded}. The others are kept for the "
                        f"next run: {error}"
                    )
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


def decode_session(row: Session) -> dict | None:
    """Returns None if the data cannot be decoded, as after a new SECRET_KEY."""
    if data := row.get_decoded():
        return data
    # Django returns {} both for empty data and for data that it cannot decode.
    store = row.get_session_store_class()()
    try:
        return signing.loads(
            row.session_data, salt=store.key_salt, serializer=store.serializer
        )
    except Exception:  # A wrong signature, or any error of the serializer.
        return None


def build_report(session: dict, row: Session) -> dict:
    last_access = row.expire_date - timedelta(seconds=settings.SESSION_COOKIE_AGE)
    return {
        **session,
        "reason": "idle_timeout",
        "lastAccessAt": int(last_access.timestamp() * 1000),
    }
