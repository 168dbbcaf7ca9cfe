"""Who uses the appliance, and as what. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID


class Role(StrEnum):
    """What a person may do: an auditor reads usage and audit, an administrator everything but other people's words."""

    ADMIN = "admin"
    USER = "user"
    AUDITOR = "auditor"


Language = Literal["en", "es"]


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whose eyes the database is read with."""

    user_id: UUID
    group_ids: frozenset[UUID] = frozenset()
    role: Role = Role.USER


@dataclass(frozen=True, slots=True)
class Scopes:
    """What a key may be used for; None means everything its owner may. routes are prefixes such as `/v1/embeddings`."""

    models: frozenset[str] | None = None
    routes: tuple[str, ...] | None = None

    def allow_model(self, model: str) -> bool:
        return self.models is None or model in self.models

    def allow_route(self, path: str) -> bool:
        return self.routes is None or any(
            path == route or path.startswith(route.rstrip("/") + "/") for route in self.routes
        )


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a request speaks for, once its credential has been checked. is_batch: lets everybody else go first.

    stays_local: nothing that is asked may leave the box, by the key or by the request's own word. allows_smaller: a
    smaller model may answer in place of the one that was asked for, likewise.
    """

    user_id: UUID
    email: str
    role: Role = Role.USER
    group_ids: frozenset[UUID] = frozenset()
    key_id: UUID | None = None
    session_id: UUID | None = None
    scopes: Scopes = field(default_factory=Scopes)
    language: Language | None = None
    is_batch: bool = False
    stays_local: bool = False
    allows_smaller: bool = True

    @property
    def viewer(self) -> Viewer:
        return Viewer(self.user_id, self.group_ids, self.role)

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN


@dataclass(frozen=True, slots=True)
class User:
    """A person with an account. weight: the share of the engines, in comparison with others'."""

    id: UUID
    email: str
    name: str
    role: Role
    is_suspended: bool
    language: Language | None
    created_at: datetime
    last_login_at: datetime | None = None
    group_ids: frozenset[UUID] = frozenset()
    weight: float = 1.0


Theme = Literal["system", "light", "dark"]


@dataclass(frozen=True, slots=True)
class Preferences:
    """How somebody wants the page and its answers. instructions: what every answer is to heed; has_shortcuts: keys."""

    theme: Theme = "system"
    instructions: str = ""
    has_shortcuts: bool = True


@dataclass(frozen=True, slots=True)
class Group:
    """People who share collections, and limits. weight None: the group takes no part in sharing the engines."""

    id: UUID
    name: str
    member_ids: frozenset[UUID] = frozenset()
    weight: float | None = None
    parent_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is listed: its secret is shown once, at creation, and only a hash is kept."""

    id: UUID
    user_id: UUID
    name: str
    prefix: str
    scopes: Scopes
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    is_batch: bool = False
    stays_local: bool = False
    allows_smaller: bool = True


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in as it is listed: the token is known to the browser alone."""

    id: UUID
    user_id: UUID
    user_agent: str
    address: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Credential:
    """What a key or a session proves, as the database knows it now. expires_at None: never.

    confirmed_until: the company's provider vouches for a key's owner so long; None: it is not asked.
    """

    caller: Caller
    expires_at: datetime | None
    is_revoked: bool = False
    is_suspended: bool = False
    confirmed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccountEvent:
    """One line of what was done to accounts. actor_id None: the operator at the machine, or nobody signed in."""

    action: str
    actor_id: UUID | None = None
    subject_id: UUID | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    address: str = ""
    happened_at: datetime | None = None
    id: int = 0


# An answer with its sources ---------------------------------------------------------------------------
