"""Keeps the reports that are waiting in a directory, so that they survive a restart."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from shutil import rmtree
from typing import IO, Any
from uuid import uuid4

from lapse_django.delivery.report_queue import KINDS, Entry, Kind

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

IS_SUPPORTED = fcntl is not None
LOCK = "lock"

logger = logging.getLogger("lapse_django")


class Spool:
    """
    A folder of one process in the directory that all processes share. Its lock shows
    that the process is alive. Methods raise OSError.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._folder = directory / uuid4().hex
        self._lock: IO[bytes] | None = None
        self._saved: dict[int, Entry] = {}

    def save(self, entries: list[Entry]) -> None:
        """Makes the folder contain exactly these entries."""
        wanted = {entry.number: entry for entry in entries}
        if not wanted and not self._saved:
            return
        self._open()
        for number, entry in wanted.items():
            if self._saved.get(number) is not entry:
                self._write(entry)
        for number in self._saved.keys() - wanted.keys():
            self._get_path(number).unlink(missing_ok=True)
            del self._saved[number]

    def adopt(self, take: Callable[[list[tuple[Kind, dict[str, Any]]]], None]) -> None:
        """
        Passes on the reports of each process that has ended, then deletes its folder.
        `take` must save them first.
        """
        if not self._directory.is_dir():
            return
        for folder in sorted(self._directory.iterdir()):
            if folder == self._folder or not (folder / LOCK).is_file():
                continue
            try:
                lock = try_to_lock(folder / LOCK)
            except FileNotFoundError:  # Another process has just done it.
                continue
            if lock is None:
                continue
            with lock:
                if reports := read_reports(folder):
                    take(reports)
                rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Releases the folder. Removes it if nothing is waiting."""
        if self._lock is None:
            return
        if not self._saved:
            rmtree(self._folder, ignore_errors=True)
        self._lock.close()
        self._lock = None

    def release_after_fork(self) -> None:
        """Closes the copy of the lock, which would outlive the process that owns it."""
        if self._lock is not None:
            self._lock.close()

    def _open(self) -> None:
        if self._lock is not None:
            return
        # Reports name users, so nobody else may read them.
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Locked before others can see it. Otherwise, they could take it for abandoned.
        hidden = self._folder / f"{LOCK}.new"
        self._lock = try_to_lock(hidden)
        hidden.replace(self._folder / LOCK)

    def _write(self, entry: Entry) -> None:
        path = self._get_path(entry.number)
        new = path.with_suffix(".new")
        new.write_text(json.dumps({"kind": entry.kind, "report": entry.report}))
        new.replace(path)
        self._saved[entry.number] = entry

    def _get_path(self, number: int) -> Path:
        return self._folder / f"{number:012d}.json"


def try_to_lock(path: Path) -> IO[bytes] | None:
    """Returns None if a living process holds the lock."""
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def read_reports(folder: Path) -> list[tuple[Kind, dict[str, Any]]]:
    """Reads what a process has left, oldest first."""
    reports: list[tuple[Kind, dict[str, Any]]] = []
    for path in sorted(folder.glob("*.json")):
        try:
            content = json.loads(path.read_text())
            kind, report = content["kind"], content["report"]
            is_report = kind in KINDS and isinstance(report, dict)
        except (ValueError, KeyError, TypeError):
            is_report = False
        if is_report:
            reports.append((kind, report))
        else:
            logger.error("%s is not a report of Lapse, and is deleted.", path)
    return reports


def is_writable(directory: Path) -> bool:
    """Whether the directory exists or can be created, and can be written to."""
    existing = directory
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
