"""Checks each setting of Lapse separately."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

from lapse_django.conf import (
    MAX_TIMEOUT_SECONDS,
    MIN_SECRET_BYTES,
    get_configuration,
    is_collector_url,
    is_heartbeat,
    is_timeout,
    read_text,
)
from lapse_django.delivery.spool import IS_SUPPORTED, is_writable
from lapse_django.tickets import sign_with_private_key

ALGORITHMS = ("EdDSA", "ES256", "RS256")


def check_place() -> Iterator[CheckMessage]:
    """Checks where to report, and about which site."""
    collector = read_text("LAPSE_COLLECTOR")
    if not read_text("LAPSE_SITE"):
        yield Error(
            "LAPSE_SITE is missing or is not text.",
            hint="Set it to the name of your site in the collector's configuration.",
            id="lapse.E001",
        )
    if not is_collector_url(collector):
        yield Error(
            "LAPSE_COLLECTOR is missing or is not an http or https URL.",
            hint='Set it to the address of your collector: "https://lapse.acme.com".',
            id="lapse.E002",
        )
    elif is_readable_on_the_way(collector):
        yield Warning(
            "LAPSE_COLLECTOR uses http, so others in the network can read the token.",
            hint="Use https.",
            id="lapse.W001",
        )
    if not read_text("LAPSE_TOKEN"):
        yield Warning(
            "LAPSE_TOKEN is missing: this server reports nothing.",
            hint='Create one with "lapse token create --scope write --site NAME".',
            id="lapse.W002",
        )


def is_readable_on_the_way(collector: str) -> bool:
    url = urlsplit(collector)
    if url.scheme == "https":
        return False
    host = url.hostname or ""
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


def check_keys() -> Iterator[CheckMessage]:
    """Checks the key that signs tickets."""
    configuration = get_configuration()
    secret = configuration.ticket_secret
    if secret and configuration.ticket_private_key:
        yield Error(
            "Both LAPSE_TICKET_SECRET and LAPSE_TICKET_PRIVATE_KEY are set.",
            hint="Remove the one whose key the collector does not know.",
            id="lapse.E004",
        )
    elif configuration.ticket_private_key:
        yield from check_private_key()
    elif secret and len(secret.encode()) < MIN_SECRET_BYTES:
        yield Error(
            f"LAPSE_TICKET_SECRET is shorter than {MIN_SECRET_BYTES} bytes.",
            hint='Create one with "openssl rand -hex 32". The collector needs it too.',
            id="lapse.E003",
        )
    elif not secret and configuration.uses_script:
        yield Warning(
            "There is no key for tickets: users can report what they like about "
            "their sessions.",
            hint="Set LAPSE_TICKET_SECRET or LAPSE_TICKET_PRIVATE_KEY.",
            id="lapse.W003",
        )


def check_private_key() -> Iterator[CheckMessage]:
    configuration = get_configuration()
    algorithm = configuration.ticket_algorithm
    if algorithm not in ALGORITHMS:
        yield Error(
            f"LAPSE_TICKET_ALGORITHM is {algorithm!r}.",
            hint=f"Use one of these: {', '.join(ALGORITHMS)}.",
            id="lapse.E005",
        )
        return
    try:
        sign_with_private_key("{}", configuration.ticket_private_key, algorithm, "")
    except ImportError:
        yield Error(
            "LAPSE_TICKET_PRIVATE_KEY needs PyJWT, which is not installed.",
            hint='Install it with "pip install PyJWT[crypto]".',
            id="lapse.E006",
        )
    except Exception:  # PyJWT and cryptography raise many kinds.
        # Without the error's text, which might contain the key.
        yield Error(
            f"LAPSE_TICKET_PRIVATE_KEY cannot sign with {algorithm}.",
            hint="Set it to a private key of that algorithm in the PEM format.",
            id="lapse.E007",
        )


def check_optional_values() -> Iterator[CheckMessage]:
    """Checks the settings that a project may omit."""
    timeout = getattr(settings, "LAPSE_IDLE_TIMEOUT_SECONDS", None)
    if timeout is not None and not is_timeout(timeout):
        yield Error(
            f"LAPSE_IDLE_TIMEOUT_SECONDS is {timeout!r}.",
            hint="Set it to whole seconds from 1 to "
            f"{MAX_TIMEOUT_SECONDS}, or remove it: SESSION_COOKIE_AGE is the default.",
            id="lapse.E008",
        )
    elif timeout is not None and timeout > settings.SESSION_COOKIE_AGE:
        yield Warning(
            "LAPSE_IDLE_TIMEOUT_SECONDS is longer than SESSION_COOKIE_AGE, so Django "
            "ends sessions first.",
            hint="Remove it unless your project has its own idle timer.",
            id="lapse.W004",
        )
    heartbeat = getattr(settings, "LAPSE_HEARTBEAT_SECONDS", None)
    if heartbeat is not None and not is_heartbeat(heartbeat):
        yield Error(
            f"LAPSE_HEARTBEAT_SECONDS is {heartbeat!r}.",
            hint="Set it to seconds; 0 turns activity reports off.",
            id="lapse.E009",
        )
    yield from check_queue_dir(getattr(settings, "LAPSE_QUEUE_DIR", None))


def check_queue_dir(directory: object) -> Iterator[CheckMessage]:
    if directory is None or directory == "":
        return
    if not isinstance(directory, (str, Path)) or not Path(directory).is_absolute():
        yield Error(
            f"LAPSE_QUEUE_DIR is {directory!r}.",
            hint='Set it to an absolute path, such as "/var/lib/acme/lapse".',
            id="lapse.E010",
        )
    elif not IS_SUPPORTED or not is_writable(Path(directory)):
        yield Error(
            f"LAPSE_QUEUE_DIR {directory} cannot be used.",
            hint="This process must be able to write to it. Windows is not supported.",
            id="lapse.E011",
        )
