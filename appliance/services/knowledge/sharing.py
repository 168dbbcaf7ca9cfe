"""Sharing a collection with a person or a group, to read or to read and write. Only whose it is shares it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from appliance.domain.documents import Share
from appliance.domain.people import Caller, Viewer
from appliance.domain.shelf import Candidate
from appliance.errors import NotFound
from appliance.services.accounts.names import email_key, name_key

_MOST_CANDIDATES = 8


class NamedSubjects(Protocol):
    """Whom an address or a group's name stands for."""

    async def person(self, email_key: str) -> UUID | None: ...

    async def group(self, name_key: str) -> UUID | None: ...


class ShareRepository(NamedSubjects, Protocol):
    """Where shares are recorded. NotFound for what the viewer does not see, NotPermitted for what is not theirs."""

    async def shares(self, viewer: Viewer, collection_id: UUID) -> Sequence[Share]: ...

    async def give(self, viewer: Viewer, collection_id: UUID, share: Share) -> Share:
        """Add it, or change what it allows. Raises NotFound for an unknown person or group."""
        ...

    async def take(self, viewer: Viewer, collection_id: UUID, share: Share) -> None:
        """may_write is of no matter. Raises NotFound where there is none."""
        ...

    async def candidates(
        self, viewer: Viewer, collection_id: UUID, words: str, most: int
    ) -> Sequence[Candidate]:
        """People and groups whose name or address holds these words and who do not have a share yet."""
        ...


class Sharing:
    """The use cases behind `/api/collections/ID/shares`."""

    def __init__(self, shares: ShareRepository) -> None:
        self._shares = shares
        self._subjects = Subjects(shares)

    async def shares(self, caller: Caller, collection_id: UUID) -> Sequence[Share]:
        return await self._shares.shares(caller.viewer, collection_id)

    async def candidates(self, caller: Caller, collection_id: UUID, words: str) -> Sequence[Candidate]:
        """The first few; only whose the collection is looks through the people of the company."""
        return await self._shares.candidates(caller.viewer, collection_id, words.strip(), _MOST_CANDIDATES)

    async def give(self, caller: Caller, collection_id: UUID, subject: str, *, may_write: bool) -> Share:
        """subject: as for `Subjects.named`. Giving again changes what is allowed."""
        share = await self._subject(subject, may_write)
        return await self._shares.give(caller.viewer, collection_id, share)

    async def take(self, caller: Caller, collection_id: UUID, subject: str) -> None:
        """Acts on the next search, on every process."""
        await self._shares.take(caller.viewer, collection_id, await self._subject(subject, False))

    async def _subject(self, subject: str, may_write: bool) -> Share:
        return Share(*await self._subjects.named(subject, param="with"), may_write)


class Subjects:
    """People and groups as they are written in a request."""

    def __init__(self, named: NamedSubjects) -> None:
        self._named = named

    async def named(self, subject: str, *, param: str) -> tuple[UUID | None, UUID | None]:
        """(person, group), one of them None, of `user:ID`, `user:ADDRESS`, `group:ID` or `group:NAME`.

        An address alone is a person's. Raises NotFound.
        """
        kind, _, rest = subject.partition(":")
        if kind not in ("user", "group"):
            kind, rest = "user", subject
        if kind == "user":
            found = _as_id(rest) or await self._named.person(email_key(rest))
        else:
            found = _as_id(rest) or await self._named.group(name_key(rest))
        if found is None:
            raise NotFound(f"There is no {'person' if kind == 'user' else 'group'} {rest!r}.", param=param)
        return (found, None) if kind == "user" else (None, found)


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
