"""Which requests count as activity, and how often it is reported."""

from __future__ import annotations

from time import monotonic, sleep
from typing import Any
from unittest.mock import patch

import jwt
from django.conf import settings
from django.test import Client, override_settings

from lapse_django import middleware
from lapse_django.delivery.throttle import ActivityThrottle
from tests.base import ACTIVITY, ReportingTestCase
from tests.recording_collector import Answer, accept, wait_for


class ActivityTest(ReportingTestCase):
    def test_reports_a_sign_in_at_once_with_a_ticket_and_the_interval(self) -> None:
        alias = self.sign_in(self.anna)
        wait_for(lambda: self.collector.get_reports(ACTIVITY))
        (report,) = self.collector.get_reports(ACTIVITY)
        self.assertEqual(report["site"], "acme")
        self.assertEqual(report["session"], alias)
        self.assertEqual(report["subject"], str(self.anna.pk))
        self.assertEqual(report["heartbeatSeconds"], 300)
        self.assertEqual(report["ticket"].count("."), 2)

    @override_settings(LAPSE_HEARTBEAT_SECONDS=1)
    def test_reports_once_in_an_interval_and_the_last_access_at_its_end(self) -> None:
        self.sign_in(self.anna)
        for _ in range(5):
            self.client.get("/")
        wait_for(lambda: len(self.collector.get_reports(ACTIVITY)) == 2)
        first, last = self.collector.get_reports(ACTIVITY)
        self.assertLess(first["lastAccessAt"], last["lastAccessAt"])
        self.assertTrue(800 <= last["sentAt"] - first["lastAccessAt"] <= 3000)

    def test_sends_the_last_access_when_the_process_ends(self) -> None:
        self.sign_in(self.anna)
        wait_for(lambda: self.collector.get_reports(ACTIVITY))
        self.client.get("/")
        self.assertEqual(len(self.get_activity()), 2)

    def test_does_not_count_a_request_that_django_does_not_save(self) -> None:
        self.sign_in(self.anna)
        wait_for(lambda: self.collector.get_reports(ACTIVITY))
        self.client.get("/fail/")
        self.assertEqual(len(self.get_activity()), 1)

    def test_does_not_count_a_long_request_that_outlives_its_session(self) -> None:
        self.sign_in(self.anna)
        wait_for(lambda: self.collector.get_reports(ACTIVITY))
        with patch.object(middleware, "LONG_REQUEST_SECONDS", 0):
            self.assertEqual(self.client.get("/outlive/").status_code, 400)
        self.assertEqual(len(self.get_activity()), 1)

    def test_counts_long_requests_with_each_kind_of_session(self) -> None:
        for engine in ("db", "cache", "cached_db", "signed_cookies"):
            name = f"django.contrib.sessions.backends.{engine}"
            with self.subTest(engine), override_settings(SESSION_ENGINE=name):
                self.sign_in(self.anna, client := Client())
                wait_for(lambda: self.collector.get_reports(ACTIVITY))
                with patch.object(middleware, "LONG_REQUEST_SECONDS", 0):
                    client.get("/poll/")
                self.assertEqual(len(self.get_activity()), 2)
                self.collector.requests.clear()

    def test_counts_only_changes_of_the_data_if_django_saves_only_those(self) -> None:
        with override_settings(SESSION_SAVE_EVERY_REQUEST=False):
            self.sign_in(self.anna)
            wait_for(lambda: self.collector.get_reports(ACTIVITY))
            self.client.get("/poll/")
            self.assertEqual(len(self.get_activity()), 1)

    def test_states_the_limit_of_a_session_that_has_its_own(self) -> None:
        self.sign_in(self.anna)
        wait_for(lambda: self.collector.get_reports(ACTIVITY))
        self.client.get("/expire-in/20/")
        wait_for(lambda: len(self.collector.get_reports(ACTIVITY)) == 2)
        first, second = self.collector.get_reports(ACTIVITY)
        secret = settings.LAPSE_TICKET_SECRET
        for report, idle, heartbeat in ((first, 1800, 300), (second, 20, 10)):
            claims = jwt.decode(report["ticket"], secret, algorithms=["HS256"])
            self.assertEqual(claims["idle"], idle)
            self.assertEqual(report["heartbeatSeconds"], heartbeat)

    @override_settings(LAPSE_HEARTBEAT_SECONDS=0)
    def test_reports_no_activity_if_it_is_turned_off(self) -> None:
        self.sign_in(self.anna)
        self.assertEqual(self.get_activity(), [])

    def test_no_request_waits_for_a_collector_that_hangs(self) -> None:
        def hang(path: str, body: Any) -> Answer:
            sleep(2)
            return 503, {}, b""

        self.collector.answer = hang
        for _ in range(5):
            start = monotonic()
            self.sign_in(self.anna)
            self.client.get("/")
            self.client.post("/sign-out/")
            self.assertLess(monotonic() - start, 1)
        self.collector.answer = accept

    def test_leaves_the_responses_to_visitors_cacheable(self) -> None:
        response = Client().get("/public/")
        self.assertNotIn("Vary", response.headers)
        self.assertEqual(response.cookies, {})

    def test_reports_nothing_about_visitors(self) -> None:
        Client().get("/")
        self.assertEqual(self.get_activity(), [])


class ThrottleTest(ReportingTestCase):
    def test_forgets_a_session_that_was_not_used_in_an_interval(self) -> None:
        throttle = ActivityThrottle()
        self.assertTrue(throttle.admit("a1f", {"n": 1}, 10, now=0))
        self.assertFalse(throttle.admit("a1f", {"n": 2}, 10, now=5))
        self.assertEqual(throttle.take_due(now=9.9), [])
        self.assertEqual(throttle.take_due(now=10), [{"n": 2}])
        self.assertEqual(throttle.take_due(now=20), [])
        self.assertIsNone(throttle.get_next_end())
        self.assertTrue(throttle.admit("a1f", {"n": 3}, 10, now=21))

    def test_does_not_end_the_new_interval_of_a_session_with_an_old_one(self) -> None:
        throttle = ActivityThrottle()
        throttle.admit("a1f", {"n": 1}, 10, now=0)
        throttle.take("a1f")
        throttle.admit("a1f", {"n": 2}, 10, now=5)
        throttle.admit("a1f", {"n": 3}, 10, now=6)
        self.assertEqual(throttle.take_due(now=10), [])
        self.assertEqual(throttle.take_due(now=15), [{"n": 3}])
