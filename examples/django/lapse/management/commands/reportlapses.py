from datetime import timedelta

from django.conf import settings
from django.contrib.sessions.models import Session
from django.core import signing
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from lapse.collector import NotRecorded, Refused, record_end
from lapse.session import DATA_KEY


class Command(BaseCommand):
    help = (
        "Reports the expired sessions of django_session to the collector and deletes "
        "those that it has recorded. Run it from cron in place of clearsessions."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--grace",
            type=int,
            default=60,
            metavar="SECONDS",
            help="leave what expired so recently: a request that is still being "
            "answered may renew it (default: 60)",
        )

    def handle(self, *args, grace: int, **options) -> None:
        recorded = kept = undecodable = 0
        before = timezone.now() - timedelta(seconds=grace)
        expired = Session.objects.filter(expire_date__lt=before)
        for row in expired.order_by("expire_date").iterator():
            data = decode(row)
            if data is None:
                undecodable += 1
                continue
            # Of a session that nobody signed in to there is nothing to report.
            if session := data.get(DATA_KEY):
                try:
                    record_end(idle_timeout(session, row))
                except Refused as error:
                    # The others may be taken all the same.
                    self.stderr.write(f"Kept a session. {error}")
                    kept += 1
                    continue
                except NotRecorded as error:
                    raise CommandError(
                        f"Recorded {recorded} sessions; the others are kept for the "
                        f"next run. {error}"
                    )
                recorded += 1
            # Unless it was renewed meanwhile.
            expired.filter(pk=row.pk).delete()
        if undecodable:
            self.stderr.write(f"Kept {undecodable} sessions that cannot be decoded.")
        if kept:
            raise CommandError(
                f"Recorded {recorded} sessions; {kept} are kept for the next run."
            )
        self.stdout.write(f"Recorded {recorded} sessions.")


def decode(row: Session) -> dict | None:
    """The session's data; None if it cannot be decoded, as after a new SECRET_KEY."""
    if data := row.get_decoded():
        return data
    # Empty, or not decodable: Django gives {} for both.
    store = row.get_session_store_class()()
    try:
        return signing.loads(
            row.session_data, salt=store.key_salt, serializer=store.serializer
        )
    except Exception:  # A wrong signature, or whatever the serializer raises.
        return None


def idle_timeout(session: dict, row: Session) -> dict:
    last_access = row.expire_date - timedelta(seconds=settings.SESSION_COOKIE_AGE)
    return {
        **session,
        "reason": "idle_timeout",
        "lastAccessAt": int(last_access.timestamp() * 1000),
    }
