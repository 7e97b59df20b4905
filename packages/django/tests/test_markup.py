"""The script tag."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.template import Context, RequestContext, Template
from django.test import RequestFactory, TestCase, override_settings
from django.utils.functional import SimpleLazyObject

from lapse_django.limits import Limits
from lapse_django.tickets import sign_ticket

TAG = "{% load lapse %}{% lapse_tag %}"
HOSTILE = "\"><script>alert(1)</script> onload=alert(1) '&"


class Attributes(HTMLParser):
    """Reads the tags of a text as a browser does."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(dict(attrs))


class MarkupTest(TestCase):
    def build_request(self, user: Any = None, record: Any = None) -> HttpRequest:
        request = RequestFactory().get("/")
        request.session = SessionStore()
        request.user = user or AnonymousUser()
        if user:
            request.session["_auth_user_id"] = str(user.pk)
        if record:
            request.session["lapse"] = record
        return request

    def render(
        self, request: HttpRequest, template: str = TAG
    ) -> dict[str, str | None]:
        (tag,) = Attributes(Template(template).render(RequestContext(request))).tags
        return tag

    def test_states_that_nobody_is_signed_in(self) -> None:
        expected = {
            "src": "http://127.0.0.1:9/lapse.js",
            "defer": None,
            "data-site": "acme",
            "data-state": "absent",
        }
        self.assertEqual(self.render(self.build_request()), expected)
        variable = "{{ lapse.tag }}"
        self.assertEqual(self.render(self.build_request(), variable), expected)

    def test_states_whose_session_it_is_and_escapes_every_value(self) -> None:
        user = get_user_model().objects.create_user("anna")
        record = {
            "session": HOSTILE,
            "subject": HOSTILE,
            "startedAt": 1_767_340_800_000,
        }
        request = self.build_request(user, record)
        request.csp_nonce = HOSTILE
        with override_settings(LAPSE_SITE=HOSTILE):
            expected = {
                "src": "http://127.0.0.1:9/lapse.js",
                "defer": None,
                "data-site": HOSTILE,
                "data-idle-timeout-seconds": "1800",
                "data-state": "active",
                "data-subject": HOSTILE,
                "data-session": HOSTILE,
                "data-ticket": sign_ticket(record, Limits(1800)),
                "nonce": HOSTILE,
            }
            self.assertEqual(self.render(request), expected)

    def test_uses_the_nonce_of_a_content_security_policy_that_creates_it_when_read(
        self,
    ) -> None:
        class LazyNonce(SimpleLazyObject):
            """Like Django's, it is false until somebody reads it."""

            def __bool__(self) -> bool:
                return False

        request = self.build_request()
        request.csp_nonce = LazyNonce(lambda: "r4nd0m")
        self.assertEqual(self.render(request)["nonce"], "r4nd0m")

    def test_says_nothing_about_a_page_that_is_rendered_before_authentication(
        self,
    ) -> None:
        request = RequestFactory().get("/")
        self.assertEqual(Template(TAG).render(RequestContext(request)), "")
        self.assertEqual(
            Template("{{ lapse.tag }}").render(RequestContext(request)), ""
        )

    def test_is_empty_without_a_request_in_the_context(self) -> None:
        self.assertEqual(Template(TAG).render(Context()), "")

    def test_is_empty_in_a_project_without_the_script(self) -> None:
        with override_settings(LAPSE_SCRIPT=False):
            rendered = Template(TAG).render(RequestContext(self.build_request()))
        self.assertEqual(rendered, "")

    def test_is_empty_without_the_collector_rather_than_a_failing_page(self) -> None:
        with override_settings(LAPSE_COLLECTOR="not a URL"):
            rendered = Template(TAG).render(RequestContext(self.build_request()))
        self.assertEqual(rendered, "")

    def test_does_not_count_the_user_of_an_api_token_as_signed_in(self) -> None:
        user = get_user_model().objects.create_user("anna")
        request = self.build_request()
        request.user = user
        self.assertEqual(self.render(request)["data-state"], "absent")
        self.assertNotIn("lapse", request.session)

    def test_a_template_that_does_not_use_it_does_not_read_the_session(self) -> None:
        request = self.build_request()
        Template("hello").render(RequestContext(request))
        self.assertFalse(request.session.accessed)
