"""People as rows of a table, for exports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from uuid import UUID

from appliance.api.csv_exports import Row
from appliance.domain.people import User

USER_COLUMNS = (
    "email",
    "name",
    "role",
    "groups",
    "is_suspended",
    "language",
    "weight",
    "created_at",
    "last_login_at",
    "id",
)


async def user_rows(users: AsyncIterator[User], groups: Mapping[UUID, str]) -> AsyncIterator[Row]:
    """One for each of USER_COLUMNS. groups: their names; several stand in one cell, as an import takes them."""
    async for user in users:
        names = sorted(groups[group_id] for group_id in user.group_ids if group_id in groups)
        yield (
            user.email,
            user.name,
            user.role.value,
            "|".join(names),
            user.is_suspended,
            user.language,
            user.weight,
            user.created_at,
            user.last_login_at,
            str(user.id),
        )
