from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.test import Client, TestCase, override_settings

from lapse_django.delivery import reporter
from tests.recording_collector import RecordingCollector

ENDS = "/v1/lapses"
ACTIVITY = "/v1/activity"


class ReportingTestCase(TestCase):
    """Tests of what a project reports, with its own collector."""

    def setUp(self) -> None:
        self.collector = RecordingCollector()
        self.addCleanup(self.collector.close)
        overridden = override_settings(
            LAPSE_COLLECTOR=self.collector.url, LAPSE_TOKEN="the token"
        )
        overridden.enable()
        self.addCleanup(overridden.disable)
        self.addCleanup(self.deliver)
        self.anna = get_user_model().objects.create_user("anna", password="secret")
        self.berta = get_user_model().objects.create_user("berta", password="secret")

    def sign_in(self, user: Any, client: Client | None = None) -> str:
        """Signs in as a browser does. Returns the alias of the session."""
        client = client or self.client
        data = {"username": user.username, "password": "secret"}
        response = client.post("/sign-in/", data)
        self.assertEqual(response.status_code, 204)
        return str(client.session["lapse"]["session"])

    def deliver(self) -> None:
        """Sends what is waiting."""
        reporter.close_reporter()
        reporter._reporter = None

    def get_ends(self) -> list[dict[str, Any]]:
        self.deliver()
        return self.collector.get_reports(ENDS)

    def get_activity(self) -> list[dict[str, Any]]:
        self.deliver()
        return self.collector.get_reports(ACTIVITY)
