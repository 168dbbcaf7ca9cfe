"""What was deleted since a backup, kept beside the backups: restoring an older one must not bring it back.

One JSON object a line: when, what kind, which id, by whom. Numbers only, no names. Deletions that leave no receipt are
not in it: temporary chats and replaced versions, which go again by themselves, and files taken out of one collection.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from appliance.storage.backups.errors import BackupError

LOG = "deletions.jsonl"

_SINCE = """
SELECT r.happened_at, r.kind, r.subject_id, r.deleted_by,
       (SELECT (e.detail ->> 'heir')::uuid FROM account_events e
        WHERE r.kind = 'user' AND e.action = 'user.removed' AND e.subject_id = r.subject_id LIMIT 1)
FROM receipts r WHERE r.happened_at >= %(since)s
UNION ALL
SELECT happened_at, 'key', (detail ->> 'key')::uuid, actor_id, NULL
FROM account_events WHERE action = 'key.revoked' AND happened_at >= %(since)s
UNION ALL
SELECT happened_at, CASE WHEN detail ->> 'is_suspended' = 'true' THEN 'suspended' ELSE 'resumed' END, subject_id,
       actor_id, NULL
FROM account_events WHERE action = 'user.changed' AND detail ? 'is_suspended' AND happened_at >= %(since)s
ORDER BY 1
"""
_ACCESS = ("suspended", "resumed")


@dataclass(frozen=True, slots=True)
class Deletion:
    """kind: file, collection, conversation, user, key, suspended or resumed. heir: of a removed person's files."""

    at: datetime
    kind: str
    id: UUID
    by: UUID | None = None
    heir: UUID | None = None

    @property
    def slot(self) -> tuple[str, UUID]:
        """What a later one replaces."""
        return ("access" if self.kind in _ACCESS else self.kind, self.id)


def deletions_since(url: str, moment: datetime) -> list[Deletion]:
    """What the database knows of, in its order. url: as a role that sees every row. Raises BackupError."""
    try:
        with psycopg.connect(url, connect_timeout=10, application_name="appliance backup") as connection:
            rows = connection.execute(_SINCE, {"since": moment}).fetchall()
    except psycopg.Error as error:
        raise BackupError(f"PostgreSQL: {str(error).strip()}") from error
    return [Deletion(*row) for row in rows]


def read_log(path: Path) -> list[Deletion]:
    """In their order; empty where there is no log. Raises BackupError naming a line that cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(_read(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            raise BackupError(
                f"Line {number} of {path} cannot be read ({error}). Correct it, or restore with --without-deletions."
            ) from error
    return sorted(found, key=lambda deletion: deletion.at)


def merge_log(path: Path, known: Iterable[Deletion], oldest: datetime) -> Sequence[Deletion]:
    """Add what is known now and drop what is older than the oldest backup; the file is there wholly or not at all."""
    newest = {deletion.slot: deletion for deletion in [*read_log(path), *known]}
    kept = sorted((one for one in newest.values() if one.at >= oldest), key=lambda one: one.at)
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("w", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(_written(deletion))}\n" for deletion in kept)
    fresh.chmod(0o600)
    fresh.replace(path)
    return kept


def _written(deletion: Deletion) -> dict[str, str]:
    told = {"at": deletion.at.isoformat(), "kind": deletion.kind, "id": str(deletion.id)}
    for name in ("by", "heir"):
        value = getattr(deletion, name)
        if value is not None:
            told[name] = str(value)
    return told


def _read(told: dict[str, Any]) -> Deletion:
    by, heir = (UUID(told[name]) if told.get(name) else None for name in ("by", "heir"))
    at = datetime.fromisoformat(told["at"])
    if at.tzinfo is None:
        raise ValueError("its time has no zone")
    return Deletion(at, str(told["kind"]), UUID(told["id"]), by, heir)
