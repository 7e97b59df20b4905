"""What the tests of the delivery share."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from django.test import SimpleTestCase, override_settings

from lapse_django.delivery import reporter
from lapse_django.delivery.reporter import Reporter
from tests.base import ENDS
from tests.recording_collector import RecordingCollector, accept


def build_end(number: int, **fields: Any) -> dict[str, Any]:
    return {"site": "acme", "session": f"s{number}", "reason": "logout", **fields}


def build_activity(session: str, last_access_at: int) -> dict[str, Any]:
    return {"site": "acme", "session": session, "lastAccessAt": last_access_at}


class DeliveryTestCase(SimpleTestCase):
    def setUp(self) -> None:
        self.collector = RecordingCollector()
        self.addCleanup(self.collector.close)
        settings = override_settings(
            LAPSE_COLLECTOR=self.collector.url, LAPSE_TOKEN="the token"
        )
        settings.enable()
        self.addCleanup(settings.disable)
        shorter = patch.multiple(
            reporter, BATCH_DELAY_SECONDS=0.05, MIN_RETRY_SECONDS=0.1
        )
        shorter.start()
        self.addCleanup(shorter.stop)
        self.reporters: list[Reporter] = []

    def tearDown(self) -> None:
        self.collector.answer = accept
        for each in self.reporters:
            each.close(5)

    def create_reporter(self) -> Reporter:
        self.reporters.append(Reporter())
        return self.reporters[-1]

    def get_sessions(self, path: str = ENDS) -> list[str]:
        return [report["session"] for report in self.collector.get_reports(path)]
