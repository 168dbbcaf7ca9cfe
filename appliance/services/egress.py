"""What left the box and who may stop it: the use case behind `/api/egress`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from appliance.domain.egress import EgressPage, EgressQuery, EgressStop, EgressTotal
from appliance.domain.people import AccountEvent, Caller
from appliance.domain.refusals import Told
from appliance.errors import Conflict, PartUnavailable
from appliance.services.accounts.people import require_admin, require_reader
from inference.egress import Departure, Ledger

logger = logging.getLogger(__name__)


class Reader(Protocol):
    """`storage.egress_reading` fulfils it. Blocks."""

    def page(self, query: EgressQuery, limit: int) -> EgressPage: ...

    def lines(self, query: EgressQuery) -> Iterator[Mapping[str, Any]]: ...

    def totals(self, query: EgressQuery) -> Sequence[EgressTotal]: ...


class StopSwitch(Protocol):
    """`storage.egress_switch` fulfils it. Raises OSError."""

    def read(self) -> EgressStop | None: ...

    def throw(self, actor: str, reason: str = "") -> bool: ...

    def release(self) -> bool: ...


class Events(Protocol):
    """Raises PartUnavailable."""

    async def record(self, event: AccountEvent) -> None: ...


def note_switch(
    ledger: Ledger, happened: str, actor: str, reason: str = "", now: Callable[[], datetime] | None = None
) -> None:
    """A line in the ledger, so that it tells by itself why nothing left. A ledger that cannot be written is logged:
    the switch has to work all the same.
    """
    at = datetime.now(UTC) if now is None else now()
    try:
        ledger(
            Departure(
                "stopped" if happened == "stopped" else "resumed", at, "", actor, "", "", "", why=reason
            )
        )
    except OSError as error:
        logger.error("the ledger of what left lacks a line (%s): %s", happened, error)


class WhatLeft:
    """Administrators and auditors read; administrators stop and let go on."""

    def __init__(self, reader: Reader, switch: StopSwitch, ledger: Ledger, events: Events) -> None:
        self._reader, self._switch, self._ledger, self._events = reader, switch, ledger, events

    async def page(self, caller: Caller, query: EgressQuery, limit: int) -> EgressPage:
        """Newest first. Raises NotPermitted."""
        require_reader(caller)
        return await asyncio.to_thread(self._reader.page, query, limit)

    async def totals(self, caller: Caller, query: EgressQuery) -> Sequence[EgressTotal]:
        """By host and purpose. Raises NotPermitted."""
        require_reader(caller)
        return await asyncio.to_thread(self._reader.totals, query)

    def everything(self, caller: Caller, query: EgressQuery) -> Iterator[Mapping[str, Any]]:
        """All that the query finds; blocks for each line. Raises NotPermitted at once."""
        require_reader(caller)
        return self._reader.lines(query)

    async def stopped(self, caller: Caller) -> EgressStop | None:
        """None: it is not. Raises NotPermitted."""
        require_reader(caller)
        return await asyncio.to_thread(self._switch.read)

    async def stop(self, caller: Caller, reason: str) -> EgressStop | None:
        """Nothing leaves from now on. Raises NotPermitted."""
        require_admin(caller)
        if await asyncio.to_thread(self._switch.throw, caller.email, reason):
            await self._note(caller, "stopped", reason)
        return await asyncio.to_thread(self._switch.read)

    async def resume(self, caller: Caller) -> EgressStop | None:
        """What is allowed may leave again. Raises NotPermitted; Conflict where the operator's file stops it."""
        require_admin(caller)
        if await asyncio.to_thread(self._switch.release):
            await self._note(caller, "resumed", "")
        stop = await asyncio.to_thread(self._switch.read)
        if stop is not None and stop.by_settings:
            raise Conflict(Told("egress_stopped_by_settings"))
        return stop

    async def _note(self, caller: Caller, happened: str, reason: str) -> None:
        await asyncio.to_thread(note_switch, self._ledger, happened, caller.email, reason)
        detail = {"reason": reason} if reason else {}
        try:
            await self._events.record(AccountEvent(f"leaving.{happened}", caller.user_id, None, detail))
        except PartUnavailable:
            logger.warning("the audit lacks leaving.%s by %s; the ledger has it", happened, caller.email)
