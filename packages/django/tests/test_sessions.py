"""Which ends of sessions are reported, with which reason."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import login
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.test import AsyncClient, Client, RequestFactory, override_settings

from lapse_django import end_sessions
from lapse_django.session import find_record, now_ms
from lapse_django.signals import session_lapsed
from tests.base import ReportingTestCase


class SignOutTest(ReportingTestCase):
    def test_reports_a_sign_out_once(self) -> None:
        started_at = now_ms()
        alias = self.sign_in(self.anna)
        self.client.post("/sign-out/")
        self.client.post("/sign-out/")
        (report,) = self.get_ends()
        self.assertEqual(report["site"], "acme")
        self.assertEqual(report["session"], alias)
        self.assertEqual(report["subject"], str(self.anna.pk))
        self.assertEqual(report["reason"], "logout")
        for name in ("startedAt", "lastAccessAt", "detectedAt", "sentAt"):
            self.assertTrue(started_at <= report[name] <= now_ms(), name)

    @override_settings(LAPSE_IDLE_TIMEOUT_SECONDS=600)
    def test_reports_a_sign_out_by_an_idle_timer_of_the_project_as_the_timeout(
        self,
    ) -> None:
        for idle_seconds, reason in ((589, "logout"), (590, "idle_timeout")):
            with self.subTest(idle_seconds):
                self.collector.requests.clear()
                self.sign_in(self.anna)
                self.client.get("/")
                session = self.client.session
                used_at = session["lapse"]["usedAt"] - idle_seconds * 1000
                session["lapse"] = {**session["lapse"], "usedAt": used_at}
                session.save()
                self.client.post("/sign-out/")
                (report,) = self.get_ends()
                self.assertEqual(report["reason"], reason)
                is_timeout = reason == "idle_timeout"
                self.assertEqual(report["lastAccessAt"] == used_at, is_timeout)

    def test_reports_nothing_when_a_visitor_signs_out(self) -> None:
        self.client.post("/sign-out/")
        self.assertEqual(self.get_ends(), [])

    def test_reports_nothing_without_a_token(self) -> None:
        with override_settings(LAPSE_TOKEN=""):
            self.sign_in(self.anna)
            self.client.post("/sign-out/")
            self.deliver()
        self.assertEqual(self.collector.attempts, [])


class DisplacedTest(ReportingTestCase):
    def test_reports_a_session_over_which_another_user_signs_in(self) -> None:
        earlier = self.sign_in(self.anna)
        later = self.sign_in(self.berta)
        self.assertNotEqual(earlier, later)
        (report,) = self.get_ends()
        self.assertEqual(report["session"], earlier)
        self.assertEqual(report["subject"], str(self.anna.pk))
        self.assertEqual(report["reason"], "displaced")

    def test_reports_a_session_over_which_the_same_user_signs_in(self) -> None:
        earlier = self.sign_in(self.anna)
        later = self.sign_in(self.anna)
        self.assertNotEqual(earlier, later)
        (report,) = self.get_ends()
        self.assertEqual(report["session"], earlier)
        self.assertEqual(report["reason"], "displaced")

    def test_reports_only_the_logout_if_the_user_signs_out_before(self) -> None:
        self.sign_in(self.anna)
        self.client.post("/sign-out/")
        self.sign_in(self.berta)
        self.assertEqual([each["reason"] for each in self.get_ends()], ["logout"])

    def test_reports_no_end_of_a_session_that_began_in_the_same_request(self) -> None:
        request = RequestFactory().post("/")
        request.session = SessionStore()
        login(request, self.anna)
        login(request, self.anna)
        self.assertEqual(self.get_ends(), [])

    def test_reports_no_end_when_a_visitor_signs_in(self) -> None:
        self.client.get("/")
        self.sign_in(self.anna)
        self.assertEqual(self.get_ends(), [])


class RevokedTest(ReportingTestCase):
    def test_keeps_the_session_in_which_the_user_changes_the_password(self) -> None:
        alias = self.sign_in(self.anna)
        self.client.post("/change-password/")
        self.client.get("/")
        self.assertEqual(self.client.session["lapse"]["session"], alias)
        (report,) = self.get_ends()
        self.assertEqual(report["except"], alias)

    def test_reports_a_session_after_a_change_of_the_password_elsewhere(self) -> None:
        alias = self.sign_in(self.anna)
        self.anna.set_password("a new password")
        self.anna.save()
        self.client.get("/")
        self.client.get("/")
        (report,) = self.get_ends()
        self.assertEqual((report["session"], report["reason"]), (alias, "revoked"))
        self.assertNotIn("lastAccessAt", report)

    def test_reports_it_as_revoked_too_if_the_user_signs_in_next(self) -> None:
        alias = self.sign_in(self.anna)
        self.anna.set_password("secret")
        self.anna.save()
        self.sign_in(self.anna)
        (report,) = self.get_ends()
        self.assertEqual((report["session"], report["reason"]), (alias, "revoked"))

    def test_reports_the_session_of_a_deactivated_user_once(self) -> None:
        alias = self.sign_in(self.anna)
        self.anna.is_active = False
        self.anna.save()
        self.client.get("/")
        self.client.get("/")
        (report,) = self.get_ends()
        self.assertEqual((report["session"], report["reason"]), (alias, "revoked"))

    def test_reports_a_session_that_the_project_empties_without_a_reason(self) -> None:
        alias = self.sign_in(self.anna)
        self.client.post("/flush/")
        (report,) = self.get_ends()
        self.assertEqual(report["session"], alias)
        self.assertNotIn("reason", report)
        self.assertGreater(report["lastAccessAt"], 0)


class EndSessionsTest(ReportingTestCase):
    def test_reports_the_ends_of_all_sessions_of_a_user_at_once(self) -> None:
        end_sessions(self.anna)
        (report,) = self.get_ends()
        self.assertEqual(
            set(report), {"site", "subject", "reason", "detectedAt", "sentAt"}
        )
        self.assertEqual(report["subject"], str(self.anna.pk))
        self.assertEqual(report["reason"], "revoked")

    def test_never_raises(self) -> None:
        with self.assertLogs("lapse_django", "ERROR"):
            self.assertIsNone(end_sessions(None))


class SignalTest(ReportingTestCase):
    """session_lapsed, in a project without the script."""

    def setUp(self) -> None:
        super().setUp()
        self.received: list[dict[str, Any]] = []
        session_lapsed.connect(self.receive)
        self.addCleanup(session_lapsed.disconnect, self.receive)

    def receive(self, **arguments: Any) -> None:
        self.received.append(arguments)

    @override_settings(LAPSE_SCRIPT=False, SESSION_COOKIE_AGE=60)
    def test_is_sent_once_for_two_requests_with_the_same_marker(self) -> None:
        self.sign_in(self.anna)
        marker = self.client.cookies["lapse_marker"].value
        self.client.session.delete()
        for _ in range(2):
            browser = Client()
            browser.cookies["lapse_marker"] = marker
            browser.get("/")
        (arguments,) = self.received
        self.assertEqual(arguments["user"], self.anna)
        self.assertEqual(arguments["reason"], "ended_early")
        self.assertEqual(arguments["report"]["subject"], str(self.anna.pk))

    @override_settings(LAPSE_SCRIPT=False)
    def test_a_failing_receiver_does_not_fail_the_request(self) -> None:
        def fail(**kwargs: Any) -> None:
            raise ValueError("a fault of the project")

        session_lapsed.connect(fail)
        self.addCleanup(session_lapsed.disconnect, fail)
        self.sign_in(self.anna)
        self.client.session.delete()
        with self.assertLogs("lapse_django", "ERROR"):
            response = self.client.get("/")
        self.assertEqual(response.status_code, 200)


class OlderSessionTest(ReportingTestCase):
    """Sessions in which users were signed in before the project had the package."""

    def load_request(self) -> HttpRequest:
        request = RequestFactory().get("/")
        request.session = SessionStore(self.client.session.session_key)
        request.user = self.anna
        return request

    def test_has_the_same_alias_in_requests_at_the_same_time(self) -> None:
        self.sign_in(self.anna)
        session = self.client.session
        del session["lapse"]
        session.save()
        records = [find_record(self.load_request()) for _ in range(2)]
        aliases = {record["session"] for record in records if record}
        self.assertEqual(len(aliases), 1)
        self.assertNotIn(session.session_key, aliases)


class RobustnessTest(ReportingTestCase):
    def test_ignores_a_sign_in_without_a_session(self) -> None:
        user_logged_in.send(sender=None, request=None, user=self.anna)
        self.assertEqual(self.get_ends(), [])

    def test_ignores_data_of_the_project_under_the_same_name(self) -> None:
        self.sign_in(self.anna)
        session = self.client.session
        session["lapse"] = ["of the project"]
        session.save()
        self.assertEqual(self.client.get("/").status_code, 200)
        self.client.post("/sign-out/")
        self.assertEqual(len(self.get_ends()), 1)

    async def test_works_in_asynchronous_projects(self) -> None:
        from asgiref.sync import sync_to_async

        alias = await sync_to_async(self.sign_in)(self.anna)
        client = AsyncClient()
        client.cookies = self.client.cookies
        response = await client.get("/sign-out/")
        self.assertEqual(response.status_code, 204)
        (report,) = await sync_to_async(self.get_ends)()
        self.assertEqual((report["session"], report["reason"]), (alias, "logout"))
