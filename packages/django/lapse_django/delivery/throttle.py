"""Limits how often the activity of a session is reported."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from typing import Any


@dataclass
class Interval:
    """The interval of a session after a report, in which no other report is sent."""

    seconds: float
    pending: dict[str, Any] | None = None
    """The last access in this interval, which is reported at its end."""


class ActivityThrottle:
    """
    Lets one report through for each session and interval: at once when it starts, and
    the last access at its end. Times are seconds of a clock that only moves forward.
    """

    def __init__(self) -> None:
        self._intervals: dict[str, Interval] = {}
        self._ends: list[tuple[float, int, str, Interval]] = []
        self._order = count()

    def admit(
        self, alias: str, report: dict[str, Any], seconds: float, now: float
    ) -> bool:
        """Returns whether to send the report now. Otherwise, it is kept for later."""
        interval = self._intervals.get(alias)
        # A session whose limit has become shorter needs shorter intervals at once.
        if interval is not None and interval.seconds <= seconds:
            interval.pending = report
            return False
        self._begin(alias, Interval(seconds), now)
        return True

    def get_next_end(self) -> float | None:
        return self._ends[0][0] if self._ends else None

    def take_due(self, now: float) -> list[dict[str, Any]]:
        """Returns the kept reports of the intervals that have ended."""
        due = []
        while self._ends and self._ends[0][0] <= now:
            _, _, alias, interval = heappop(self._ends)
            if self._intervals.get(alias) is not interval:
                continue
            del self._intervals[alias]
            if interval.pending is not None:
                due.append(interval.pending)
                self._begin(alias, Interval(interval.seconds), now)
        return due

    def take(self, alias: str) -> dict[str, Any] | None:
        """Ends the interval of a session that has ended. Returns what was kept."""
        interval = self._intervals.pop(alias, None)
        return interval.pending if interval else None

    def take_all(self) -> list[dict[str, Any]]:
        """Ends all intervals."""
        intervals = list(self._intervals.values())
        self._intervals.clear()
        self._ends.clear()
        return [each.pending for each in intervals if each.pending is not None]

    def _begin(self, alias: str, interval: Interval, now: float) -> None:
        self._intervals[alias] = interval
        entry = (now + interval.seconds, next(self._order), alias, interval)
        heappush(self._ends, entry)
