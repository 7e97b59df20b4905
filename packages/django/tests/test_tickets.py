"""Tickets by the standard library are those of PyJWT."""

from __future__ import annotations

from unittest import skipUnless

import jwt
from django.test import SimpleTestCase, override_settings

from lapse_django.limits import Limits
from lapse_django.session import SessionRecord
from lapse_django.tickets import sign_ticket

try:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
except ImportError:
    serialization = None  # type: ignore[assignment]

SECRET = "ein Geheimnis der Tests: ä, 32 Bytes"
RECORDS: list[SessionRecord] = [
    {"session": "a1f", "subject": "42", "startedAt": 1_767_340_800_999},
    {"session": "ä\u2028", "subject": '</script>"\\', "startedAt": 1_767_340_800_000},
]
CLAIMS = {"iss": "acme", "sub": "42", "sid": "a1f", "iat": 1_767_340_800, "idle": 1800}


@override_settings(LAPSE_TICKET_SECRET=SECRET)
class SecretTest(SimpleTestCase):
    def test_equals_the_ticket_of_pyjwt(self) -> None:
        for record in RECORDS:
            claims = {
                "iss": "acme",
                "sub": record["subject"],
                "sid": record["session"],
                "iat": 1_767_340_800,
                "idle": 1800,
            }
            expected = jwt.encode(claims, SECRET, headers={"typ": "lapse+jwt"})
            self.assertEqual(sign_ticket(record, Limits(1800)), expected)

    def test_contains_the_absolute_timeout_of_a_session_that_has_one(self) -> None:
        expected = jwt.encode(
            {**CLAIMS, "abs": 60}, SECRET, headers={"typ": "lapse+jwt"}
        )
        self.assertEqual(sign_ticket(RECORDS[0], Limits(1800, 60)), expected)

    def test_is_empty_without_a_key(self) -> None:
        with override_settings(LAPSE_TICKET_SECRET=""):
            self.assertEqual(sign_ticket(RECORDS[0], Limits(1800)), "")


@skipUnless(serialization, "cryptography is not installed")
class PrivateKeyTest(SimpleTestCase):
    def test_verifies_with_the_public_key(self) -> None:
        keys = {
            "EdDSA": ed25519.Ed25519PrivateKey.generate(),
            "ES256": ec.generate_private_key(ec.SECP256R1()),
            "RS256": rsa.generate_private_key(65537, 2048),
        }
        for algorithm, key in keys.items():
            with self.subTest(algorithm), self.use_key(key, algorithm):
                ticket = sign_ticket(RECORDS[0], Limits(1800))
                header = jwt.get_unverified_header(ticket)
                expected = {"alg": algorithm, "typ": "lapse+jwt", "kid": "2026"}
                self.assertEqual(header, expected)
                claims = jwt.decode(ticket, key.public_key(), algorithms=[algorithm])
                self.assertEqual(claims, CLAIMS)
                self.assertEqual(sign_ticket(RECORDS[0], Limits(1800)), ticket)

    def use_key(self, key: object, algorithm: str) -> override_settings:
        pem = key.private_bytes(  # type: ignore[attr-defined]
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return override_settings(
            LAPSE_TICKET_SECRET="",
            LAPSE_TICKET_PRIVATE_KEY=pem.decode(),
            LAPSE_TICKET_ALGORITHM=algorithm,
            LAPSE_TICKET_KEY_ID="2026",
        )
