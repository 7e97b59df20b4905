"""Stands in for the collector where a test decides what it answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import monotonic, sleep
from typing import Any

Answer = tuple[int, dict[str, str], bytes]


def accept(path: str, body: Any) -> Answer:
    """Answers as the collector does when it has recorded everything."""
    if isinstance(body, list):
        answer: dict[str, Any] = {"accepted": len(body), "rejected": []}
    else:
        answer = {"lapses": []}
    return 200, {}, json.dumps(answer).encode()


class RecordingCollector:
    """A collector that records the requests that it answers with 2xx."""

    def __init__(self) -> None:
        self.answer: Callable[[str, Any], Answer] = accept
        self.requests: list[tuple[str, Any]] = []
        self.attempts: list[tuple[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = json.loads(self.rfile.read(length) or b"null")
                recorder.headers.append(dict(self.headers))
                recorder.attempts.append((self.path, body))
                status, headers, content = recorder.answer(self.path, body)
                if status < 300:
                    recorder.requests.append((self.path, body))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def get_reports(self, path: str) -> list[dict[str, Any]]:
        """Returns the recorded reports of an endpoint, each separately."""
        reports: list[dict[str, Any]] = []
        for each, body in list(self.requests):
            if each == path:
                reports.extend(body if isinstance(body, list) else [body])
        return reports

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def wait_for(is_true: Callable[[], Any], seconds: float = 10) -> None:
    """Waits until a condition holds."""
    end = monotonic() + seconds
    while not is_true():
        if monotonic() > end:
            raise AssertionError(f"It did not happen within {seconds} seconds.")
        sleep(0.01)
