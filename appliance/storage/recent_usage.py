"""Who used how many tokens in the last minutes, by the ledger, as whoever asks may see it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from appliance.domain.people import Viewer
from appliance.fairness.queue.survey import Used
from appliance.storage.database import Database

# An answer that took longer than a quarter of an hour is left out: only young rows are read. As with limits, the
# tokens of the embedded model are no engine's.
_LATELY = """
WITH used AS (
    SELECT user_id, sum(prompt_tokens + completion_tokens) AS tokens FROM requests
    WHERE started_at > now() - interval '15 minutes'
      AND started_at + total_ms * interval '1 millisecond' > now() - interval '5 minutes'
      AND engine IS DISTINCT FROM 'embedder'
    GROUP BY user_id ORDER BY 2 DESC LIMIT 200
)
SELECT u.id, u.email, coalesce(used.tokens, 0) FROM users u LEFT JOIN used ON used.user_id = u.id
WHERE used.tokens > 0 OR u.id = ANY(%s)
"""


class PostgresRecentUsage:
    """Fulfils RecentUsage of services/queue_overview.py: requests that ended in the last five minutes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lately(self, viewer: Viewer, also: Collection[UUID]) -> Sequence[Used]:
        """Whoever used tokens, and these. Raises PartUnavailable."""
        async with self._database.viewing(viewer) as connection:
            rows = await (await connection.execute(_LATELY, (list(also),))).fetchall()
        return [Used(user_id, email, int(tokens)) for user_id, email, tokens in rows]
