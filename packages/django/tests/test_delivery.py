"""How reports reach the collector, whatever it answers."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import run
from tempfile import TemporaryDirectory
from threading import Thread
from time import monotonic, sleep
from typing import Any
from unittest.mock import patch

from django.test import SimpleTestCase, override_settings

from lapse_django.delivery import report_queue, reporter
from lapse_django.delivery.collector import NotRecordedError, post
from lapse_django.delivery.reporter import Reporter
from tests.recording_collector import Answer, RecordingCollector, accept, wait_for

ENDS = "/v1/lapses"
ACTIVITY = "/v1/activity"


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


class QueueDirTest(DeliveryTestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.directory = Path(folder.name) / "lapse"
        settings = override_settings(LAPSE_QUEUE_DIR=str(self.directory))
        settings.enable()
        self.addCleanup(settings.disable)

    def count_files(self) -> int:
        return len(list(self.directory.glob("*/*.json")))

    def run_process(self, code: str, *, port: str) -> None:
        """Runs Python code that ends with a signal, as a killed process does."""
        environment = {
            **os.environ,
            "LAPSE_COLLECTOR": port,
            "LAPSE_TOKEN": "the token",
            "LAPSE_QUEUE_DIR": str(self.directory),
            "DJANGO_SETTINGS_MODULE": "tests.project.settings",
        }
        command = [sys.executable, "-c", PRELUDE + code]
        result = run(command, env=environment, timeout=60)
        self.assertEqual(result.returncode, -signal.SIGKILL)

    def test_sends_what_a_killed_process_has_left(self) -> None:
        code = """
reporter.report_end({"site": "acme", "session": "s1"})
reporter.report_end({"site": "acme", "session": "s2"})
wait_for(lambda: len(list(directory.glob("*/*.json"))) == 2)
os.kill(os.getpid(), signal.SIGKILL)
"""
        self.run_process(code, port="http://127.0.0.1:9")
        self.assertEqual(self.count_files(), 2)
        self.create_reporter().report_end(build_end(3))
        wait_for(lambda: sorted(self.get_sessions()) == ["s1", "s2", "s3"])
        wait_for(lambda: self.count_files() == 0)

    def test_imports_nothing_in_the_background_during_which_it_could_fork(self) -> None:
        code = """
before = set(sys.modules)
reporter.report_end({"site": "acme", "session": "s1"})
reporter.close(10)
assert set(sys.modules) == before, set(sys.modules) - before
os.kill(os.getpid(), signal.SIGKILL)
"""
        self.run_process(code, port=self.collector.url)
        self.assertEqual(self.get_sessions(), ["s1"])

    def test_leaves_the_reports_of_a_living_process_alone(self) -> None:
        self.collector.answer = lambda path, body: (503, {}, b"")
        self.create_reporter().report_end(build_end(1))
        wait_for(lambda: self.count_files() == 1)
        second = self.create_reporter()
        second.report_end(build_end(2))
        wait_for(lambda: self.count_files() == 2)
        self.assertEqual(len(list(self.directory.iterdir())), 2)

    def test_keeps_the_reports_for_the_next_start_if_the_collector_is_down(
        self,
    ) -> None:
        self.collector.answer = lambda path, body: (503, {}, b"")
        first = self.create_reporter()
        first.report_end(build_end(1))
        first.close(5)
        self.assertEqual(self.count_files(), 1)
        self.collector.answer = accept
        self.create_reporter().report_end(build_end(2))
        wait_for(lambda: sorted(self.get_sessions()) == ["s1", "s2"])

    def test_lets_nobody_else_read_the_reports(self) -> None:
        self.collector.answer = lambda path, body: (503, {}, b"")
        self.create_reporter().report_end(build_end(1))
        wait_for(lambda: self.count_files() == 1)
        (folder,) = self.directory.iterdir()
        self.assertEqual(folder.stat().st_mode & 0o077, 0)

    def test_sends_the_reports_even_if_the_directory_cannot_be_used(self) -> None:
        self.directory.write_text("a file")
        self.create_reporter().report_end(build_end(1))
        wait_for(lambda: self.get_sessions() == ["s1"])

    def test_a_forked_process_has_its_own_reports(self) -> None:
        code = """
reporter.report_end({"site": "acme", "session": "of the parent"})
wait_for(lambda: len(list(directory.glob("*/*.json"))) == 1)
child = os.fork()
if child == 0:
    get_reporter().report_end({"site": "acme", "session": "of the child"})
    wait_for(lambda: len(list(directory.glob("*/*.json"))) == 2)
    os.kill(os.getppid(), signal.SIGKILL)
    # Until the test deletes the directory.
    wait_for(lambda: not directory.exists(), 30)
    os._exit(0)
sleep(30)
"""
        self.run_process(code, port="http://127.0.0.1:9")
        self.create_reporter().report_end(build_end(1))
        # The child still holds its own lock, but not that of its parent.
        wait_for(lambda: "of the parent" in self.get_sessions())
        self.assertEqual(sorted(self.get_sessions()), ["of the parent", "s1"])


PRELUDE = """
import os, signal, sys
from pathlib import Path
from time import sleep
import django
django.setup()
from lapse_django.delivery.reporter import get_reporter
from tests.recording_collector import wait_for
directory = Path(os.environ["LAPSE_QUEUE_DIR"])
reporter = get_reporter()
"""
