"""Settings and secrets wrapped by a passphrase: AES-256-GCM under a key that scrypt derives (RFC 7914, SP 800-38D).

What it is bound to (the backup's manifest) cannot be exchanged without the passphrase either. A passphrase that can be
guessed protects nothing: scrypt makes a guess cost 64 MiB and some tenths of a second, no more.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from appliance.storage.backups.errors import BackupDamaged, WrongPassphrase

_SALT_BYTES, _NONCE_BYTES, _KEY_BYTES = 16, 12, 32
_N, _R, _P = 2**16, 8, 1  # 64 MiB
_MOST_N = 2**20  # a file that asks for more is not ours


def seal(files: Mapping[str, str], passphrase: str, bound_to: bytes) -> bytes:
    """files: name → text. Returns a JSON document that tells all that opens it but the passphrase."""
    salt, nonce = os.urandom(_SALT_BYTES), os.urandom(_NONCE_BYTES)
    plain = json.dumps(dict(files)).encode()
    sealed = AESGCM(_key(passphrase, salt, _N, _R, _P)).encrypt(nonce, plain, bound_to)
    told = {
        "cipher": "AES-256-GCM",
        "kdf": "scrypt",
        "n": _N,
        "r": _R,
        "p": _P,
        "salt": _text(salt),
        "nonce": _text(nonce),
        "sealed": _text(sealed),
    }
    return json.dumps(told, indent=1).encode() + b"\n"


def unseal(document: bytes, passphrase: str, bound_to: bytes) -> dict[str, str]:
    """Raises WrongPassphrase, and BackupDamaged for what no passphrase could open."""
    try:
        told: dict[str, Any] = json.loads(document)
        n, r, p = int(told["n"]), int(told["r"]), int(told["p"])
        salt, nonce, sealed = (base64.b64decode(told[name]) for name in ("salt", "nonce", "sealed"))
        if n > _MOST_N or r > 2 * _R or p > 4:
            raise ValueError("its costs are not ours")
        key = _key(passphrase, salt, n, r, p)
    except (ValueError, KeyError, TypeError) as error:
        raise BackupDamaged(f"sealed.json cannot be read: {error}.") from error
    try:
        files: dict[str, str] = json.loads(AESGCM(key).decrypt(nonce, sealed, bound_to))
    except InvalidTag as error:
        raise WrongPassphrase from error
    return files


def _key(passphrase: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return Scrypt(salt=salt, length=_KEY_BYTES, n=n, r=r, p=p).derive(passphrase.encode())


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
