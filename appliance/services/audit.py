"""What was done here and by whom, for administrators and auditors. Only the database's owner can change a line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Protocol
from uuid import UUID

from appliance.domain.administration import AuditLine, AuditQuery, Page
from appliance.domain.people import Caller, Viewer
from appliance.errors import NotFound
from appliance.services.accounts.names import email_key
from appliance.services.accounts.people import require_reader

_EXPORTED_AT_ONCE = 1000


class AuditRepository(Protocol):
    """`storage.audit` fulfils it. Raises PartUnavailable."""

    async def lines(self, viewer: Viewer, query: AuditQuery, limit: int) -> Page: ...

    async def person(self, email_key: str) -> UUID | None: ...


class Audit:
    """The use case behind `/api/audit`."""

    def __init__(self, repository: AuditRepository) -> None:
        self._repository = repository

    async def lines(self, caller: Caller, query: AuditQuery, limit: int) -> Page:
        """Newest first. Raises NotPermitted."""
        require_reader(caller)
        return await self._repository.lines(caller.viewer, query, limit)

    async def everything(self, caller: Caller, query: AuditQuery) -> AsyncIterator[AuditLine]:
        """All that the query finds, a page at a time: no transaction is held while somebody downloads slowly.

        Raises NotPermitted before the first line is asked for.
        """
        require_reader(caller)
        return self._pages(caller, query)

    async def _pages(self, caller: Caller, query: AuditQuery) -> AsyncIterator[AuditLine]:
        while True:
            page = await self._repository.lines(caller.viewer, query, _EXPORTED_AT_ONCE)
            for line in page.rows:
                yield line
            if not page.has_more:
                return
            query = replace(query, before=(page.rows[-1].happened_at, page.rows[-1].id))

    async def person(self, caller: Caller, who: str) -> UUID:
        """An id or an address. Raises NotPermitted, NotFound."""
        require_reader(caller)
        try:
            return UUID(who)
        except ValueError:
            found = await self._repository.person(email_key(who))
        if found is None:
            raise NotFound(f"There is nobody with the address {who}.", param="person")
        return found
