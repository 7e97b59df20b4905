"""The settings of Lapse. No other module reads them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.signals import setting_changed

# The collector accepts no longer limits.
MAX_TIMEOUT_SECONDS = 400 * 24 * 3600
MIN_HEARTBEAT_SECONDS = 15
MAX_HEARTBEAT_SECONDS = 300
MIN_SECRET_BYTES = 32


@dataclass(frozen=True)
class Configuration:
    """What the settings say. An invalid setting counts as missing; checks report it."""

    site: str
    collector: str
    """Without a slash at the end."""
    token: str
    ticket_secret: str
    ticket_private_key: str
    ticket_algorithm: str
    ticket_key_id: str
    own_idle_timeout_seconds: int | None
    """The limit of the project's own idle timer. None: it has none."""
    own_heartbeat_seconds: float | None
    """0: no activity reports. None: it depends on the idle timeout."""
    queue_dir: Path | None
    uses_script: bool

    @property
    def is_complete(self) -> bool:
        """Whether it is known where to report, and about which site."""
        return bool(self.site and self.collector)

    @property
    def can_report(self) -> bool:
        """Whether this server may send reports."""
        return bool(self.is_complete and self.token)

    def choose_heartbeat_seconds(self, idle_timeout_seconds: float) -> float:
        """Returns how often to report the activity of a session; 0 for never."""
        heartbeat = self.own_heartbeat_seconds
        if heartbeat is None:
            quarter = idle_timeout_seconds / 4
            heartbeat = max(MIN_HEARTBEAT_SECONDS, min(quarter, MAX_HEARTBEAT_SECONDS))
        # A longer interval would let the collector record a timeout too early.
        return min(heartbeat, idle_timeout_seconds / 2)


@lru_cache(maxsize=1)
def get_configuration() -> Configuration:
    """Reads the settings once, and again when a test overrides them. Never raises."""
    collector = read_text("LAPSE_COLLECTOR").rstrip("/")
    idle_timeout = getattr(settings, "LAPSE_IDLE_TIMEOUT_SECONDS", None)
    heartbeat = getattr(settings, "LAPSE_HEARTBEAT_SECONDS", None)
    queue_dir = getattr(settings, "LAPSE_QUEUE_DIR", None)
    return Configuration(
        site=read_text("LAPSE_SITE"),
        collector=collector if is_collector_url(collector) else "",
        token=read_text("LAPSE_TOKEN"),
        ticket_secret=read_text("LAPSE_TICKET_SECRET"),
        ticket_private_key=read_text("LAPSE_TICKET_PRIVATE_KEY"),
        ticket_algorithm=read_text("LAPSE_TICKET_ALGORITHM") or "EdDSA",
        ticket_key_id=read_text("LAPSE_TICKET_KEY_ID"),
        own_idle_timeout_seconds=idle_timeout if is_timeout(idle_timeout) else None,
        own_heartbeat_seconds=heartbeat if is_heartbeat(heartbeat) else None,
        queue_dir=Path(queue_dir)
        if isinstance(queue_dir, (str, Path)) and queue_dir
        else None,
        uses_script=bool(getattr(settings, "LAPSE_SCRIPT", True)),
    )


def read_text(name: str) -> str:
    value = getattr(settings, name, "")
    return value if isinstance(value, str) else ""


def is_collector_url(text: str) -> bool:
    """Whether the text is an http or https URL without user, query or fragment."""
    try:
        url = urlsplit(text)
        port_is_valid = url.port is None or url.port > 0
    except ValueError:
        return False
    extras = (url.username, url.password, url.query, url.fragment)
    is_plain = text.isprintable() and " " not in text
    has_place = url.scheme in ("http", "https") and bool(url.hostname)
    return has_place and port_is_valid and is_plain and not any(extras)


def is_timeout(value: Any) -> bool:
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return is_integer and 0 < value <= MAX_TIMEOUT_SECONDS


def is_heartbeat(value: Any) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and 0 <= value <= MAX_TIMEOUT_SECONDS


def forget_configuration(**kwargs: Any) -> None:
    """Receives setting_changed, which Django's test tools send."""
    get_configuration.cache_clear()


setting_changed.connect(forget_configuration)
