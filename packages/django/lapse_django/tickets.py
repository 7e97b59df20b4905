"""Signs tickets: proofs of whose session it is and which limits it has."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from functools import lru_cache
from hashlib import sha256
from typing import Any

from lapse_django.conf import get_configuration
from lapse_django.limits import Limits
from lapse_django.session import SessionRecord

TYPE = "lapse+jwt"


def sign_ticket(record: SessionRecord, limits: Limits) -> str:
    """
    Returns the session's ticket, or an empty string if the project has no key.

    It is the same each time, so it need not be stored: its time is that of the sign-in.
    """
    configuration = get_configuration()
    claims: dict[str, Any] = {
        "iss": configuration.site,
        "sub": record["subject"],
        "sid": record["session"],
        "iat": record["startedAt"] // 1000,
        "idle": limits.idle_seconds,
    }
    if limits.absolute_seconds is not None:
        claims["abs"] = limits.absolute_seconds
    if configuration.ticket_private_key:
        return sign_with_private_key(
            json.dumps(claims),
            configuration.ticket_private_key,
            configuration.ticket_algorithm,
            configuration.ticket_key_id,
        )
    if configuration.ticket_secret:
        return sign_with_secret(claims, configuration.ticket_secret)
    return ""


def sign_with_secret(claims: dict[str, Any], secret: str) -> str:
    """Signs with HS256 (RFC 7515, appendix A.1)."""
    header = encode({"alg": "HS256", "typ": TYPE})
    signed = header + b"." + encode(claims)
    signature = hmac.digest(secret.encode(), signed, sha256)
    return (signed + b"." + encode_base64url(signature)).decode()


@lru_cache(maxsize=10_000)
def sign_with_private_key(claims: str, key: str, algorithm: str, key_id: str) -> str:
    """Needs PyJWT. Remembers the tickets, because signing them is slow."""
    import jwt

    headers = {"typ": TYPE, **({"kid": key_id} if key_id else {})}
    return jwt.encode(json.loads(claims), key, algorithm=algorithm, headers=headers)


def encode(value: dict[str, Any]) -> bytes:
    return encode_base64url(json.dumps(value, separators=(",", ":")).encode())


def encode_base64url(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")
