"""The only way to a table: may this person ask here, may this query run, and what is written down of it.

In this order: who may ask (else there is no such source), the guard with what is offered, what the planner expects,
the query itself, the audit's line (for refusals and failures too), the kept result. Whoever stops waiting for it stops
the query in the database.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Literal, Protocol
from uuid import UUID

from appliance.domain.data import Asking, OfferedSource, QueryRun
from appliance.domain.data_sources import AskableSource
from appliance.domain.people import AccountEvent, Caller, Viewer
from appliance.errors import NotFound
from appliance.ports.data import ResultKeeper, Workbooks
from appliance.services.accounts.people import require_admin
from appliance.services.data.places import Places
from appliance.services.data.source_ports import Connected
from querying.errors import QueryRefused, QueryTooExpensive, SchemaChanged
from querying.guarding import checked
from querying.ports import Connector
from querying.types import Caps, CheckedQuery, Rows, Schema, Value

logger = logging.getLogger(__name__)

_MOST_SQL = 10_000  # characters of a query in the audit
_MOST_QUESTION = _MOST_WHY = 1_000

Outcome = Literal["allowed", "refused", "failed", "cancelled"]


class AskableSources(Protocol):
    """`storage.data_asking` fulfils it. Raises PartUnavailable."""

    async def granted(self, viewer: Viewer) -> Sequence[AskableSource]:
        """Those that were granted to the viewer and are not paused."""
        ...

    async def one(self, viewer: Viewer, source_id: UUID, *, as_manager: bool) -> AskableSource | None:
        """as_manager: granted or not, as far as the viewer is an administrator."""
        ...

    async def record(self, event: AccountEvent) -> None: ...


Told = Callable[[Outcome, str, float], None]
"""outcome, code of what went wrong or empty, seconds."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a query is held against. gone: (table, column) that are not there any more."""

    source: OfferedSource
    connect: Callable[[], Awaitable[Connector]]
    schema: Schema
    caps: Caps
    gone: frozenset[tuple[str, str]] = frozenset()


@dataclass(slots=True)
class _Done:
    """How far a query came, for its line. code, why: of what went wrong."""

    outcome: Outcome = "failed"
    code: str = ""
    why: str = ""
    checked: CheckedQuery | None = None
    rows: Rows | None = None

    def failed(self, error: Exception) -> None:
        self.outcome = "refused" if isinstance(error, QueryRefused | QueryTooExpensive) else "failed"
        self.code = str(getattr(error, "code", "internal_error"))
        self.why = str(getattr(error, "detail", ""))

    @property
    def result(self) -> tuple[CheckedQuery, Rows]:
        assert self.checked is not None and self.rows is not None
        return self.checked, self.rows


