"""The script tag, and the values in it."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from lapse_django.conf import get_configuration
from lapse_django.failsafe import failsafe
from lapse_django.limits import read_limits
from lapse_django.session import find_record
from lapse_django.tickets import sign_ticket

try:
    from django.middleware.csp import get_nonce
except ImportError:  # Django before 6.0

    def get_nonce(request: HttpRequest) -> None:
        return None


@dataclass(frozen=True)
class PageState:
    """What a page tells the script about the session."""

    collector: str
    site: str
    state: str
    """`active` or `absent`."""
    nonce: str = ""
    subject: str = ""
    session: str = ""
    ticket: str = ""
    idle_timeout_seconds: int | None = None

    @property
    def tag(self) -> SafeString:
        """The script tag."""
        attributes = {
            "data-site": self.site,
            "data-idle-timeout-seconds": self.idle_timeout_seconds,
            "data-state": self.state,
            "data-subject": self.subject,
            "data-session": self.session,
            "data-ticket": self.ticket,
            "nonce": self.nonce,
        }
        pairs = [(name, value) for name, value in attributes.items() if value]
        return format_html(
            '<script src="{}/lapse.js" defer{}></script>',
            self.collector,
            format_html_join("", ' {}="{}"', pairs),
        )


@failsafe
def describe_page(request: HttpRequest | None) -> PageState | None:
    """
    Returns None if the page can have no tag.

    Some pages, such as error pages, are rendered before AuthenticationMiddleware has
    run. They cannot know whether there is a session, so they must not say "absent".
    """
    configuration = get_configuration()
    if not configuration.uses_script or not configuration.is_complete:
        return None
    if (
        request is None
        or not hasattr(request, "user")
        or not hasattr(request, "session")
    ):
        return None
    collector, site = configuration.collector, configuration.site
    nonce = read_nonce(request)
    record = find_record(request)
    if record is None:
        return PageState(collector, site, "absent", nonce)
    limits = read_limits(request.session, record)
    return PageState(
        collector,
        site,
        "active",
        nonce,
        subject=record["subject"],
        session=record["session"],
        ticket=sign_ticket(record, limits),
        idle_timeout_seconds=limits.idle_seconds,
    )


def read_nonce(request: HttpRequest) -> str:
    """
    Returns the nonce of the Content Security Policy of Django or django-csp, if any.

    A nonce that nobody has used yet is false, and reading it creates it.
    """
    nonce = get_nonce(request)
    if nonce is None:
        nonce = getattr(request, "csp_nonce", None)
    return "" if nonce is None else str(nonce)
