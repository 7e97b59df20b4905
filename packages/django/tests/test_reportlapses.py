"""The command for expired sessions, with limits and engines that differ."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import jwt
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils import timezone

from lapse_django.signals import session_lapsed
from tests.base import ENDS, ReportingTestCase
from tests.recording_collector import Answer


def judge(path: str, body: Any) -> Answer:
    """Answers as the collector does to one end that it has recorded."""
    reason = body["reason"] if isinstance(body, dict) else None
    verdict = {"id": 1, "reason": reason, "duplicate": False}
    return 201, {}, json.dumps(verdict).encode()


class ReportLapsesTest(ReportingTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.collector.answer = judge

    @override_settings(LAPSE_HEARTBEAT_SECONDS=0)
    def expire(self, path: str | None = None) -> Session:
        """Lets the session of a user expire an hour ago."""
        self.sign_in(self.anna)
        if path:
            self.client.get(path)
        row = Session.objects.get()
        row.expire_date = timezone.now() - timedelta(hours=1)
        row.save()
        return row

    def run_command(self) -> dict[str, Any]:
        call_command("reportlapses", stdout=StringIO())
        (report,) = self.collector.get_reports(ENDS)
        self.assertEqual(Session.objects.count(), 0)
        return report

    def read_claims(self, report: dict[str, Any]) -> dict[str, Any]:
        options = {"verify_signature": False}
        claims: dict[str, Any] = jwt.decode(report["ticket"], options=options)
        return claims

    def test_goes_by_the_limit_of_a_session_that_has_its_own(self) -> None:
        row = self.expire("/expire-in/60/")
        report = self.run_command()
        self.assertEqual(report["reason"], "idle_timeout")
        last_access = row.expire_date - timedelta(seconds=60)
        self.assertEqual(report["lastAccessAt"], int(last_access.timestamp() * 1000))
        self.assertEqual(self.read_claims(report)["idle"], 60)

    def test_reports_the_absolute_timeout_of_a_session_with_a_fixed_date(self) -> None:
        row = self.expire()
        ends_at = timezone.now() + timedelta(hours=2)
        data = {**row.get_decoded(), "_session_expiry": ends_at.isoformat()}
        row.session_data = row.get_session_store_class()().encode(data)
        row.save()
        report = self.run_command()
        self.assertEqual(report["reason"], "absolute_timeout")
        self.assertNotIn("lastAccessAt", report)
        self.assertAlmostEqual(self.read_claims(report)["abs"], 7200, delta=5)

    def test_tells_the_project_once(self) -> None:
        received: list[dict[str, Any]] = []

        def receive(**arguments: Any) -> None:
            received.append(arguments)

        session_lapsed.connect(receive)
        self.addCleanup(session_lapsed.disconnect, receive)
        self.expire()
        self.run_command()
        (arguments,) = received
        self.assertEqual(arguments["user"], self.anna)
        self.assertEqual(arguments["reason"], "idle_timeout")
        self.assertIsNone(arguments["request"])

    def test_deletes_nothing_if_the_answer_is_not_that_of_a_collector(self) -> None:
        self.expire()
        self.collector.answer = lambda path, body: (200, {}, b"<html></html>")
        with self.assertRaisesMessage(CommandError, "kept for the next run"):
            call_command("reportlapses")
        self.assertEqual(Session.objects.count(), 1)

    def test_says_what_to_do_about_an_engine_without_a_table(self) -> None:
        engine = "django.contrib.sessions.backends.cache"
        with override_settings(SESSION_ENGINE=engine):
            with self.assertRaisesMessage(CommandError, "has no table of sessions"):
                call_command("reportlapses")

    def test_says_which_settings_are_missing(self) -> None:
        with override_settings(LAPSE_TOKEN=""):
            with self.assertRaisesMessage(CommandError, "LAPSE_TOKEN"):
                call_command("reportlapses")
