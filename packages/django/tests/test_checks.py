"""What "manage.py check" says about a project's settings."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import Any
from unittest import skipIf

from django.conf import settings
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.checks import run_checks
from django.test import SimpleTestCase, override_settings

MIDDLEWARE = "lapse_django.middleware.LapseMiddleware"
DATABASE_ENGINE = "django.contrib.sessions.backends.db"


class DerivedSessionMiddleware(SessionMiddleware):
    """A project's own version."""


def without(*names: str) -> list[str]:
    return [each for each in settings.MIDDLEWARE if not each.endswith(names)]


@override_settings(LAPSE_TOKEN="the token")
class ChecksTest(SimpleTestCase):
    def find(self, **changes: Any) -> list[str]:
        """Returns the ids of what is wrong. Each message has a hint."""
        with override_settings(**changes):
            messages = run_checks(tags=["lapse"])
        for message in messages:
            self.assertTrue(message.hint, message)
        return [str(message.id) for message in messages]

    def test_accept_a_complete_project(self) -> None:
        self.assertEqual(self.find(), [])
        self.assertEqual(self.find(LAPSE_COLLECTOR="https://acme.com:8443/lapse/"), [])
        for host in ("localhost", "127.0.0.2", "[::1]"):
            self.assertEqual(self.find(LAPSE_COLLECTOR=f"http://{host}:4780"), [])

    def test_name_what_is_missing_or_wrong(self) -> None:
        ids = {
            "lapse.E001": [{"LAPSE_SITE": ""}, {"LAPSE_SITE": None}, {"LAPSE_SITE": 1}],
            "lapse.E002": [
                {"LAPSE_COLLECTOR": url}
                for url in (
                    "",
                    None,
                    "lapse.acme.com",
                    "ftp://lapse.acme.com",
                    "https://",
                    "https://user:pass@lapse.acme.com",
                    "https://lapse.acme.com?a=b",
                    "https://lapse.acme.com:port",
                    "https://lapse.acme.com/\n",
                )
            ],
            "lapse.W001": [{"LAPSE_COLLECTOR": "http://lapse.acme.com"}],
            "lapse.W002": [{"LAPSE_TOKEN": ""}],
            "lapse.E003": [{"LAPSE_TICKET_SECRET": "s" * 31}],
            "lapse.W003": [{"LAPSE_TICKET_SECRET": ""}],
            "lapse.E004": [{"LAPSE_TICKET_PRIVATE_KEY": "a key"}],
            "lapse.E008": [
                {"LAPSE_IDLE_TIMEOUT_SECONDS": value}
                for value in (0, -1, 1.5, "60", True, 401 * 24 * 3600)
            ],
            "lapse.W004": [{"LAPSE_IDLE_TIMEOUT_SECONDS": 1801}],
            "lapse.E009": [{"LAPSE_HEARTBEAT_SECONDS": value} for value in (-1, "60")],
            "lapse.E010": [{"LAPSE_QUEUE_DIR": value} for value in ("queue", 1)],
        }
        for id, cases in ids.items():
            for changes in cases:
                with self.subTest(id, **changes):
                    self.assertEqual(self.find(**changes), [id])

    def test_accept_a_secret_of_32_bytes_that_are_fewer_characters(self) -> None:
        self.assertEqual(self.find(LAPSE_TICKET_SECRET="ä" * 16), [])

    def test_need_no_ticket_key_in_a_project_without_the_script(self) -> None:
        self.assertEqual(self.find(LAPSE_TICKET_SECRET="", LAPSE_SCRIPT=False), [])

    def test_name_a_private_key_that_cannot_sign_without_repeating_it(self) -> None:
        key = {"LAPSE_TICKET_SECRET": "", "LAPSE_TICKET_PRIVATE_KEY": "-----BEGIN x"}
        self.assertEqual(self.find(**key), ["lapse.E007"])
        self.assertEqual(
            self.find(**key, LAPSE_TICKET_ALGORITHM="HS256"), ["lapse.E005"]
        )
        with override_settings(**key):
            self.assertNotIn("BEGIN", str(run_checks(tags=["lapse"])))

    def test_name_a_middleware_that_is_missing_or_in_the_wrong_place(self) -> None:
        self.assertEqual(
            self.find(MIDDLEWARE=without("LapseMiddleware")), ["lapse.W005"]
        )
        others = without("LapseMiddleware")
        for index in range(len(others)):
            wrong = [*others[:index], MIDDLEWARE, *others[index:]]
            with self.subTest(wrong):
                self.assertEqual(self.find(MIDDLEWARE=wrong), ["lapse.E012"])

    def test_accept_a_middleware_that_is_derived_from_one_of_django(self) -> None:
        derived = f"{__name__}.DerivedSessionMiddleware"
        own = [derived, *without("SessionMiddleware")]
        self.assertEqual(self.find(MIDDLEWARE=own), [])

    def test_name_sessions_that_do_not_end_as_lapse_assumes(self) -> None:
        self.assertEqual(self.find(SESSION_SAVE_EVERY_REQUEST=False), ["lapse.W006"])
        backends = "django.contrib.sessions.backends"
        engines = {
            "signed_cookies": ["lapse.W007"],
            "cache": ["lapse.W008"],
            "file": ["lapse.W008"],
            "cached_db": [],
            "db": [],
        }
        for engine, expected in engines.items():
            with self.subTest(engine):
                self.assertEqual(
                    self.find(SESSION_ENGINE=f"{backends}.{engine}"), expected
                )

    def test_name_templates_that_cannot_contain_the_tag(self) -> None:
        (engine,) = settings.TEMPLATES
        processors = {
            "django.template.context_processors.request": [],
            "lapse_django.context_processors.lapse": [],
            "django.template.context_processors.debug": ["lapse.W009"],
        }
        for processor, expected in processors.items():
            options = {"OPTIONS": {"context_processors": [processor]}}
            with self.subTest(processor):
                self.assertEqual(self.find(TEMPLATES=[{**engine, **options}]), expected)
        bare = {"BACKEND": engine["BACKEND"]}
        self.assertEqual(self.find(TEMPLATES=[bare], LAPSE_SCRIPT=False), [])

    def test_accept_a_queue_directory_that_can_be_created(self) -> None:
        with TemporaryDirectory() as folder:
            directory = Path(folder) / "acme" / "lapse"
            self.assertEqual(self.find(LAPSE_QUEUE_DIR=str(directory)), [])
            self.assertEqual(self.find(LAPSE_QUEUE_DIR=directory), [])

    def test_name_a_queue_directory_that_is_a_file(self) -> None:
        with NamedTemporaryFile() as file:
            self.assertEqual(self.find(LAPSE_QUEUE_DIR=file.name), ["lapse.E011"])

    @skipIf(os.geteuid() == 0, "root may write everywhere")
    def test_name_a_queue_directory_that_cannot_be_written(self) -> None:
        self.assertEqual(self.find(LAPSE_QUEUE_DIR="/lapse"), ["lapse.E011"])
