"""The reports that are waiting to be sent."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

Kind = Literal["activity", "end", "ends_of_subject"]

# Activity comes first, so that the collector knows a session before it ends.
KINDS: tuple[Kind, ...] = ("activity", "end", "ends_of_subject")

MAX_REPORTS = 10_000
"""Of each kind."""

# The collector's limits for one request.
MAX_BATCH_REPORTS = 500
MAX_BATCH_BYTES = 256 * 1024


@dataclass(frozen=True, eq=False)
class Entry:
    number: int
    kind: Kind
    report: dict[str, Any]


class ReportQueue:
    """A bounded queue. It is not thread-safe."""

    def __init__(self) -> None:
        self._entries: dict[Kind, OrderedDict[int, Entry]] = {
            kind: OrderedDict() for kind in KINDS
        }
        self._activity: dict[str, int] = {}
        self._last_number = 0

    def __len__(self) -> int:
        return sum(len(entries) for entries in self._entries.values())

    def __iter__(self) -> Iterator[Entry]:
        for entries in self._entries.values():
            yield from entries.values()

    def add(self, kind: Kind, report: dict[str, Any]) -> Entry | None:
        """
        Adds a report. A later access of a session replaces an earlier one.

        Returns the entry that was dropped because the queue was full.
        """
        entries = self._entries[kind]
        number = self._activity.get(report["session"]) if kind == "activity" else None
        if number is not None:
            earlier = entries[number].report
            later = max(earlier, report, key=lambda each: each["lastAccessAt"])
            entries[number] = Entry(number, kind, later)
            return None
        self._last_number += 1
        entries[self._last_number] = Entry(self._last_number, kind, report)
        if kind == "activity":
            self._activity[report["session"]] = self._last_number
        if len(entries) <= MAX_REPORTS:
            return None
        oldest = next(iter(entries.values()))
        self.remove(oldest)
        return oldest

    def remove(self, entry: Entry) -> bool:
        """Removes an entry, unless a later report has replaced it meanwhile."""
        entries = self._entries[entry.kind]
        if entries.get(entry.number) is not entry:
            return False
        del entries[entry.number]
        if entry.kind == "activity":
            del self._activity[entry.report["session"]]
        return True

    def remove_activity(self, session: str, until: int) -> None:
        """Removes the activity of a session that is not later than the given access."""
        number = self._activity.get(session)
        if number is None:
            return
        entry = self._entries["activity"][number]
        if entry.report["lastAccessAt"] <= until:
            self.remove(entry)

    def peek(self, kind: Kind) -> list[Entry]:
        """Returns the oldest entries that may fit into one request."""
        # The collector takes the end of all sessions of a user only alone.
        most = 1 if kind == "ends_of_subject" else MAX_BATCH_REPORTS
        return list(islice(self._entries[kind].values(), most))


def encode_batch(entries: list[Entry], sent_at: int) -> tuple[list[Entry], bytes]:
    """Encodes as many of the entries as fit into one request. Returns them too."""
    if entries[0].kind == "ends_of_subject":
        return entries[:1], encode(entries[0], sent_at)
    texts: list[bytes] = []
    size = 1
    for entry in entries:
        text = encode(entry, sent_at)
        size += len(text) + 1
        if texts and size > MAX_BATCH_BYTES:
            break
        texts.append(text)
    return entries[: len(texts)], b"[" + b",".join(texts) + b"]"


def encode(entry: Entry, sent_at: int) -> bytes:
    return json.dumps(
        {**entry.report, "sentAt": sent_at}, separators=(",", ":")
    ).encode()
