"""The secrets that prove who somebody is, and the hashes that are kept of them.

Keys, sessions and links are 256 random bits, so one SHA-256 is enough: there is nothing to guess. A delegated token is
not kept at all: it names a session and is signed, so it dies with that session and soon by itself.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import struct
from datetime import UTC, datetime, timedelta
from uuid import UUID

KEY_PREFIX = "apl_"
DELEGATED_PREFIX = "apd_"
DELEGATED_LASTS = timedelta(minutes=15)
SHOWN_CHARACTERS = len(KEY_PREFIX) + 6

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_KEY = re.compile(r"apl_[0-9A-Za-z]{43}\Z")  # 43 digits of base 62 hold 256 bits
_TOKEN = re.compile(r"[0-9A-Za-z_-]{43}\Z")  # 32 bytes as base64url
_DELEGATED = re.compile(r"apd_[0-9A-Za-z_-]{75}\Z")  # 56 bytes as base64url: session id, expiry, signature
_CLAIM = struct.Struct(">16sQ")


def mint_key() -> str:
    """A new API key; base 62, so that a double click selects all of it and a secret scanner knows it."""
    number, digits = secrets.randbits(256), ""
    for _ in range(43):
        number, digit = divmod(number, 62)
        digits += _BASE62[digit]
    return KEY_PREFIX + digits


def mint_token() -> str:
    """A new token for a session or a one-time link."""
    return secrets.token_urlsafe(32)


def looks_like_key(secret: str) -> bool:
    """Whether it is worth looking up."""
    return _KEY.match(secret) is not None


def looks_like_token(secret: str) -> bool:
    """Whether it is worth looking up."""
    return _TOKEN.match(secret) is not None


def fingerprint(secret: str) -> bytes:
    """What is kept and looked up: 32 bytes."""
    return hashlib.sha256(secret.encode()).digest()


def sign_delegation(session_id: UUID, now: datetime, key: bytes) -> str:
    """A token that stands for a session; valid for DELEGATED_LASTS."""
    claim = _CLAIM.pack(session_id.bytes, int((now + DELEGATED_LASTS).timestamp()))
    return DELEGATED_PREFIX + base64.urlsafe_b64encode(claim + _signature(claim, key)).decode().rstrip("=")


def read_delegation(token: str, now: datetime, key: bytes) -> UUID | None:
    """The session a delegated token stands for; None when it is not ours or is too old."""
    if _DELEGATED.match(token) is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(token.removeprefix(DELEGATED_PREFIX) + "=")
    except (binascii.Error, ValueError):
        return None
    claim, signature = raw[: _CLAIM.size], raw[_CLAIM.size :]
    if not hmac.compare_digest(signature, _signature(claim, key)):
        return None
    session_id, expires = _CLAIM.unpack(claim)
    return UUID(bytes=session_id) if datetime.fromtimestamp(expires, UTC) > now else None


def _signature(claim: bytes, key: bytes) -> bytes:
    return hmac.new(key, b"delegated\0" + claim, hashlib.sha256).digest()
