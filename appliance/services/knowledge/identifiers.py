"""Ids of files, collections and batches, as they are kept (uuid) and as they are written on the wire."""

from __future__ import annotations

import re
import secrets
from hashlib import sha256
from uuid import UUID

from appliance.errors import NotFound

FILE = "file-"
COLLECTION = "vs_"
BATCH = "vsfb_"
_HEX = re.compile(r"[0-9a-f]{32}")


def new_id(unix_ms: int) -> UUID:
    """A UUID of version 7 (RFC 9562): ids made later compare greater, so lists are paged by id alone."""
    return _version_7(unix_ms, secrets.randbits(80))


def derived_id(unix_ms: int, seed: bytes) -> UUID:
    """The same id for the same seed and time, as hard to guess as the seed."""
    return _version_7(unix_ms, int.from_bytes(sha256(seed).digest()[:10], "big"))


def _version_7(unix_ms: int, bits: int) -> UUID:
    value = (unix_ms & (2**48 - 1)) << 80 | bits
    value = value & ~(0xF << 76) | 7 << 76
    return UUID(int=value & ~(3 << 62) | 2 << 62)


def wire(prefix: str, value: UUID) -> str:
    """The id as programs see it."""
    return prefix + value.hex


def parse(prefix: str, text: str, param: str | None = None) -> UUID:
    """Raises NotFound for anything but an id of this kind in its one spelling."""
    digits = text.removeprefix(prefix)
    if not text.startswith(prefix) or not _HEX.fullmatch(digits):
        raise NotFound(f"No {_NOUNS[prefix]} has the id {text[:64]!r}.", param=param)
    return UUID(hex=digits)


_NOUNS = {FILE: "file", COLLECTION: "vector store", BATCH: "file batch"}
