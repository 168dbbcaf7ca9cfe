"""The provider's tokens at rest: AES-256-GCM with a key made from the box's secret, bound to whose they are.

A copy of the database alone opens none of them. Who holds the secrets folder as well can.
"""

from __future__ import annotations

import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12


class Seal:
    """secret: of the box."""

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(hashlib.sha256(b"appliance provider tokens\0" + secret).digest())

    def close(self, text: str, issuer: str, subject: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, text.encode(), _whose(issuer, subject))

    def open(self, sealed: bytes, issuer: str, subject: str) -> str | None:
        """None: sealed with another secret, or for somebody else."""
        try:
            opened = self._cipher.decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _whose(issuer, subject)
            )
        except (InvalidTag, ValueError):
            return None
        return opened.decode()


def _whose(issuer: str, subject: str) -> bytes:
    return f"{issuer}\0{subject}".encode()
