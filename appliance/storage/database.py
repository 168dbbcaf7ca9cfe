"""The connection pool, and the rule that what is shared is read with somebody's eyes.

`viewing(viewer)` opens one transaction whose row-level security shows only what that viewer may see; without it a
policy that asks for the viewer finds an unset variable and shows no rows.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from psycopg import AsyncConnection, OperationalError
from psycopg.errors import DiskFull
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from appliance.domain.people import Viewer
from appliance.errors import PartUnavailable, StorageFull

_VIEW = """
SELECT set_config('app.user_id', %s, true), set_config('app.group_ids', %s, true), set_config('app.role', %s, true)
"""
_PLANNED_ONCE = ", set_config('plan_cache_mode', 'force_generic_plan', true)"
_NOT_FLUSHED = ", set_config('synchronous_commit', 'off', true)"


class Database:
    """One role's pool. url: psycopg address of that role.

    plans_once: a statement is planned once a connection and not for its parameters each time. Under row-level
    security planning takes longer than most statements, so this is for whoever writes rows one document at a time;
    searches are better planned for what they look for.
    require: asked before every connection; raises PartUnavailable where PostgreSQL is known to be away.
    served_by: told the number of PostgreSQL's process behind each new connection.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        plans_once: bool = False,
        require: Callable[[], None] = lambda: None,
        served_by: Callable[[int], None] = lambda _pid: None,
    ) -> None:
        self._require = require

        async def connected(connection: AsyncConnection) -> None:
            served_by(connection.info.backend_pid)
            if plans_once:
                await _plan_once(connection)

        self._pool = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=pool_size,
            open=False,
            timeout=10.0,
            # Between attempts the pool waits longer and longer; after this it forgets them and the next asker begins.
            reconnect_timeout=2.0,
            check=AsyncConnectionPool.check_connection,
            configure=connected,
            kwargs={"autocommit": True, "application_name": "appliance"},
        )

    async def open(self) -> None:
        await self._pool.open()

    async def close(self) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """A connection in autocommit, with nobody's eyes: tables with row-level security are empty through it."""
        self._require()
        try:
            async with self._pool.connection() as connection:
                yield connection
        except PoolTimeout as error:
            raise PartUnavailable("PostgreSQL gave no connection.") from error
        except DiskFull as error:
            raise StorageFull from error
        except OperationalError as error:
            raise PartUnavailable("The connection to PostgreSQL broke.") from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """One transaction with nobody's eyes."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def viewing(
        self, viewer: Viewer, *, plans_once: bool = False, is_flushed: bool = True
    ) -> AsyncIterator[AsyncConnection]:
        """One transaction that sees what viewer may see. plans_once: as of the whole pool, for this transaction.

        is_flushed False: its commit does not wait for the disk. Whatever is committed after it and flushed takes it
        along; a power failure in the same moment may undo it alone.
        """
        groups = ",".join(str(group) for group in sorted(viewer.group_ids))
        async with self.transaction() as connection:
            before = connection.prepare_threshold
            if plans_once:
                connection.prepare_threshold = 0  # a plan is kept with a prepared statement only
            view = _VIEW + (_PLANNED_ONCE if plans_once else "") + ("" if is_flushed else _NOT_FLUSHED)
            try:
                await connection.execute(view, (str(viewer.user_id), groups, viewer.role.value))
                yield connection
            finally:
                connection.prepare_threshold = before

    def scope(self, viewer: Viewer, collection_ids: Sequence[UUID]) -> ViewerScope:
        """What `rag` is handed: these eyes and these collections."""
        return ViewerScope(self, viewer, tuple(collection_ids))


async def _plan_once(connection: AsyncConnection) -> None:
    connection.prepare_threshold = 0  # a plan is kept with a prepared statement only
    await connection.execute("SET plan_cache_mode = force_generic_plan")


@dataclass(frozen=True, slots=True)
class ViewerScope:
    """Fulfils rag.ports.Scope."""

    database: Database
    viewer: Viewer
    collection_ids: tuple[UUID, ...]

    def connection(self) -> AbstractAsyncContextManager[AsyncConnection]:
        return self.database.viewing(self.viewer)
