"""Backups as administrators see them: the last good one, the one that is being made, and the two words one may say."""

from __future__ import annotations

from typing import Protocol

from appliance.domain.backups import BackupStatus
from appliance.domain.people import AccountEvent, Caller
from appliance.domain.refusals import Told
from appliance.errors import Conflict
from appliance.services.accounts.people import require_admin, require_reader


class BackupDesk(Protocol):
    """Where the worker finds what is asked for, and tells how far it is."""

    async def status(self) -> BackupStatus: ...

    async def ask(self) -> bool:
        """False: one is being made, or asked for."""
        ...

    async def cancel(self) -> bool:
        """False: none is being made."""
        ...


class BackupEvents(Protocol):
    """Who asked for what."""

    async def record(self, event: AccountEvent) -> None: ...


class Backups:
    """The use case behind `/api/backups`."""

    def __init__(self, desk: BackupDesk, events: BackupEvents) -> None:
        self._desk, self._events = desk, events

    async def status(self, caller: Caller) -> BackupStatus:
        """Raises NotPermitted for whoever neither administers nor audits."""
        require_reader(caller)
        return await self._desk.status()

    async def make(self, caller: Caller) -> BackupStatus:
        """The worker begins one within seconds. Raises NotPermitted, Conflict."""
        require_admin(caller)
        if not (await self._desk.status()).folder:
            raise Conflict(Told("backup_no_folder"))
        if not await self._desk.ask():
            raise Conflict(Told("backup_running"))
        await self._events.record(AccountEvent("backup.asked", caller.user_id))
        return await self._desk.status()

    async def cancel(self, caller: Caller) -> BackupStatus:
        """It clears away what it has begun; those before stay. Raises NotPermitted, Conflict."""
        require_admin(caller)
        if not await self._desk.cancel():
            raise Conflict(Told("backup_not_running"))
        await self._events.record(AccountEvent("backup.cancelled", caller.user_id))
        return await self._desk.status()
