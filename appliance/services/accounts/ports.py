"""What the accounts need kept; `appliance.storage.accounts` and `.credentials` fulfil it on PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from appliance.domain.people import (
    AccountEvent,
    ApiKey,
    Credential,
    Group,
    Language,
    Preferences,
    Role,
    Session,
    User,
    Viewer,
)
from appliance.ports import PreferenceChanges
from appliance.ports.accounts import (
    GroupChanges,
    LinkKind,
    NewKey,
    NewLink,
    NewSession,
    NewUser,
    PeopleFilter,
)


class UserRepository(Protocol):
    """People and groups. Each change is written together with its event, in one transaction."""

    async def add_user(self, new: NewUser, group_ids: Collection[UUID], event: AccountEvent) -> User:
        """Raises Conflict when the address is taken."""
        ...

    async def user(self, user_id: UUID) -> User | None: ...

    async def user_by_email(self, email_key: str) -> tuple[User, str | None] | None:
        """The person and the password's hash."""
        ...

    async def password_hash(self, user_id: UUID) -> str | None: ...

    async def users(self, after: str, limit: int) -> Sequence[User]:
        """By e-mail, those behind `after`."""
        ...

    async def found(self, wanted: PeopleFilter, after: str, limit: int) -> tuple[Sequence[User], int]:
        """The same of those who fit, and how many fit in all."""
        ...

    async def count_users(self) -> int: ...

    async def update_user(
        self,
        user_id: UUID,
        event: AccountEvent,
        *,
        name: str | None = None,
        role: Role | None = None,
        is_suspended: bool | None = None,
        language: Language | None = None,
        weight: float | None = None,
    ) -> User:
        """None leaves a field as it is. Raises NotFound, and LastAdministrator when nobody would be left."""
        ...

    async def set_password(self, user_id: UUID, password_hash: str, event: AccountEvent) -> Sequence[UUID]:
        """Ends every session and open reset link of the person; returns the ended sessions."""
        ...

    async def rehash_password(self, user_id: UUID, old_hash: str, new_hash: str) -> None: ...

    async def add_group(
        self,
        name: str,
        name_key: str,
        event: AccountEvent,
        *,
        weight: float | None = None,
        parent_id: UUID | None = None,
    ) -> Group:
        """Raises Conflict for a name that is taken, NotFound for a parent that is not there."""
        ...

    async def change_group(
        self, group_id: UUID, changes: GroupChanges, name_key: str | None, event: AccountEvent
    ) -> Group:
        """Raises NotFound, Conflict for a name that is taken, InvalidRequest for a group above itself."""
        ...

    async def remove_group(self, group_id: UUID, event: AccountEvent) -> Collection[UUID]:
        """Returns who was in it."""
        ...

    async def groups(self, member: UUID | None = None) -> Sequence[Group]:
        """All groups, or those somebody is in."""
        ...

    async def groups_by_name(self, name_keys: Collection[str]) -> Mapping[str, UUID]: ...

    async def set_members(
        self, group_id: UUID, user_ids: Collection[UUID], event: AccountEvent
    ) -> Collection[UUID]:
        """Returns who was added or taken out."""
        ...

    async def record(self, event: AccountEvent) -> None: ...

    async def events(self, before: int | None, limit: int) -> Sequence[AccountEvent]:
        """Newest first, those with an id below `before`."""
        ...


class CredentialRepository(Protocol):
    """Sessions, keys and one-time links."""

    async def by_key(self, secret_hash: bytes) -> Credential | None: ...

    async def by_session_token(self, token_hash: bytes) -> Credential | None: ...

    async def by_session_id(self, session_id: UUID) -> Credential | None: ...

    async def still_valid(
        self, key_ids: Collection[UUID], session_ids: Collection[UUID], now: datetime
    ) -> Mapping[UUID, Role]:
        """Those of the keys and sessions that hold, with their owner's role."""
        ...

    async def note_use(
        self, keys: Mapping[UUID, datetime], sessions: Mapping[UUID, datetime], session_days: int
    ) -> None: ...

    async def add_session(self, new: NewSession, replaces: bytes | None, event: AccountEvent) -> Session:
        """replaces: the hash of the token the browser had before, whose session ends."""
        ...

    async def sessions(self, user_id: UUID, now: datetime) -> Sequence[Session]: ...

    async def end_sessions(
        self, user_id: UUID, event: AccountEvent, *, only: UUID | None = None, keep: UUID | None = None
    ) -> Sequence[UUID]:
        """Returns the ended ones; empty where there was none of that id."""
        ...

    async def remove_expired(self, now: datetime) -> None: ...

    async def add_key(self, new: NewKey, event: AccountEvent) -> ApiKey: ...

    async def keys(self, user_id: UUID | None) -> Sequence[ApiKey]:
        """Newest first; None: everybody's."""
        ...

    async def key(self, key_id: UUID) -> ApiKey | None: ...

    async def revoke_key(self, key_id: UUID, now: datetime, event: AccountEvent) -> ApiKey | None: ...

    async def add_link(self, new: NewLink, event: AccountEvent) -> UUID:
        """Open links of the same kind for the same person stop working."""
        ...

    async def open_link(self, kind: LinkKind, token_hash: bytes, now: datetime) -> User | None:
        """Whom an unused, unexpired link is for."""
        ...

    async def use_link(
        self, kind: LinkKind, token_hash: bytes, password_hash: str, now: datetime, event: AccountEvent
    ) -> tuple[UUID, Sequence[UUID]] | None:
        """Consume the link and set the password; returns the person and the ended sessions, None where it was used."""
        ...


class PreferenceRepository(Protocol):
    """How people want the page and its answers; each reads their own. Raises PartUnavailable."""

    async def preferences(self, viewer: Viewer) -> Preferences: ...

    async def change_preferences(self, viewer: Viewer, changes: PreferenceChanges) -> Preferences: ...
