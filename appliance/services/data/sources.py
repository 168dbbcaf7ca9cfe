"""The company's databases, as administrators connect them, name them, share them and take them away.

A role that can do more than read is refused with the statements that make one which cannot, unless an administrator
accepts it and says why; the reason stands in the audit. A source is nobody's until it is shared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from appliance.domain.data_sources import (
    DatabaseKind,
    Grant,
    NewSource,
    SchemaRead,
    SourceChanges,
    SourceOverview,
    WholeSource,
)
from appliance.domain.people import AccountEvent, Caller
from appliance.domain.refusals import Told
from appliance.errors import InvalidRequest, NotFound
from appliance.services.accounts.names import name_key
from appliance.services.accounts.people import require_admin
from appliance.services.data.looking import Looking
from appliance.services.data.source_ports import CheckSettings, Connected, SourceRepository
from appliance.services.knowledge.sharing import NamedSubjects, Subjects
from querying.errors import QueryingError, SourceRefused
from querying.types import RoleReport

EVERYBODY = "everybody"
_MOST_NAME = 200
_MOST_DESCRIPTION = 4_000


@dataclass(frozen=True, slots=True)
class Tested:
    """What a first contact found."""

    role: RoleReport
    tables: int


class Sources:
    """The use cases behind `/api/data/sources`. Everything raises NotPermitted for who does not administer."""

    def __init__(
        self,
        repository: SourceRepository,
        connections: Connected,
        looking: Looking,
        check: CheckSettings,
        subjects: NamedSubjects,
    ) -> None:
        self._repository = repository
        self._connections = connections
        self._looking = looking
        self._check = check
        self._subjects = Subjects(subjects)

    async def overviews(self, caller: Caller) -> Sequence[SourceOverview]:
        """All of them, by name."""
        require_admin(caller)
        return await self._repository.overviews(caller.viewer)

    async def whole(self, caller: Caller, source_id: UUID) -> WholeSource:
        """Raises NotFound."""
        require_admin(caller)
        found = await self._repository.whole(caller.viewer, source_id)
        if found is None:
            raise NotFound(f"There is no data source {source_id}.")
        return found

    async def test(self, caller: Caller, kind: DatabaseKind, settings: Mapping[str, Any]) -> Tested:
        """Whether it answers, and what the role could do. Nothing is kept. Raises QueryingError."""
        require_admin(caller)
        read = await self._first_contact(kind, self._check(kind, settings))
        assert read.role is not None
        return Tested(read.role, len(read.tables))

    async def add(self, caller: Caller, new: NewSource) -> WholeSource:
        """Raises Conflict, InvalidRequest, SourceRefused, SourceUnavailable."""
        require_admin(caller)
        new = replace(
            new,
            name=_name(new.name),
            description=_description(new.description),
            settings=self._check(new.kind, new.settings),
        )
        read = await self._first_contact(new.kind, new.settings)
        assert read.role is not None
        accepted = _accepted(read.role, new.writable_because)
        new = replace(new, writable_because=accepted)
        detail: dict[str, Any] = {"name": new.name, "kind": new.kind, "role": read.role.name}
        if accepted:
            detail |= {"can_write": True, "because": accepted, "problems": list(read.role.problems)}
        event = AccountEvent("data.source.added", caller.user_id, detail=detail)
        return await self.whole(
            caller, await self._repository.add(caller.viewer, new, name_key(new.name), read, event)
        )

    async def change(self, caller: Caller, source_id: UUID, changes: SourceChanges) -> WholeSource:
        """Other settings are tried before they are kept. Raises NotFound, and as add()."""
        found = await self.whole(caller, source_id)
        detail: dict[str, Any] = {"source": str(source_id), "name": found.source.name}
        key = None
        if changes.name is not None:
            changes = replace(changes, name=_name(changes.name))
            key = name_key(changes.name or "")
            detail["becomes"] = changes.name
        if changes.description is not None:
            changes = replace(changes, description=_description(changes.description))
        read = None
        if changes.settings is not None:
            checked = self._check(found.source.kind, changes.settings)
            read = await self._first_contact(found.source.kind, checked, found)
        if changes.settings is not None or changes.writable_because is not None:
            role = read.role if read is not None else found.source.role
            said = changes.writable_because
            because = _accepted(role, found.source.writable_because if said is None else said)
            changes = replace(changes, writable_because=because)
            if because and because != found.source.writable_because:
                detail |= {"can_write": True, "because": because}
        if changes.settings is not None:
            changes = replace(changes, settings=checked)
        told = ("settings", "description", "caps", "is_paused")
        detail["changed"] = [name for name in told if getattr(changes, name) is not None]
        if changes.is_paused is not None:
            detail["is_paused"] = changes.is_paused
        event = AccountEvent("data.source.changed", caller.user_id, detail=detail)
        if not await self._repository.change(caller.viewer, source_id, changes, key, event):
            raise NotFound(f"There is no data source {source_id}.")
        if read is not None:
            await self._repository.note_read(caller.viewer, source_id, read, None)
        return await self.whole(caller, source_id)

    async def remove(self, caller: Caller, source_id: UUID) -> None:
        """With everything that was chosen and granted; the database itself is left as it is. Raises NotFound."""
        found = await self.whole(caller, source_id)
        detail = {"source": str(source_id), "name": found.source.name}
        event = AccountEvent("data.source.removed", caller.user_id, detail=detail)
        if not await self._repository.remove(caller.viewer, source_id, event):
            raise NotFound(f"There is no data source {source_id}.")
        await self._connections.forget(source_id)

    async def give(self, caller: Caller, source_id: UUID, subject: str) -> Grant:
        """subject: `user:ADDRESS`, `group:NAME`, an id of them, or `everybody`. Raises NotFound."""
        found = await self.whole(caller, source_id)
        grant = await self._grant(subject)
        event = self._granted("data.source.shared", caller, found, grant)
        return await self._repository.give(caller.viewer, source_id, grant, event)

    async def take(self, caller: Caller, source_id: UUID, subject: str) -> None:
        """Acts on the next query. Raises NotFound."""
        found = await self.whole(caller, source_id)
        grant = await self._grant(subject)
        event = self._granted("data.source.unshared", caller, found, grant)
        if not await self._repository.take(caller.viewer, source_id, grant, event):
            raise NotFound(Told("share_missing"), param="with")

    async def _grant(self, subject: str) -> Grant:
        if subject == EVERYBODY:
            return Grant()
        return Grant(*await self._subjects.named(subject, param="with"))

    def _granted(self, action: str, caller: Caller, found: WholeSource, grant: Grant) -> AccountEvent:
        detail: dict[str, Any] = {"source": str(found.source.id), "name": found.source.name}
        if grant.user_id is None and grant.group_id is None:
            detail["with"] = EVERYBODY
        return AccountEvent(action, caller.user_id, grant.user_id or grant.group_id, detail)

    async def _first_contact(
        self, kind: DatabaseKind, settings: Mapping[str, Any], found: WholeSource | None = None
    ) -> SchemaRead:
        connector = self._connections.trial(kind, settings)
        try:
            return await self._looking.read_by(connector, () if found is None else found.tables)
        finally:
            await connector.close()


def _accepted(role: RoleReport | None, because: str) -> str:
    """The reason that is kept; empty where the role can only read. Raises SourceRefused."""
    said = because.strip()[:_MOST_DESCRIPTION]
    if role is None or not role.can_write:
        return ""
    if said:
        return said
    statements = "; ".join(role.grants)
    raise SourceRefused(
        f"The role {role.name} can do more than read ({', '.join(role.problems)}). Give the appliance a role that can "
        f"not: {statements}. Or accept it, with a reason (`writable_because`).",
        "role_can_write",
    )


def _name(name: str) -> str:
    plain = " ".join(name.split())
    if not plain or len(plain) > _MOST_NAME:
        raise InvalidRequest(Told("source_name", most=_MOST_NAME), param="name")
    return plain


def _description(text: str) -> str:
    return text.strip()[:_MOST_DESCRIPTION]


def problem_of(error: QueryingError) -> tuple[str, str]:
    """As a source keeps what its last contact failed with."""
    return error.code, error.detail
