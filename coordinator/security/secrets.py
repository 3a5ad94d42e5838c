"""Bearer tokens: random secrets of which only a digest is kept.

A secret has 256 random bits, so nobody finds it by guessing, and plain SHA-256 is enough at
rest: slow, salted hashes protect passwords because people choose them from few; there is
nothing here to guess from.
"""

from __future__ import annotations

import hashlib
import secrets

from coordinator.security.records import Role

PREFIX = {Role.AGENT_ENROL: "hfe_", Role.USER: "hfu_", Role.ADMIN: "hfa_"}
"""Tells a person, and scanners of leaked secrets, what they look at."""

CERTIFICATE_DIGEST = "cert:"
SECRET_BYTES = 32
MAX_SECRET_CHARS = 128


def new_secret(role: Role) -> str:
    """A fresh secret of 256 random bits, safe in URLs and shells."""
    return PREFIX[role] + secrets.token_urlsafe(SECRET_BYTES)


def digest_of(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def digest_of_certificate(serial: str) -> str:
    """What is kept of a token that is a client certificate; no secret has such a digest."""
    return CERTIFICATE_DIGEST + serial


def new_token_id() -> str:
    """A short name of a token, which is no secret."""
    return secrets.token_hex(4)