class Desk:
    """Fulfils ports.data.DataDesk. caps: of the configuration; a source may have narrower ones.

    now: for the line and the result. clock: seconds, for how long it took. told: counts.
    """

    def __init__(
        self,
        sources: AskableSources,
        connections: Connected,
        keeper: ResultKeeper,
        places: Places,
        caps: Caps,
        *,
        workbooks: Workbooks | None = None,
        now: Callable[[], datetime],
        clock: Callable[[], float],
        new_id: Callable[[], UUID],
        told: Told = lambda _outcome, _code, _seconds: None,
    ) -> None:
        self._sources = sources
        self._connections = connections
        self._keeper = keeper
        self._places = places
        self._caps = caps
        self._workbooks = workbooks
        self._now = now
        self._clock = clock
        self._new_id = new_id
        self._told = told
        self._writing: set[asyncio.Task[None]] = set()

    async def offered(
        self, caller: Caller, collection_ids: Sequence[UUID] | None = None
    ) -> Sequence[OfferedSource]:
        found: list[OfferedSource] = []
        if collection_ids is None:
            found += [_offered(one) for one in await self._sources.granted(caller.viewer)]
        if self._workbooks is not None:
            found += await self._workbooks.offered(caller, collection_ids)
        return [one for one in found if one.schema.tables]

    async def run(
        self,
        caller: Caller,
        source_id: UUID,
        sql: str,
        asking: Asking,
        values: Mapping[str, Value] | None = None,
    ) -> QueryRun:
        async with self._asked(caller, source_id, asking) as asked:
            began, done = self._clock(), _Done()
            try:
                await self._ask(caller, asked, sql, values, done)
            except asyncio.CancelledError:
                done.outcome, done.code = "cancelled", "cancelled"
                raise
            except Exception as error:
                done.failed(error)
                raise
            finally:
                seconds = self._clock() - began
                self._told(done.outcome, done.code, seconds)
                detail = _detail(asked.source, sql, asking, done, seconds)
                await self._record(AccountEvent(f"data.query.{done.outcome}", caller.user_id, None, detail))
        checked, rows = done.result
        run = QueryRun(
            self._new_id(),
            source_id,
            asked.source.name,
            checked.shown,
            tuple(sorted(checked.tables)),
            rows,
            self._now(),
        )
        return replace(run, id=await self._keeper.keep(caller, run, asking))

    async def _ask(
        self, caller: Caller, asked: _Asked, sql: str, values: Mapping[str, Value] | None, done: _Done
    ) -> None:
        done.checked = await asyncio.to_thread(checked, sql, asked.schema, asked.caps, values)
        _require_still_there(done.checked, asked.gone)
        async with self._places.place(asked.source.id, caller.user_id):
            done.rows = await _run(await asked.connect(), done.checked, asked.caps)
        done.outcome = "allowed"

    @asynccontextmanager
    async def _asked(self, caller: Caller, source_id: UUID, asking: Asking) -> AsyncIterator[_Asked]:
        """Raises NotFound for what the caller may not ask, whether or not it exists."""
        is_trial = asking.via == "trial"
        if is_trial:
            require_admin(caller)
        found = await self._sources.one(caller.viewer, source_id, as_manager=is_trial)
        if found is not None and (is_trial or not found.source.is_paused):
            yield _Asked(
                _offered(found),
                partial(self._connections.to, found.source),
                found.schema(with_gone=True),
                found.source.caps.within(self._caps),
                found.gone,
            )
            return
        book = None if self._workbooks is None else await self._workbooks.connector(caller, source_id)
        if book is None:
            raise NotFound(f"There is no data source {source_id}.")
        offered, connector = book

        async def connected() -> Connector:
            return connector

        try:
            yield _Asked(offered, connected, offered.schema, self._caps)
        finally:
            await connector.close()

    async def _record(self, event: AccountEvent) -> None:
        """Also for who has gone away meanwhile. Where it cannot be written the rows are not handed out."""
        writing = asyncio.create_task(self._sources.record(event))
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)
        await asyncio.shield(writing)


def _offered(found: AskableSource) -> OfferedSource:
    source = found.source
    return OfferedSource(source.id, source.name, source.kind, found.schema(), source.description)


async def _run(connector: Connector, checked: CheckedQuery, caps: Caps) -> Rows:
    expected = await connector.cost(checked)
    if expected is not None and caps.cost is not None and expected > caps.cost:
        raise QueryTooExpensive(f"Expected: {expected:,.0f}; allowed: {caps.cost:,.0f}.", "cost")
    rows = await connector.run(checked, caps)
    return rows if rows.cost is not None else replace(rows, cost=expected)


def _require_still_there(checked: CheckedQuery, gone: frozenset[tuple[str, str]]) -> None:
    lost = sorted(table for table in checked.tables if (table, "") in gone)
    lost += sorted(f"{table}.{column}" for table, column in checked.columns if (table, column) in gone)
    if lost:
        raise SchemaChanged(f"Not there any more: {', '.join(lost)}.", "gone")


def _detail(source: OfferedSource, sql: str, asking: Asking, done: _Done, seconds: float) -> dict[str, Any]:
    """What the audit's line of a query says beside who and whether. A refused query stands as it came."""
    checked = done.checked
    detail: dict[str, Any] = {
        "source": str(source.id),
        "name": source.name,
        "sql": _kept(sql if checked is None else checked.shown, _MOST_SQL),
        "tables": [] if checked is None else sorted(checked.tables),
        "rows": None if done.rows is None else len(done.rows.rows),
        "ms": round(seconds * 1000, 1),
        "via": asking.via,
    }
    if done.code:
        detail |= {"reason": done.code, "why": _kept(done.why, _MOST_WHY)}
    if asking.question:
        detail["question"] = _kept(asking.question, _MOST_QUESTION)
    if asking.request_id:
        detail["request_id"] = asking.request_id
    if asking.saved_id is not None:
        detail["saved_question"] = str(asking.saved_id)
    return detail


def _kept(text: str, most: int) -> str:
    """As JSON in PostgreSQL takes it."""
    return text[:most].replace("\0", "\ufffd").encode(errors="replace").decode()
