"""MCP servers of others in PostgreSQL, as administrators manage them; each change with its event in one transaction."""

# ruff: noqa: S608 – every piece of SQL is a LiteralString, which mypy checks; values are always parameters.
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.errors import ForeignKeyViolation, UniqueViolation
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from appliance.domain.people import AccountEvent, Viewer
from appliance.domain.tools import ServerTool, ToolCall, ToolGrant, ToolServer, WholeToolServer
from appliance.errors import Conflict, NotFound
from appliance.storage.accounts import record_event
from appliance.storage.database import Database
from inference.mcp.types import OfferedTool

SERVER: LiteralString = (
    "s.id, s.name, s.url, s.is_outside, s.sees_documents, s.header_files, s.is_paused, s.problem, s.left_out, "
    "s.looked_at, s.created_at"
)
TOOL: LiteralString = (
    "t.name, t.title, t.description, t.input_schema, t.fingerprint, t.says_read_only, t.approved, t.is_preapproved, "
    "t.gone_at IS NOT NULL"
)
_ADD = """
INSERT INTO tool_servers (name, url, is_outside, sees_documents, header_files, created_by)
VALUES (%s, %s, %s, %s, %s, viewer_id()) RETURNING id
"""
_CHANGE = """
UPDATE tool_servers SET is_paused = coalesce(%(is_paused)s, is_paused),
    sees_documents = coalesce(%(sees_documents)s, sees_documents)
WHERE id = %(id)s RETURNING id
"""
_LOOKED = "UPDATE tool_servers SET problem = %s, left_out = %s, looked_at = now() WHERE id = %s"
# What changed is kept beside what was approved, so that both can be told from each other.
_OFFER = """
INSERT INTO server_tools (server_id, name, title, description, input_schema, says_read_only, fingerprint)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (server_id, name) DO UPDATE SET title = excluded.title, description = excluded.description,
    input_schema = excluded.input_schema, says_read_only = excluded.says_read_only, fingerprint = excluded.fingerprint,
    gone_at = NULL
"""
_GONE = """
UPDATE server_tools SET gone_at = now() WHERE server_id = %s AND gone_at IS NULL AND NOT name = ANY(%s)
"""
# The fingerprint that was looked at: what changed since is not approved by mistake.
_APPROVE = """
UPDATE server_tools SET approved = fingerprint, approved_by = viewer_id(), approved_at = now(), is_preapproved = %s
WHERE server_id = %s AND name = %s AND fingerprint = %s AND gone_at IS NULL RETURNING name
"""
_WITHDRAW = """
UPDATE server_tools SET approved = '', approved_by = NULL, approved_at = NULL, is_preapproved = false
WHERE server_id = %s AND name = %s RETURNING name
"""
_GRANTS = """
SELECT g.user_id, g.group_id, coalesce(u.email, p.name, '')
FROM tool_grants g LEFT JOIN users u ON u.id = g.user_id LEFT JOIN groups p ON p.id = g.group_id
WHERE g.server_id = %s ORDER BY num_nonnulls(g.user_id, g.group_id), g.group_id IS NULL, 3
"""
_CALLS = """
SELECT c.via, c.server, c.tool, c.outcome, c.ms, c.argument_bytes, c.arguments_sha256, c.result_bytes, c.request_id,
       c.consent, c.happened_at, c.id, coalesce(u.email, '')
FROM tool_calls c LEFT JOIN users u ON u.id = c.user_id
WHERE %(before)s::uuid IS NULL
   OR (c.happened_at, c.id) < (SELECT b.happened_at, b.id FROM tool_calls b WHERE b.id = %(before)s)
ORDER BY c.happened_at DESC, c.id DESC LIMIT %(limit)s
"""


