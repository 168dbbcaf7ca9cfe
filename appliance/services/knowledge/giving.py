"""A collection changes hands: its owner gives it to a person or a group, an administrator does it for who left."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from appliance.domain.documents import Audience, Owner
from appliance.domain.people import Caller, Viewer
from appliance.domain.refusals import Told
from appliance.errors import NotPermitted
from appliance.services.knowledge.sharing import Subjects


class OwnerRepository(Protocol):
    """Where it is recorded whose a collection is."""

    async def give(self, viewer: Viewer, collection_id: UUID, to: Audience) -> Owner:
        """The change and its line in the audit, or neither. Raises NotFound, NotPermitted, Conflict."""
        ...


class Giving:
    """The use case behind `PATCH /api/collections/ID`."""

    def __init__(self, owners: OwnerRepository, subjects: Subjects) -> None:
        self._owners = owners
        self._subjects = subjects

    async def give(self, caller: Caller, collection_id: UUID, owner: str) -> Owner:
        """owner: as for `Subjects.named`, or `everybody`. Acts on the next request, on every process."""
        if owner == "everybody":
            if not caller.is_admin:
                raise NotPermitted(Told("give_everybody"), param="owner")
            return await self._owners.give(caller.viewer, collection_id, Audience())
        user_id, group_id = await self._subjects.named(owner, param="owner")
        return await self._owners.give(caller.viewer, collection_id, Audience(user_id, group_id))
