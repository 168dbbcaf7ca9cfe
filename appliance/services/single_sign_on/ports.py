"""What signing in with a provider needs from outside: one way out, and a place for links and proofs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from appliance.domain.people import AccountEvent, User
from appliance.ports.accounts import IdentityLink, NewUser, ProvenSession, ProviderProof


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered, whole."""

    status: int
    body: bytes


class HttpClient(Protocol):
    """The only way out: every call to the provider goes through one of these.

    Raises IdentityProviderUnavailable where nothing usable answers; follows no redirect.
    """

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Reply: ...

    async def post_form(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Reply: ...


class LinkRepository(Protocol):
    """Links and proofs. Each change is written together with its event, in one transaction."""

    async def find(self, issuer: str, subject: str) -> IdentityLink | None: ...

    async def add(self, new: NewUser, issuer: str, subject: str, event: AccountEvent) -> User:
        """A new account with its link. Raises Conflict when the address or the link is taken."""
        ...

    async def link(self, user_id: UUID, issuer: str, subject: str, event: AccountEvent) -> None:
        """Raises Conflict when the account stands for somebody else at this provider already."""
        ...

    async def unlink(self, user_id: UUID, event: AccountEvent) -> Sequence[UUID] | None:
        """Returns the sign-ins that stood on the link; None where there was no link."""
        ...

    async def confirm(self, issuer: str, subject: str, now: datetime, keys_until: datetime | None) -> None:
        """The provider has said just now that there is this person."""
        ...

    async def give_groups(self, link: IdentityLink, groups: Collection[UUID], event: AccountEvent) -> bool:
        """Be in these by the provider's word, no longer in those it gave before. False: nothing changed."""
        ...

    async def proof(self, session_id: UUID) -> ProviderProof | None: ...

    async def claim_due(self, now: datetime, lease_until: datetime, limit: int) -> Sequence[ProvenSession]:
        """Sign-ins to be asked about now; no other process gets them before lease_until."""
        ...

    async def renew(self, session_id: UUID, refresh_token: bytes | None, next_check_at: datetime) -> None:
        """The provider said yes. refresh_token None: the old one stays."""
        ...

    async def note_failure(self, session_id: UUID, since: datetime, next_check_at: datetime) -> None:
        """The provider did not answer."""
        ...

    async def sessions_of(
        self, issuer: str, subject: str | None, provider_session: str | None
    ) -> Sequence[tuple[UUID, UUID]]:
        """(session, person) of a person at the provider, or of one sign-in there."""
        ...