class PostgresToolServers:
    """Fulfils services.tools.ports.ToolServerRepository. database: of the api role."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def listed(self, viewer: Viewer) -> Sequence[WholeToolServer]:
        """Every server, by name."""
        async with self._database.viewing(viewer) as connection:
            rows = await _rows(connection, f"SELECT {SERVER} FROM tool_servers s ORDER BY s.name")
            return [await _whole(connection, server_of(row)) for row in rows]

    async def server(self, viewer: Viewer, server_id: UUID) -> WholeToolServer:
        """Raises NotFound."""
        async with self._database.viewing(viewer) as connection:
            rows = await _rows(
                connection, f"SELECT {SERVER} FROM tool_servers s WHERE s.id = %s", (server_id,)
            )
            if not rows:
                raise _no_server(server_id)
            return await _whole(connection, server_of(rows[0]))

    async def add(self, viewer: Viewer, new: ToolServer, event: AccountEvent) -> UUID:
        """new.id is not looked at. Raises Conflict for a name that is taken."""
        try:
            async with self._database.viewing(viewer) as connection:
                values = (
                    new.name,
                    new.url,
                    new.is_outside,
                    new.sees_documents,
                    Jsonb(dict(new.header_files)),
                )
                ((server_id,),) = await _rows(connection, _ADD, values)
                await record_event(connection, event)
        except UniqueViolation as error:
            raise Conflict(f"There is a tool server {new.name} already.", param="name") from error
        return UUID(str(server_id))

    async def change(
        self,
        viewer: Viewer,
        server_id: UUID,
        event: AccountEvent,
        *,
        is_paused: bool | None = None,
        sees_documents: bool | None = None,
    ) -> None:
        """None: as it is. Raises NotFound."""
        values = {"id": server_id, "is_paused": is_paused, "sees_documents": sees_documents}
        async with self._database.viewing(viewer) as connection:
            if not await _rows(connection, _CHANGE, values):
                raise _no_server(server_id)
            await record_event(connection, event)

    async def remove(self, viewer: Viewer, server_id: UUID, event: AccountEvent) -> None:
        """Raises NotFound."""
        async with self._database.viewing(viewer) as connection:
            if not await _rows(
                connection, "DELETE FROM tool_servers WHERE id = %s RETURNING id", (server_id,)
            ):
                raise _no_server(server_id)
            await record_event(connection, event)

    async def offered(
        self, viewer: Viewer, server_id: UUID, tools: Sequence[OfferedTool], left_out: Sequence[str]
    ) -> None:
        """What it offers now, in place of what it did; what was approved stays approved where nothing changed."""
        rows = [
            (
                server_id,
                one.name,
                one.title,
                one.description,
                Jsonb(dict(one.input_schema)),
                one.says_read_only,
                one.fingerprint,
            )
            for one in tools
        ]
        async with self._database.viewing(viewer) as connection:
            async with connection.cursor() as cursor:
                await cursor.executemany(_OFFER, rows)
            await connection.execute(_GONE, (server_id, [one.name for one in tools]))
            await connection.execute(_LOOKED, ("", list(left_out), server_id))

    async def failed(self, viewer: Viewer, server_id: UUID, problem: str) -> None:
        """The last look at it failed."""
        async with self._database.viewing(viewer) as connection:
            await connection.execute(_LOOKED, (problem, [], server_id))

    async def approve(
        self,
        viewer: Viewer,
        server_id: UUID,
        tool: str,
        fingerprint: str,
        event: AccountEvent,
        *,
        is_preapproved: bool,
    ) -> None:
        """Raises Conflict where it is not what was looked at."""
        async with self._database.viewing(viewer) as connection:
            values = (is_preapproved, server_id, tool, fingerprint)
            if not await _rows(connection, _APPROVE, values):
                raise Conflict("The tool is not there any more, or has changed meanwhile. Look at it again.")
            await record_event(connection, event)

    async def withdraw(self, viewer: Viewer, server_id: UUID, tool: str, event: AccountEvent) -> None:
        """Raises NotFound."""
        async with self._database.viewing(viewer) as connection:
            if not await _rows(connection, _WITHDRAW, (server_id, tool)):
                raise NotFound(f"There is no tool {tool[:64]!r} of that server.")
            await record_event(connection, event)

    async def grant(
        self, viewer: Viewer, server_id: UUID, grants: Sequence[ToolGrant], event: AccountEvent
    ) -> None:
        """In place of whoever had it. Raises NotFound for somebody who is not there."""
        try:
            async with self._database.viewing(viewer) as connection:
                if not await _rows(connection, "SELECT 1 FROM tool_servers WHERE id = %s", (server_id,)):
                    raise _no_server(server_id)
                await connection.execute("DELETE FROM tool_grants WHERE server_id = %s", (server_id,))
                for one in grants:
                    await connection.execute(
                        "INSERT INTO tool_grants (server_id, user_id, group_id) VALUES (%s, %s, %s) "
                        "ON CONFLICT DO NOTHING",
                        (server_id, one.user_id, one.group_id),
                    )
                await record_event(connection, event)
        except ForeignKeyViolation as error:
            raise NotFound("There is no such person or group.", param="grants") from error

    async def calls(self, viewer: Viewer, before: UUID | None, limit: int) -> Sequence[ToolCall]:
        """The latest first; one's own, or everybody's for whoever may see them."""
        async with self._database.viewing(viewer) as connection:
            rows = await _rows(connection, _CALLS, {"before": before, "limit": limit})
        return [ToolCall(*row) for row in rows]


def server_of(row: TupleRow) -> ToolServer:
    """A row of SERVER."""
    return ToolServer(
        row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], tuple(row[8]), row[9], row[10]
    )


def tool_of(row: TupleRow) -> ServerTool:
    """A row of TOOL."""
    return ServerTool(*row)


async def _whole(connection: AsyncConnection, server: ToolServer) -> WholeToolServer:
    tools = await _rows(
        connection, f"SELECT {TOOL} FROM server_tools t WHERE t.server_id = %s ORDER BY t.name", (server.id,)
    )
    grants = await _rows(connection, _GRANTS, (server.id,))
    return WholeToolServer(server, tuple(map(tool_of, tools)), tuple(ToolGrant(*row) for row in grants))


async def _rows(connection: AsyncConnection, query: LiteralString, values: Any = ()) -> list[TupleRow]:  # noqa: ANN401
    return await (await connection.execute(query, values)).fetchall()


def _no_server(server_id: UUID) -> NotFound:
    return NotFound(f"There is no tool server {server_id}.")
