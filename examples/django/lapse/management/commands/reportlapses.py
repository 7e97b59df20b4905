from datetime import timedelta

from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from lapse.collector import NotRecorded, record_lapse
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
        recorded = 0
        before = timezone.now() - timedelta(seconds=grace)
        expired = Session.objects.filter(expire_date__lt=before)
        for row in expired.order_by("expire_date").iterator():
            # Of a session that nobody signed in to there is nothing to report.
            if session := row.get_decoded().get(DATA_KEY):
                try:
                    record_lapse(idle_timeout(session, row))
                except NotRecorded as error:
                    raise CommandError(
                        f"Recorded {recorded} sessions; the others are kept for the "
                        f"next run. {error}"
                    )
                recorded += 1
            # Unless it was renewed meanwhile.
            expired.filter(pk=row.pk).delete()
        self.stdout.write(f"Recorded {recorded} sessions.")


def idle_timeout(session: dict, row: Session) -> dict:
    last_access = row.expire_date - timedelta(seconds=settings.SESSION_COOKIE_AGE)
    return {
        **session,
        "reason": "idle_timeout",
        "lastAccessAt": int(last_access.timestamp() * 1000),
    }
