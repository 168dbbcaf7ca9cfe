"""Reads what is secret: who may read the files, how old the credentials are, and how HTTPS stands."""

from __future__ import annotations

import json
import os
import time
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from appliance.bootstrap.certificates import read_certificates, site_of
from appliance.bootstrap.doctor.place import Idle, Place
from appliance.services.doctor.certificate import CertificateReading
from appliance.services.doctor.trust import (
    IDLE_DAYS,
    CredentialsReading,
    Key,
    KeysReading,
    SecretsReading,
)
from appliance.services.doctor.tuning import HttpsReading

_CHECKOUT = Path(__file__).resolve().parents[3]
_CADDY_SETTINGS = Path("/etc/appliance/caddy.env")
_ENVIRONMENT = Path("/etc/appliance/appliance.env")
_PLAIN = {"role_secret", "passphrase", "metrics_key", "api_key", "client_secret"}
_TOKEN = ("HF_TOKEN=", "HUGGING_FACE_HUB_TOKEN=")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")

_KEYS = """
SELECT k.prefix, u.email, extract(epoch FROM now() - k.created_at) / 86400,
       extract(epoch FROM now() - coalesce(k.last_used_at, k.created_at)) / 86400
FROM api_keys k JOIN users u ON u.id = k.user_id
WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()) AND NOT u.is_suspended
ORDER BY 4 DESC LIMIT 1000"""
# A password that came with the account, and no other since.
_FIRST = """
SELECT email FROM users
WHERE password_hash IS NOT NULL AND NOT is_suspended AND password_changed_at < created_at + interval '1 minute'
  AND created_at < now() - interval '7 days' AND email NOT LIKE %s ORDER BY email LIMIT 1000"""
_IDLE = """
SELECT u.email FROM users u
WHERE u.role = 'admin' AND NOT u.is_suspended AND u.created_at < now() - make_interval(days => %s) AND NOT EXISTS (
    SELECT 1 FROM sessions s WHERE s.user_id = u.id AND s.last_used_at > now() - make_interval(days => %s))
  AND NOT EXISTS (
    SELECT 1 FROM account_events e WHERE e.actor_id = u.id AND e.happened_at > now() - make_interval(days => %s))
  AND u.email NOT LIKE %s ORDER BY u.email LIMIT 1000"""
_CANARIES = "%@canary.invalid"


def read_secrets(place: Place) -> SecretsReading:
    """The folder as it lay there, and plain text where a file of its own would do."""
    checkout = place.data.parent if place.data.name == "data" else _CHECKOUT
    files = [path for path in (place.data / "appliance.toml", _config_of(place)) if path is not None]
    plain = [(str(path), name) for path in dict.fromkeys(files) for name in _plain_settings(path)]
    open_files = [
        str(path)
        for path in dict.fromkeys(files)
        if _is_open(path) and any(one == str(path) for one, _ in plain)
    ]
    deployed = [*sorted((checkout / "secrets").glob("*")), checkout / ".env", _ENVIRONMENT]
    open_files += [str(path) for path in deployed if path.is_file() and _is_open(path) and _is_secret(path)]
    return replace(
        place.secrets,
        open_paths=(*place.secrets.open_paths, *open_files),
        plain=tuple(plain),
        hub_tokens=tuple(_hub_tokens(checkout)),
    )


def _config_of(place: Place) -> Path | None:
    return place.box.config if place.box else None


def _plain_settings(path: Path) -> Iterator[str]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    yield from _named_secrets(values, "")


def _named_secrets(values: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _named_secrets(value, f"{prefix}{name}.")
        elif name in _PLAIN and isinstance(value, str) and value:
            yield f"{prefix}{name}"


def _is_open(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & 0o077)
    except OSError:
        return False


def _is_secret(path: Path) -> bool:
    """Whatever lies in secrets/; of .env and the like only what has a token or key in it."""
    if path.parent.name == "secrets":
        return bool(path.stat().st_mode & 0o007)  # docker's own group may read it
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return any(word in text for word in (*_TOKEN, "SECRET=", "PASSWORD=", "_KEY="))


def _hub_tokens(checkout: Path) -> Iterator[str]:
    kept = checkout / "secrets" / "hub_token"
    try:
        if kept.is_file() and kept.stat().st_size > 1 and _is_open(kept):
            yield str(kept)
        for path in (checkout / ".env", _ENVIRONMENT):
            if path.is_file():
                lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
                if any(line.startswith(_TOKEN) and line.partition("=")[2].strip() for line in lines):
                    yield str(path)
        home = Path(os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface")) / "token"
        if home.is_file():
            yield str(home)
    except (OSError, RuntimeError):  # not ours to read, or nobody's home
        return


def read_credentials(place: Place) -> CredentialsReading:
    """Of the first start."""
    path = place.data / "credentials.json"
    try:
        status = path.stat()
        values = json.loads(path.read_text(encoding="utf-8"))
        assert isinstance(values, dict)
    except FileNotFoundError:
        return CredentialsReading(str(path), is_there=False)
    except (OSError, ValueError, AssertionError) as error:
        return CredentialsReading(str(path), problem=str(error) or "it is no JSON object")
    return CredentialsReading(
        str(path),
        is_open=bool(status.st_mode & 0o077),
        has_password="password" in values,
        has_key="api_key" in values,
        email=str(values.get("email", "")),
        days=(time.time() - _written_at(place, status.st_mtime)) / 86_400,
    )


def _written_at(place: Place, changed: float) -> float:
    """Its address is written anew at every start with another port: the secrets beside it are as old as the box."""
    try:
        return min(changed, (place.data / "secrets" / "session_secret").stat().st_mtime)
    except OSError:
        return changed


def read_keys(place: Place) -> KeysReading:
    """By the database; idle where that is stopped."""
    try:
        keys = [
            Key(prefix, email, float(days), float(unused))
            for prefix, email, days, unused in place.rows(_KEYS)
        ]
        first = place.rows(_FIRST, _CANARIES)
        idle = place.rows(_IDLE, IDLE_DAYS, IDLE_DAYS, IDLE_DAYS, _CANARIES)
    except Idle:
        return KeysReading(is_idle=True)
    return KeysReading(
        keys=tuple(key for key in keys if not key.email.endswith("@canary.invalid")),
        first_passwords=tuple(row[0] for row in first),
        idle_administrators=tuple(row[0] for row in idle),
    )


def read_https(place: Place) -> HttpsReading:
    """Whether other machines may send passwords in the clear."""
    server = place.needed_box.settings.server
    return HttpsReading(server.host, server.allow_plain_http and server.host not in _LOOPBACK)


def read_certificate(place: Place) -> CertificateReading:
    """Of the address that people type, of the files that were named, and of those that Caddy was given."""
    site = site_of(place.box.settings.server.public_url) if place.box else None
    return read_certificates(site, [*place.certificates, *_given_to_caddy(place)])


def _given_to_caddy(place: Place) -> Iterator[Path]:
    beside = place.data.parent / "certificates" / "site.crt"
    try:
        if beside.is_file():
            yield beside
        if _CADDY_SETTINGS.is_file():
            for line in _CADDY_SETTINGS.read_text(encoding="utf-8").splitlines():
                name, _, value = line.partition("=")
                if name == "APPLIANCE_TLS" and value.startswith("/"):
                    yield Path(value.split()[0])
    except OSError:
        return
