"""How reports survive the end of a process in LAPSE_QUEUE_DIR."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from subprocess import run
from tempfile import TemporaryDirectory

from django.test import override_settings

from tests.delivery import DeliveryTestCase, build_end
from tests.recording_collector import accept, wait_for


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
