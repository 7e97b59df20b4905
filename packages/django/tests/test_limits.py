"""What set_expiry() means for the limits of a session."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from django.contrib.sessions.backends.db import SessionStore
from django.test import SimpleTestCase, override_settings

from lapse_django.limits import Limits, read_limits

DAY = 24 * 3600
START = datetime(2026, 1, 2, 8, tzinfo=timezone.utc)


@override_settings(SESSION_COOKIE_AGE=1800)
class LimitsTest(SimpleTestCase):
    def read(self, expiry: Any) -> Limits:
        session = SessionStore()
        session["_session_expiry"] = expiry
        started_at = int(START.timestamp() * 1000)
        record = {"session": "a1f", "subject": "42", "startedAt": started_at}
        return read_limits(session, record)  # type: ignore[arg-type]

    def test_the_age_of_the_cookie_is_the_idle_timeout(self) -> None:
        self.assertEqual(self.read(None), Limits(1800))

    def test_a_session_that_ends_with_the_browser_has_the_same_limit(self) -> None:
        self.assertEqual(self.read(0), Limits(1800))

    def test_seconds_are_the_idle_timeout_of_this_session(self) -> None:
        self.assertEqual(self.read(30 * DAY), Limits(30 * DAY))

    def test_a_limit_is_never_longer_than_the_collector_accepts(self) -> None:
        self.assertEqual(self.read(3650 * DAY), Limits(400 * DAY))

    def test_a_date_is_an_absolute_timeout_that_is_reached_first(self) -> None:
        ends_at = START + timedelta(hours=12)
        for expiry in (ends_at, ends_at.isoformat()):
            self.assertEqual(self.read(expiry), Limits(24 * 3600, 12 * 3600))

    @override_settings(LAPSE_IDLE_TIMEOUT_SECONDS=600)
    def test_the_idle_timer_of_the_project_comes_first(self) -> None:
        self.assertEqual(self.read(30 * DAY), Limits(600))

    @override_settings(LAPSE_IDLE_TIMEOUT_SECONDS=600)
    def test_a_shorter_limit_of_the_session_comes_before_the_idle_timer(self) -> None:
        self.assertEqual(self.read(60), Limits(60))
