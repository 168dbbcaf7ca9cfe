"""Secrets that others can read, and credentials that are old, forgotten or never changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from appliance.services.doctor.findings import Finding, error, ok, warning
from appliance.services.doctor.ways import Ways

FIRST_PASSWORD_DAYS = 7
FIRST_KEY_DAYS = 30
UNUSED_DAYS, OLD_DAYS, IDLE_DAYS = 90, 365, 180
_NAMED = 5


@dataclass(frozen=True, slots=True)
class SecretsReading:
    """open_paths: others may read them. missing: files that should be there. plain: (file, setting) in appliance.toml
    or the environment's file where a file of its own would do. hub_tokens: files with a model hub's token.
    """

    is_closed: bool = False
    folder: str = ""
    open_paths: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    plain: tuple[tuple[str, str], ...] = ()
    hub_tokens: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CredentialsReading:
    """credentials.json. email: whose it is. days: since it was written."""

    path: str
    is_there: bool = True
    problem: str = ""
    is_open: bool = False
    has_password: bool = False
    has_key: bool = False
    email: str = ""
    days: float = 0.0


@dataclass(frozen=True, slots=True)
class Key:
    """An API key that opens something. days: since it was made; unused_days: since its last use, or since then."""

    prefix: str
    email: str
    days: float
    unused_days: float


@dataclass(frozen=True, slots=True)
class KeysReading:
    """keys: neither revoked nor expired. first_passwords: who never changed the password that somebody gave them.

    idle_administrators: who may do everything and has not been here for IDLE_DAYS.
    """

    is_idle: bool = False
    keys: tuple[Key, ...] = ()
    first_passwords: tuple[str, ...] = ()
    idle_administrators: tuple[str, ...] = ()


def secrets_findings(seen: SecretsReading, ways: Ways) -> Iterator[Finding]:
    """Files, their rights, and what stands in them that should not."""
    if seen.is_closed:
        yield error("data.closed", f"sudo {ways.program} doctor --data {ways.data}", folder=seen.folder)
        return
    for path in seen.open_paths:
        yield error("secrets.open", f"chmod go-rwx {path}", path=path)
    for path in seen.missing:
        yield warning("secrets.missing", ways.start("prepare"), path=path)
    for path, setting in seen.plain:
        command = f"install -m 600 /dev/null {ways.data}/{setting.rpartition('.')[2]}"
        yield warning("secrets.plain", command, path=path, setting=setting)
    for path in seen.hub_tokens:
        yield warning("secrets.hub_token", _without_token(path), path=path)
    if not (seen.open_paths or seen.missing):
        yield ok("secrets.ok")


def _without_token(path: str) -> str:
    return (
        f"sed -i '/^HF_TOKEN=/d;/^HUGGING_FACE_HUB_TOKEN=/d' {path}"
        if path.endswith(".env")
        else f": > {path}"
    )


def credentials_findings(seen: CredentialsReading, ways: Ways) -> Iterator[Finding]:
    """The first login, which is for the first day."""
    if not seen.is_there:
        yield ok("credentials.gone")
    elif seen.problem:
        yield warning("credentials.unreadable", f"rm {seen.path}", path=seen.path, detail=seen.problem)
    elif seen.is_open:
        yield error("credentials.open", f"chmod 600 {seen.path}", path=seen.path)
    elif seen.has_password and seen.days > FIRST_PASSWORD_DAYS:
        command = ways.appliance(f"user reset-password {seen.email or 'EMAIL'}")
        yield warning("credentials.password", command, path=seen.path, days=int(seen.days))
    elif seen.has_key and seen.days > FIRST_KEY_DAYS:
        yield warning("credentials.kept", f"rm {seen.path}", path=seen.path, days=int(seen.days))
    else:
        yield ok("credentials.ok", path=seen.path)


def keys_findings(seen: KeysReading, ways: Ways) -> Iterator[Finding]:
    """Keys nobody uses, keys nobody changes, passwords nobody chose."""
    if seen.is_idle:
        yield ok("keys.idle")
        return
    unused = [key for key in seen.keys if key.unused_days > UNUSED_DAYS]
    old = [key for key in seen.keys if key.days > OLD_DAYS and key not in unused]
    if unused:
        command = ways.appliance(f"key revoke {unused[0].prefix}")
        yield warning("keys.unused", command, count=len(unused), days=UNUSED_DAYS, names=_keys(unused))
    if old:
        command = ways.appliance(f"key create --user {old[0].email} --expires-days 365")
        yield warning("keys.old", command, count=len(old), days=OLD_DAYS, names=_keys(old))
    if seen.first_passwords:
        command = ways.appliance(f"user reset-password {seen.first_passwords[0]}")
        names = _named(seen.first_passwords)
        yield warning("keys.first_passwords", command, count=len(seen.first_passwords), names=names)
    if seen.idle_administrators:
        command = ways.appliance(f"user suspend {seen.idle_administrators[0]}")
        names = _named(seen.idle_administrators)
        yield warning("keys.idle_administrators", command, count=len(seen.idle_administrators), days=IDLE_DAYS,
                      names=names)  # fmt: skip
    if not (unused or old):
        yield ok("keys.ok", count=len(seen.keys))


def _keys(keys: list[Key]) -> str:
    return _named([f"{key.prefix}… ({key.email})" for key in keys])


def _named(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
