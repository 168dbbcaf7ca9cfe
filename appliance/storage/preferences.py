"""What people set for themselves, in PostgreSQL; nobody reads anybody else's."""

from __future__ import annotations

from appliance.domain.people import Preferences, Viewer
from appliance.ports import PreferenceChanges
from appliance.storage.database import Database

_READ = "SELECT theme, instructions, has_shortcuts FROM preferences WHERE user_id = %s"
_CHANGE = """
INSERT INTO preferences (user_id, theme, instructions, has_shortcuts)
VALUES (%(user)s, coalesce(%(theme)s, 'system'), coalesce(%(instructions)s, ''), coalesce(%(has_shortcuts)s, true))
ON CONFLICT (user_id) DO UPDATE SET theme = coalesce(%(theme)s, preferences.theme),
    instructions = coalesce(%(instructions)s, preferences.instructions),
    has_shortcuts = coalesce(%(has_shortcuts)s, preferences.has_shortcuts), updated_at = now()
RETURNING theme, instructions, has_shortcuts
"""


class PostgresPreferences:
    """Fulfils services.accounts.ports.PreferenceRepository and ports.Instructions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, viewer: Viewer) -> str:
        """What they want every answer to heed; empty where they said nothing. Raises PartUnavailable."""
        return (await self.preferences(viewer)).instructions

    async def preferences(self, viewer: Viewer) -> Preferences:
        async with self._database.viewing(viewer) as connection:
            row = await (await connection.execute(_READ, (viewer.user_id,))).fetchone()
        return Preferences() if row is None else Preferences(*row)

    async def change_preferences(self, viewer: Viewer, changes: PreferenceChanges) -> Preferences:
        values = {
            "user": viewer.user_id,
            "theme": changes.theme,
            "instructions": changes.instructions,
            "has_shortcuts": changes.has_shortcuts,
        }
        async with self._database.viewing(viewer) as connection:
            row = await (await connection.execute(_CHANGE, values)).fetchone()
        assert row is not None
        return Preferences(*row)
