"""The gateway's side of backups: reads what the worker tells, leaves what people ask for."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import APIRouter

from appliance.api.backups import backup_routes
from appliance.api.identity import Identity
from appliance.bootstrap.backups.running import BackupFiles
from appliance.bootstrap.backups.status import read_status
from appliance.domain.backups import BackupRun, BackupStatus, GoodBackup, RunState
from appliance.domain.people import AccountEvent
from appliance.services.backups import Backups
from appliance.storage.accounts import record_event
from appliance.storage.database import Database
from appliance.storage.settings import BackupSettings


def build_backup_routes(
    data: Path, settings: BackupSettings, database: Database, identity: Identity
) -> APIRouter:
    """data: the data folder. database: of the api role."""
    return backup_routes(Backups(FileDesk(data, settings), _Events(database)), identity)


class FileDesk:
    """Fulfils services.backups.BackupDesk."""

    def __init__(self, data: Path, settings: BackupSettings) -> None:
        self._data, self._settings, self._files = data, settings, BackupFiles(data)

    async def status(self) -> BackupStatus:
        return await asyncio.to_thread(self._status)

    async def ask(self) -> bool:
        return await asyncio.to_thread(self._ask)

    async def cancel(self) -> bool:
        return await asyncio.to_thread(self._cancel)

    def _ask(self) -> bool:
        return self._files.progress() is None and self._files.ask()

    def _cancel(self) -> bool:
        if self._run() is None:
            return False
        self._files.cancel()
        return True

    def _status(self) -> BackupStatus:
        settings, known = self._settings, read_status(self._data)
        last = None
        if known.succeeded_at:
            made_at = datetime.fromisoformat(known.succeeded_at)
            last = GoodBackup(made_at, known.folder, known.size_bytes, known.seconds, known.is_verified)
        return BackupStatus(
            settings.folder,
            settings.hour,
            settings.max_age_hours,
            last,
            _moment(known.tried_at),
            _moment(known.failed_at),
            known.failure,
            self._run(),
        )

    def _run(self) -> BackupRun | None:
        told = self._files.progress()
        if told is None:
            return BackupRun("waiting") if self._files.is_asked else None
        state: RunState = "ending" if self._files.is_cancelled else "running"
        return BackupRun(
            state,
            _moment(told.get("started_at", "")),
            str(told.get("name", "")),
            *(_count(told.get(name)) for name in ("size_bytes", "files", "of_files")),
        )


class _Events:
    """Fulfils services.backups.BackupEvents."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, event: AccountEvent) -> None:
        async with self._database.transaction() as connection:
            await record_event(connection, event)


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _count(value: Any) -> int:  # noqa: ANN401 - of a file
    return value if isinstance(value, int) else 0
