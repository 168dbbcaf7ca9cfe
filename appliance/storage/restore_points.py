"""Upgrading on a copy: the database is copied whole, the copy is migrated and looked at, then the names are exchanged.

Names are exchanged in one transaction, so there is always a working database under the usual name, whenever the power
fails: the old one or the new one. The old one stays as it was, under another name: the restore point.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit, urlunsplit

from psycopg import AsyncConnection, OperationalError, sql
from psycopg.errors import ObjectInUse

from appliance.errors import StartupError
from appliance.storage.migrating import Migration, migrate, missing_of, packaged_migrations

_LOCK = 7_305_108_261_948_301_004  # any number, the same for every process
_TRIES = 50
_PAUSE_S = 0.1
_TERMINATE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
)
_IS_CLOSED = "SELECT NOT datallowconn FROM pg_database WHERE datname = %s"
_RIGHTS = """
SELECT r.rolcreatedb OR r.rolsuper, coalesce(pg_has_role(d.datdba, 'USAGE'), false), current_user
FROM pg_roles r LEFT JOIN pg_database d ON d.datname = %s WHERE r.rolname = current_user
"""
_COMMENT = """
SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s
"""
# What people would miss. A migration may add rows to any table, and take none from these.
_PRECIOUS = (
    "users",
    "api_keys",
    "collections",
    "collection_files",
    "files",
    "blobs",
    "pages",
    "chunks",
    "embeddings",
    "conversations",
    "turns",
    "receipts",
)


@dataclass(frozen=True, slots=True)
class RestorePoint:
    """The database as it was before an upgrade. made_at: ISO 8601, of the exchange. version: whose data it is."""

    made_at: str
    version: str
    migrations: int


@dataclass(frozen=True, slots=True)
class Names:
    """The databases of one appliance."""

    usual: str

    @property
    def copy(self) -> str:
        return f"{self.usual}_upgrade"

    @property
    def before(self) -> str:
        return f"{self.usual}_before_upgrade"

    @property
    def abandoned(self) -> str:
        return f"{self.usual}_abandoned"


class Upgrading:
    """owner_url: of the usual database, as an owner who may make databases.

    is_shared: others may come meanwhile (an external server), so its door is closed as long as it is copied and tried:
    what they wrote would be lost with the exchange. Else nothing uses it meanwhile.
    """

    def __init__(self, owner_url: str, role_secret: str, *, is_shared: bool = False) -> None:
        self._owner_url, self._role_secret, self._is_shared = owner_url, role_secret, is_shared
        self._names = Names(urlsplit(owner_url).path.removeprefix("/"))

    @property
    def copy_url(self) -> str:
        return _other(self._owner_url, self._names.copy)

    async def pending(self, migrations: list[Migration] | None = None) -> list[str]:
        """What an upgrade would run; empty for a database that is new or up to date. Raises StartupError as migrate."""
        return await missing_of(self._owner_url, packaged_migrations() if migrations is None else migrations)

    async def size_bytes(self) -> int:
        async with self._alone() as server:
            found = await server.execute("SELECT pg_database_size(%s)", (self._names.usual,))
            row = await found.fetchone()
            return int(row[0]) if row else 0

    async def require_rights(self) -> None:
        """Raises StartupError where the owner may not do what an upgrade on a copy needs; nothing is changed."""
        why = ""
        try:
            async with self._alone() as server:
                row = await (await server.execute(_RIGHTS, (self._names.usual,))).fetchone()
                may_copy, owns, user = row or (False, False, "")
                why = (
                    ""
                    if may_copy
                    else f"The role {user} may not make databases (ALTER ROLE {user} CREATEDB)."
                )
                why = why if owns else f"The role {user} does not own the database {self._names.usual}."
        except OperationalError as error:
            why = f"The database postgres of the same server cannot be reached: {str(error).strip()}"
        if why:
            raise StartupError(
                "An upgrade is tried on a copy of the database first, and what was before is kept for `appliance "
                f"rollback`. {why} Nothing was changed. Remedy that, or make a backup and upgrade in place: "
                "database.restore_point_days = 0."
            )

    async def reopen(self) -> None:
        """Where an upgrade was killed while the door was closed. Quiet where that cannot be seen."""
        if self._is_shared:
            with contextlib.suppress(OperationalError):
                async with self._alone() as server:
                    row = await (await server.execute(_IS_CLOSED, (self._names.usual,))).fetchone()
                    if row and row[0]:
                        await self._door(server, self._names.usual, is_open=True)

    async def rehearse(
        self,
        look: Callable[[str], Awaitable[None]],
        migrations: list[Migration] | None = None,
        before: Callable[[str], Awaitable[None]] | None = None,
    ) -> list[str]:
        """Migrate a copy and look at it; returns what ran. look: given the copy's address, raises if it is not well.

        before: given it before it is migrated. Raises StartupError; the copy is gone then, and the data is as it was.
        A door that was closed stays so until `switch` or `discard`.
        """
        async with self._alone() as server:
            await self._drop(server, self._names.copy)
            try:
                if self._is_shared:
                    await self._door(server, self._names.usual, is_open=False)
                await self._copy(server)
                counted = await _counts(self.copy_url)
                if before is not None:
                    await before(self.copy_url)
                applied = await migrate(self.copy_url, self._role_secret, migrations)
                _require_all(counted, await _counts(self.copy_url))
                await look(self.copy_url)
            except BaseException as error:
                await self._discard(server)
                if not isinstance(error, Exception):
                    raise
                raise StartupError(
                    f"The upgrade was tried on a copy of the data and did not work: {error} "
                    "Nothing was changed: start the version from before, and report this."
                ) from error
        return applied

    async def switch(self, point: RestorePoint) -> None:
        """The copy takes the usual name, and what was there becomes the restore point; an older one goes."""
        async with self._alone() as server:
            await self._drop(server, self._names.before)
            await self._exchange(server, self._names.copy, self._names.before, asdict(point))

    async def discard(self) -> None:
        """Remove the copy; all goes on as before."""
        async with self._alone() as server:
            await self._discard(server)

    async def _discard(self, server: AsyncConnection) -> None:
        await self._drop(server, self._names.copy)
        if self._is_shared:
            await self._door(server, self._names.usual, is_open=True)

    async def restore_point(self) -> RestorePoint | None:
        """The one that is there."""
        async with self._alone() as server:
            row = await (await server.execute(_COMMENT, (self._names.before,))).fetchone()
        try:
            return None if row is None else RestorePoint(**json.loads(row[0] or ""))
        except (ValueError, TypeError):
            return None

    async def go_back(self) -> None:
        """The restore point takes the usual name again; what was there is kept aside until the next time.

        Raises StartupError where there is none.
        """
        if await self.restore_point() is None:
            raise StartupError("There is no restore point. Restore a backup instead: `appliance restore`.")
        async with self._alone() as server:
            await self._drop(server, self._names.abandoned)
            if self._is_shared:
                await self._door(server, self._names.usual, is_open=False)
            await self._exchange(server, self._names.before, self._names.abandoned, {})

    async def forget(self) -> None:
        """Remove the restore point, and what was abandoned for one."""
        async with self._alone() as server:
            for name in (self._names.before, self._names.abandoned):
                await self._drop(server, name)

    async def _copy(self, server: AsyncConnection) -> None:
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
            sql.Identifier(self._names.copy), sql.Identifier(self._names.usual)
        )
        await self._undisturbed(server, lambda: server.execute(statement))

    async def _exchange(
        self, server: AsyncConnection, newcomer: str, aside: str, comment: Mapping[str, object]
    ) -> None:
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        usual = self._names.usual

        async def exchange() -> None:
            async with server.transaction():
                await server.execute(rename.format(sql.Identifier(usual), sql.Identifier(aside)))
                await server.execute(rename.format(sql.Identifier(newcomer), sql.Identifier(usual)))
                await server.execute(
                    sql.SQL("COMMENT ON DATABASE {} IS {}").format(
                        sql.Identifier(aside), sql.Literal(json.dumps(dict(comment)))
                    )
                )
                await server.execute(sql.SQL("COMMENT ON DATABASE {} IS NULL").format(sql.Identifier(usual)))
                for name in (usual, aside) if self._is_shared else ():
                    await self._door(server, name, is_open=True)

        try:
            await self._undisturbed(server, exchange)
        except BaseException:
            if self._is_shared:
                await self._door(server, usual, is_open=True)
            raise

    async def _undisturbed(self, server: AsyncConnection, work: Callable[[], Awaitable[object]]) -> None:
        """Neither copying nor renaming bears other sessions; those of a killed process end when they are told."""
        for _ in range(_TRIES):
            for name in (self._names.usual, self._names.copy, self._names.before):
                await server.execute(_TERMINATE, (name,))
            try:
                await work()
            except ObjectInUse:
                await asyncio.sleep(_PAUSE_S)
            else:
                return
        raise StartupError("Something goes on using the database. Stop it, and start the appliance again.")

    @staticmethod
    async def _door(server: AsyncConnection, name: str, *, is_open: bool) -> None:
        """Whether anybody, superusers included, may connect; who is connected stays so."""
        statement = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        await server.execute(statement.format(sql.Identifier(name), sql.SQL("true" if is_open else "false")))

    @staticmethod
    async def _drop(server: AsyncConnection, name: str) -> None:
        await server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[AsyncConnection]:
        """A session of the server itself; one at a time, also where a killed process's still works."""
        url = _other(self._owner_url, "postgres")
        async with await AsyncConnection.connect(url, autocommit=True) as server:
            await server.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
            yield server


async def _counts(url: str) -> dict[str, int]:
    counted = {}
    async with await AsyncConnection.connect(url) as connection:
        for table in _PRECIOUS:
            found = await connection.execute("SELECT to_regclass(%s) IS NOT NULL", (f"public.{table}",))
            row = await found.fetchone()
            if row and row[0]:
                count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
                row = await (await connection.execute(count)).fetchone()
                counted[table] = int(row[0]) if row else 0
    return counted


def _require_all(before: Mapping[str, int], after: Mapping[str, int]) -> None:
    for table, count in before.items():
        if after.get(table, 0) < count:
            raise StartupError(f"{table} had {count} rows and would have {after.get(table, 0)}.")


def _other(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))
