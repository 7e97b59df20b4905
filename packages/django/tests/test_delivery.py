"""How reports reach the collector, whatever it answers."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from threading import Thread
from time import monotonic, sleep
from typing import Any
from unittest.mock import patch

from django.test import override_settings

from lapse_django.delivery import report_queue, reporter
from lapse_django.delivery.collector import NotRecordedError, post
from tests.base import ACTIVITY, ENDS
from tests.delivery import DeliveryTestCase, build_activity, build_end
from tests.recording_collector import Answer, RecordingCollector, accept, wait_for


class BatchTest(DeliveryTestCase):
    def test_sends_the_token_and_says_who_reports(self) -> None:
        self.create_reporter().report_end(build_end(1))
        wait_for(lambda: self.collector.requests)
        (headers,) = self.collector.headers
        self.assertEqual(headers["Authorization"], "Bearer the token")
        self.assertRegex(headers["User-Agent"], r"^lapse-django/\d")

    def test_sends_at_most_500_reports_at_once_in_their_order(self) -> None:
        sender = self.create_reporter()
        for number in range(1001):
            sender.report_end(build_end(number))
        wait_for(lambda: len(self.get_sessions()) == 1001)
        self.assertEqual(self.get_sessions(), [f"s{number}" for number in range(1001)])
        self.assertLessEqual(max(len(body) for _, body in self.collector.requests), 500)

    def test_sends_at_most_256_kib_at_once(self) -> None:
        sender = self.create_reporter()
        for number in range(300):
            sender.report_end(build_end(number, ticket="t" * 2000))
        wait_for(lambda: len(self.get_sessions()) == 300)
        sizes = [int(headers["Content-Length"]) for headers in self.collector.headers]
        self.assertGreaterEqual(len(sizes), 3)
        self.assertLessEqual(max(sizes), 256 * 1024)

    def test_sends_the_end_of_all_sessions_of_a_user_alone(self) -> None:
        sender = self.create_reporter()
        sender.report_ends_of_subject({"site": "acme", "subject": "1"})
        sender.report_ends_of_subject({"site": "acme", "subject": "2"})
        wait_for(lambda: len(self.collector.requests) == 2)
        self.assertEqual(
            [body["subject"] for _, body in self.collector.requests], ["1", "2"]
        )

    def test_does_not_send_activity_besides_an_end_that_states_the_last_access(
        self,
    ) -> None:
        sender = self.create_reporter()
        sender.report_activity(build_activity("s1", 1), 300)
        sender.report_activity(build_activity("s1", 2), 300)
        sender.report_end(build_end(1, lastAccessAt=3))
        wait_for(lambda: self.get_sessions() == ["s1"])
        sender.close(5)
        self.assertEqual(self.collector.get_reports(ACTIVITY), [])

    def test_sends_a_later_access_than_the_end_of_a_copied_marker_states(self) -> None:
        sender = self.create_reporter()
        sender.report_activity(build_activity("s1", 5), 300)
        sender.report_end(build_end(1, lastAccessAt=3))
        wait_for(lambda: self.get_sessions() == ["s1"])
        self.assertEqual(self.get_sessions(ACTIVITY), ["s1"])

    def test_sends_the_last_access_of_a_session_before_its_end(self) -> None:
        sender = self.create_reporter()
        sender.report_activity(build_activity("s1", 1), 300)
        sender.report_activity(build_activity("s1", 2), 300)
        sender.report_end(build_end(1))
        wait_for(lambda: self.get_sessions() == ["s1"])
        paths = [path for path, _ in self.collector.requests]
        self.assertEqual(paths, [ACTIVITY, ENDS])
        (report,) = self.collector.get_reports(ACTIVITY)
        self.assertEqual(report["lastAccessAt"], 2)

    def test_drops_the_oldest_report_of_a_full_queue_and_says_so(self) -> None:
        self.collector.answer = lambda path, body: (503, {}, b"")
        sender = self.create_reporter()
        with patch.object(report_queue, "MAX_REPORTS", 3):
            with self.assertLogs("lapse_django", "WARNING") as logs:
                sender.report_end(build_end(0))
                # Until the next attempt, nothing is on its way.
                wait_for(lambda: "HTTP 503" in "\n".join(logs.output))
                for number in range(1, 5):
                    sender.report_end(build_end(number))
        self.assertIn("the oldest are dropped", "\n".join(logs.output))
        self.collector.answer = accept
        wait_for(lambda: self.get_sessions() == ["s2", "s3", "s4"])


class FailureTest(DeliveryTestCase):
    def fail_with(self, *answers: Answer) -> None:
        """Answers the next requests like this, and accepts the ones after them."""
        rest = list(answers)
        self.collector.answer = lambda path, body: (
            rest.pop(0) if rest else accept(path, body)
        )

    def has_received(self, count: int) -> Callable[[], bool]:
        return lambda: len(self.collector.requests) == count

    def has_session(self, session: str) -> Callable[[], bool]:
        return lambda: session in self.get_sessions()

    def test_tries_again_after_answers_that_confirm_nothing(self) -> None:
        answers: list[Answer] = [
            (503, {}, b""),
            (401, {}, b"{}"),
            (404, {}, b""),
            (200, {}, b"<html>A page of a proxy</html>"),
            (200, {}, b'{"accepted": 1}'),
            (200, {}, b"[]"),
            (200, {}, b'{"rejected": [{"index": 7, "errors": []}]}'),
        ]
        with patch.object(reporter, "MAX_RETRY_SECONDS", 0.1):
            for answer in answers:
                with self.subTest(answer):
                    self.collector.requests.clear()
                    self.fail_with(answer)
                    self.create_reporter().report_end(build_end(1))
                    # The answer itself has one of the recorded requests if it is 200.
                    expected = 2 if answer[0] == 200 else 1
                    wait_for(self.has_received(expected))
                    self.assertEqual(self.get_sessions()[-1], "s1")

    def test_tries_again_after_an_error_whose_body_does_not_arrive(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            url = f"http://127.0.0.1:{server.getsockname()[1]}"

            def answer() -> None:
                connection, _ = server.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 503 -\r\nContent-Length: 9\r\n\r\n")
                    connection.recv(65536)

            Thread(target=answer, daemon=True).start()
            with override_settings(LAPSE_COLLECTOR=url):
                with self.assertRaises(NotRecordedError):
                    post(ENDS, b"{}", 0.2)

    def test_waits_as_long_as_the_collector_asks(self) -> None:
        self.fail_with((429, {"Retry-After": "1"}, b""))
        start = monotonic()
        self.create_reporter().report_end(build_end(1))
        wait_for(lambda: self.collector.requests)
        self.assertGreaterEqual(monotonic() - start, 1)

    def test_does_not_try_more_often_because_more_reports_arrive(self) -> None:
        self.collector.answer = lambda path, body: (503, {"Retry-After": "60"}, b"")
        sender = self.create_reporter()
        for number in range(20):
            sender.report_end(build_end(number))
            sleep(0.02)
        self.assertEqual(len(self.collector.attempts), 1)

    def test_never_follows_a_redirect_with_the_token(self) -> None:
        other = RecordingCollector()
        self.addCleanup(other.close)
        for status in (301, 302, 307, 308):
            self.fail_with((status, {"Location": other.url + ENDS}, b""))
            self.create_reporter().report_end(build_end(status))
            wait_for(self.has_session(f"s{status}"))
        self.assertEqual(other.attempts, [])

    def test_logs_the_reports_that_are_refused_and_keeps_the_others(self) -> None:
        def reject(path: str, body: Any) -> Answer:
            errors = [{"pointer": "#/session", "detail": "bad"}]
            rejected = [
                {"index": index, "errors": errors}
                for index, report in enumerate(body)
                if report["session"] == "s1"
            ]
            answer = {"accepted": len(body) - len(rejected), "rejected": rejected}
            return 200, {}, json.dumps(answer).encode()

        self.collector.answer = reject
        sender = self.create_reporter()
        with self.assertLogs("lapse_django", "ERROR") as logs:
            for number in range(3):
                sender.report_end(build_end(number))
            wait_for(lambda: logs.output and "s2" in self.get_sessions())
        self.assertIn("s1", logs.output[0])
        self.assertEqual(sorted(self.get_sessions()), ["s0", "s1", "s2"])

    def test_finds_the_report_for_which_a_whole_batch_is_refused(self) -> None:
        def refuse(path: str, body: Any) -> Answer:
            has_wrong = any(report["session"] == "s2" for report in body)
            return (413, {}, b"too large") if has_wrong else accept(path, body)

        self.collector.answer = refuse
        sender = self.create_reporter()
        with self.assertLogs("lapse_django", "ERROR") as logs:
            for number in range(5):
                sender.report_end(build_end(number))
            wait_for(lambda: sorted(self.get_sessions()) == ["s0", "s1", "s3", "s4"])
        self.assertIn("s2", logs.output[0])

    def test_keeps_all_reports_if_a_setting_makes_them_all_wrong(self) -> None:
        rejected = [{"index": 0, "errors": [{"pointer": "#/ticket", "detail": "bad"}]}]
        answer = json.dumps({"accepted": 0, "rejected": rejected}).encode()
        self.fail_with((200, {}, answer))
        self.create_reporter().report_end(build_end(1))
        wait_for(lambda: len(self.collector.requests) == 2)

    def test_takes_less_than_a_millisecond_while_the_collector_hangs(self) -> None:
        def hang(path: str, body: Any) -> Answer:
            sleep(1)
            return 503, {}, b""

        self.collector.answer = hang
        sender = self.create_reporter()
        seconds = []
        for number in range(500):
            start = monotonic()
            sender.report_activity(build_activity(f"s{number}", 1), 300)
            sender.report_end(build_end(number))
            seconds.append(monotonic() - start)
        seconds.sort()
        self.assertLess(seconds[len(seconds) // 2], 0.001)
