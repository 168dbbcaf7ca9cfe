"""What the accounts hand to be kept; their repositories are in services/accounts/ports.py."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from appliance.domain.people import Language, Role, Scopes, User
from appliance.ports.keeping import Keep

LinkKind = Literal["invitation", "password_reset"]


@dataclass(frozen=True, slots=True)
class PeopleFilter:
    """Whom a list of people holds. words: all of them stand in the name, the address or a group's name, folded.

    role: of those who are not suspended; is_suspended None: suspended or not.
    """

    words: tuple[str, ...] = ()
    role: Role | None = None
    is_suspended: bool | None = None


@dataclass(frozen=True, slots=True)
class NewUser:
    """A person to be added. email_key is the normalised address that is compared."""

    email: str
    email_key: str
    name: str = ""
    role: Role = Role.USER
    password_hash: str | None = None
    language: Language | None = None


@dataclass(frozen=True, slots=True)
class GroupChanges:
    """What is to be different about a group. weight None: it takes no part in sharing; parent_id None: none above."""

    name: str | None = None
    weight: float | Keep | None = Keep.AS_IT_IS
    parent_id: UUID | Keep | None = Keep.AS_IT_IS


@dataclass(frozen=True, slots=True, repr=False)
class ProviderProof:
    """What the company's identity provider left with a sign-in; both tokens are sealed.

    next_check_at None: it cannot be asked again. provider_session: its name for the sign-in, empty where it has none.
    """

    issuer: str
    subject: str
    provider_session: str
    id_token: bytes
    refresh_token: bytes | None
    next_check_at: datetime | None


@dataclass(frozen=True, slots=True)
class IdentityLink:
    """An account and whom it stands for at the provider. given: groups of ours that the provider put them in."""

    user: User
    issuer: str
    subject: str
    given: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class ProvenSession:
    """A sign-in that the provider vouched for. failing_since: it has not answered about it since then."""

    session_id: UUID
    user_id: UUID
    proof: ProviderProof
    failing_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewSession:
    """A sign-in to be kept. proof: of who signed in with the company's account."""

    user_id: UUID
    token_hash: bytes
    user_agent: str
    address: str
    created_at: datetime
    expires_at: datetime
    ends_at: datetime
    proof: ProviderProof | None = None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to be kept."""

    user_id: UUID
    name: str
    prefix: str
    secret_hash: bytes
    scopes: Scopes
    created_at: datetime
    expires_at: datetime | None
    is_batch: bool = False
    stays_local: bool = False
    allows_smaller: bool = True


@dataclass(frozen=True, slots=True)
class NewLink:
    """A one-time link to be kept."""

    kind: LinkKind
    user_id: UUID
    token_hash: bytes
    created_by: UUID | None
    created_at: datetime
    expires_at: datetime
