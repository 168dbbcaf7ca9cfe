"""Tools of others as somebody may have them called, in PostgreSQL: what they agreed to, and every call."""

# ruff: noqa: S608 – every piece of SQL is a LiteralString, which mypy checks; values are always parameters.
from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from appliance.domain.people import AccountEvent, Viewer
from appliance.domain.tools import KeptConsent, ToolCall, UsableTool
from appliance.errors import NotFound
from appliance.storage.accounts import record_event
from appliance.storage.database import Database
from appliance.storage.tool_servers import SERVER, TOOL, server_of, tool_of

# By the grants alone, whatever the viewer's role lets them see: administrators use what was granted to them.
_USABLE = f"""
SELECT {SERVER}, {TOOL}, c.answer
FROM tool_servers s JOIN server_tools t ON t.server_id = s.id
     LEFT JOIN tool_consents c ON c.server_id = s.id AND c.tool = t.name AND c.fingerprint = t.fingerprint
          AND c.user_id = viewer_id()
WHERE NOT s.is_paused AND t.gone_at IS NULL AND t.approved = t.fingerprint
  AND s.id IN (SELECT viewer_tool_servers())
ORDER BY s.name, t.name LIMIT 200
"""
_REMEMBER = """
INSERT INTO tool_consents (user_id, server_id, tool, answer, fingerprint) VALUES (viewer_id(), %s, %s, %s, %s)
ON CONFLICT (user_id, server_id, tool) DO UPDATE SET answer = excluded.answer, fingerprint = excluded.fingerprint,
    answered_at = now()
"""
_CONSENTS = """
SELECT s.name, c.server_id, c.tool, c.answer, c.fingerprint, c.answered_at
FROM tool_consents c JOIN tool_servers s ON s.id = c.server_id WHERE c.user_id = viewer_id() ORDER BY 1, 3
"""
_FORGET = (
    "DELETE FROM tool_consents WHERE server_id = %s AND tool = %s AND user_id = viewer_id() RETURNING tool"
)
_NOTE = """
INSERT INTO tool_calls (user_id, via, server, tool, outcome, consent, ms, argument_bytes, arguments_sha256,
                        result_bytes, request_id)
VALUES (viewer_id(), %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_SERVER_COLUMNS = 11


class PostgresToolUse:
    """Fulfils services.tools.ports.ToolUse. database: of the api role."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def usable(self, viewer: Viewer) -> Sequence[UsableTool]:
        """Approved tools of servers that were granted to them, with what they said."""
        async with self._database.viewing(viewer) as connection:
            rows = await (await connection.execute(_USABLE)).fetchall()
        return [UsableTool(server_of(row), tool_of(row[_SERVER_COLUMNS:-1]), row[-1]) for row in rows]

    async def remember(self, viewer: Viewer, tool: UsableTool, answer: str, event: AccountEvent) -> None:
        """answer: `always` or `never`."""
        async with self._database.viewing(viewer) as connection:
            values = (tool.server.id, tool.tool.name, answer, tool.tool.fingerprint)
            await connection.execute(_REMEMBER, values)
            await record_event(connection, event)

    async def consents(self, viewer: Viewer) -> Sequence[KeptConsent]:
        """What they said for good."""
        async with self._database.viewing(viewer) as connection:
            rows = await (await connection.execute(_CONSENTS)).fetchall()
        return [KeptConsent(*row) for row in rows]

    async def forget(self, viewer: Viewer, server_id: UUID, tool: str, event: AccountEvent) -> None:
        """Raises NotFound."""
        async with self._database.viewing(viewer) as connection:
            if not await (await connection.execute(_FORGET, (server_id, tool))).fetchall():
                raise NotFound("Nothing was said about that tool.")
            await record_event(connection, event)

    async def note(self, viewer: Viewer, call: ToolCall) -> None:
        """A line of the audit."""
        values = (
            call.via,
            call.server,
            call.tool[:64],
            call.outcome,
            call.consent,
            call.ms,
            call.argument_bytes,
            call.arguments_sha256,
            call.result_bytes,
            call.request_id,
        )
        async with self._database.viewing(viewer) as connection:
            await connection.execute(_NOTE, values)
