"""The background thread that sends reports."""

from __future__ import annotations

import atexit
import logging
import os
import random
from collections.abc import Callable
from threading import Condition, Lock, Thread
from time import monotonic, sleep
from typing import Any

from lapse_django.conf import get_configuration
from lapse_django.delivery.collector import NotRecordedError
from lapse_django.delivery.report_queue import KINDS, Entry, Kind, ReportQueue
from lapse_django.delivery.sending import send_batch
from lapse_django.delivery.spool import IS_SUPPORTED, Spool
from lapse_django.delivery.throttle import ActivityThrottle

# So that the activity of concurrent requests shares a batch.
BATCH_DELAY_SECONDS = 0.2
MIN_RETRY_SECONDS = 1.0
MAX_RETRY_SECONDS = 60.0
# How often to look for reports of processes that have ended.
ADOPTION_SECONDS = 60.0
# How often to log that the same thing still fails.
LOG_SECONDS = 60.0
# How long the end of the process may take longer.
EXIT_SECONDS = 2.0

logger = logging.getLogger("lapse_django")


class Reporter:
    """
    Buffers reports and sends them in the background. Methods return at once and may be
    called from any thread. The thread starts with the first report.
    """

    def __init__(self) -> None:
        self._condition = Condition()
        self._queue = ReportQueue()
        self._throttle = ActivityThrottle()
        directory = get_configuration().queue_dir
        self._spool = Spool(directory) if directory and IS_SUPPORTED else None
        self._thread: Thread | None = None
        self._has_news = False
        self._has_ends = False
        self._is_closing = False
        self._failures = 0
        self._retry_at = 0.0
        self._adopt_at = 0.0
        self._logged_at: dict[str, float] = {}

    def report_activity(self, report: dict[str, Any], interval_seconds: float) -> None:
        with self._condition:
            alias = report["session"]
            if self._throttle.admit(alias, report, interval_seconds, monotonic()):
                self._add("activity", report)

    def report_end(self, report: dict[str, Any]) -> None:
        with self._condition:
            session = report["session"]
            if pending := self._throttle.take(session):
                self._add("activity", pending)
            # The collector compares times of two requests only roughly. An access just
            # before the end could seem to be after it, and the session would go on.
            self._queue.remove_activity(session, until=report.get("lastAccessAt", 0))
            self._add("end", report)

    def report_ends_of_subject(self, report: dict[str, Any]) -> None:
        with self._condition:
            self._add("ends_of_subject", report)

    def close(self, timeout_seconds: float) -> None:
        """
        Tries once to send what is waiting, for at most the given time. What could not
        be sent stays in the directory, if there is one.
        """
        with self._condition:
            thread = self._thread
            for report in self._throttle.take_all():
                self._add("activity", report)
            self._is_closing = True
            self._condition.notify_all()
        if thread is not None:
            thread.join(timeout_seconds)
        if (waiting := len(self._queue)) and self._spool is None:
            logger.error(
                "The process ends before the collector has confirmed %d reports. To "
                "keep them, set LAPSE_QUEUE_DIR.",
                waiting,
            )

    def release_after_fork(self) -> None:
        """Called in a forked process, which uses its own reporter."""
        if self._spool:
            self._spool.release_after_fork()

    def _add(self, kind: Kind, report: dict[str, Any]) -> None:
        if self._queue.add(kind, report):
            self._warn("The queue of reports is full: the oldest are dropped.")
        if self._thread is None:
            self._thread = Thread(target=self._run, name="lapse", daemon=True)
            self._thread.start()
        self._has_news = True
        # The browser may report the same end at any moment, and knows less about it.
        self._has_ends = self._has_ends or kind != "activity"
        self._condition.notify_all()

    def _run(self) -> None:
        is_closing = False
        while not is_closing:
            try:
                is_closing = self._wait()
                self._use_spool(self._save)
                if is_closing or monotonic() >= self._retry_at:
                    self._send()
                self._use_spool(self._save)
            except Exception:
                logger.exception("Lapse could not send reports. It will try again.")
                self._delay_retry()
                sleep(MIN_RETRY_SECONDS)
        self._use_spool(Spool.close)

    def _wait(self) -> bool:
        """Waits until there is something to do. Returns whether it is the last time."""
        with self._condition:
            while (
                not (self._is_closing or self._has_news)
                and (delay := self._get_delay()) > 0
            ):
                self._condition.wait(delay)
            self._condition.wait_for(
                lambda: self._is_closing or self._has_ends, BATCH_DELAY_SECONDS
            )
            self._has_news = self._has_ends = False
            for report in self._throttle.take_due(monotonic()):
                self._queue.add("activity", report)
            return self._is_closing

    def _get_delay(self) -> float:
        """Returns how many seconds to wait unless a report arrives."""
        times = [monotonic() + ADOPTION_SECONDS]
        if (interval_end := self._throttle.get_next_end()) is not None:
            times.append(interval_end)
        if self._queue:
            times.append(self._retry_at)
        return min(times) - monotonic()

    def _send(self) -> None:
        """Sends all that is waiting, until something fails."""
        for kind in KINDS:
            while entries := self._peek(kind):
                try:
                    outcome = send_batch(entries)
                except NotRecordedError as error:
                    self._delay_retry(error.retry_after_seconds)
                    self._warn(f"Reports are waiting for the collector: {error}")
                    return
                for report, fault in outcome.refused:
                    logger.error("The collector has refused %s: %s", report, fault)
                with self._condition:
                    for entry in outcome.handled:
                        self._queue.remove(entry)
        self._failures = 0

    def _peek(self, kind: Kind) -> list[Entry]:
        with self._condition:
            return self._queue.peek(kind)

    def _delay_retry(self, retry_after_seconds: float = 0) -> None:
        delay = min(MIN_RETRY_SECONDS * 2**self._failures, MAX_RETRY_SECONDS)
        self._failures = min(self._failures + 1, 10)
        # At random, so that not all processes try at once.
        delay *= random.uniform(0.5, 1)
        self._retry_at = monotonic() + max(delay, retry_after_seconds)

    def _use_spool(self, use: Callable[[Spool], None]) -> None:
        if self._spool is None:
            return
        try:
            use(self._spool)
        except OSError as error:
            self._warn(
                f"LAPSE_QUEUE_DIR cannot be used. Reports stay in memory: {error}"
            )

    def _save(self, spool: Spool) -> None:
        if monotonic() >= self._adopt_at:
            self._adopt_at = monotonic() + ADOPTION_SECONDS
            spool.adopt(lambda reports: self._take_over(spool, reports))
        with self._condition:
            entries = list(self._queue)
        spool.save(entries)

    def _take_over(
        self, spool: Spool, reports: list[tuple[Kind, dict[str, Any]]]
    ) -> None:
        with self._condition:
            for kind, report in reports:
                self._queue.add(kind, report)
            entries = list(self._queue)
        spool.save(entries)

    def _warn(self, message: str) -> None:
        """Logs a message, but not the same kind of message again within a minute."""
        kind = message.partition(":")[0]
        if monotonic() - self._logged_at.get(kind, -LOG_SECONDS) >= LOG_SECONDS:
            self._logged_at[kind] = monotonic()
            logger.warning("%s", message)


_reporter: Reporter | None = None
_lock = Lock()


def get_reporter() -> Reporter:
    """Returns the reporter of this process."""
    global _reporter
    with _lock:
        if _reporter is None:
            _reporter = Reporter()
        return _reporter


def close_reporter() -> None:
    """Called when the process ends."""
    if _reporter is not None:
        _reporter.close(EXIT_SECONDS)


def replace_after_fork() -> None:
    """Threads do not survive a fork, and the reports belong to the parent process."""
    global _reporter, _lock
    _lock = Lock()
    if _reporter is not None:
        _reporter.release_after_fork()
        _reporter = None


atexit.register(close_reporter)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=replace_after_fork)
