"""Who a browser is from one request to the next: signed cookies, and tokens for forms.

After a login the cookie holds the digest of the token and when the session ends, signed. The
digest opens nothing by itself: the API wants the token, and each request looks the token up,
so a revoked token ends its sessions at once.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from coordinator.security.secrets import digest_of

SESSION_S = 12 * 3600.0
KEY_PURPOSE = b"help-fleet web sessions"


@dataclass(frozen=True, slots=True)
class CookieNames:
    """Over TLS the browser itself holds cookies to this host and to TLS by their prefix."""

    session: str
    visitor: str

    @classmethod
    def of(cls, *, tls: bool) -> CookieNames:
        """The names for a server with or without TLS."""
        prefix = "__Host-" if tls else ""
        return cls(f"{prefix}help-session", f"{prefix}help-visitor")


def set_cookie(name: str, value: str, max_age_s: int | None = None, *, tls: bool) -> str:
    """A header's value for a cookie that no script reads and no other site sends."""
    secure = "; Secure" if tls else ""
    age = "" if max_age_s is None else f"; Max-Age={max_age_s}"
    return f"{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{age}"


def new_visitor() -> str:
    """What tells one browser from another; 256 random bits."""
    return secrets.token_urlsafe(32)


def sign_session(key: bytes, secret: str, now_s: float) -> str:
    """The cookie's value for the holder of a token."""
    content = f"{digest_of(secret)}.{int(now_s + SESSION_S)}"
    return f"{content}.{_mac(key, 'session', content)}"


def read_session(key: bytes, value: str, now_s: float) -> str | None:
    """The digest of the token whose session it is; ``None`` if it is forged or over."""
    content, _, mac = value.rpartition(".")
    if not hmac.compare_digest(mac.encode(), _mac(key, "session", content).encode()):
        return None
    digest, _, ends = content.partition(".")
    return digest if int(ends) > now_s else None


def form_token(key: bytes, visitor: str, session: str) -> str:
    """What a form of ours carries and no other site can know."""
    return _mac(key, "form", f"{visitor}|{session}")


def is_form_token(key: bytes, visitor: str, session: str, given: str) -> bool:
    """Compares in constant time."""
    return hmac.compare_digest(form_token(key, visitor, session).encode(), given.encode())


def _mac(key: bytes, purpose: str, content: str) -> str:
    return hmac.new(key, f"{purpose}:{content}".encode(), hashlib.sha256).hexdigest()
