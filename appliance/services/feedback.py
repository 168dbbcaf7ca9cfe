"""What people thought of answers.

Administrators read the rating, the reason and the comment; the question and the answer only where who gave it said so,
and nobody reads who that was.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Protocol

from appliance.domain.administration import FeedbackCounts, FeedbackQuery, GivenFeedback, Page
from appliance.domain.people import Caller, Viewer
from appliance.services.accounts.people import require_admin

_EXPORTED_AT_ONCE = 500


class FeedbackRepository(Protocol):
    """`storage.feedback` fulfils it. Raises PartUnavailable."""

    async def given(self, viewer: Viewer, query: FeedbackQuery, limit: int) -> Page: ...

    async def counts(self, viewer: Viewer, query: FeedbackQuery) -> FeedbackCounts: ...


class FeedbackRead:
    """The use case behind `/api/feedback`."""

    def __init__(self, repository: FeedbackRepository) -> None:
        self._repository = repository

    async def given(self, caller: Caller, query: FeedbackQuery, limit: int) -> tuple[Page, FeedbackCounts]:
        """Newest first, and the counts of all that the query finds. Raises NotPermitted."""
        require_admin(caller)
        page = await self._repository.given(caller.viewer, query, limit)
        return page, await self._repository.counts(caller.viewer, replace(query, before=None))

    async def everything(self, caller: Caller, query: FeedbackQuery) -> AsyncIterator[GivenFeedback]:
        """All of it, a page at a time. Raises NotPermitted before the first row is asked for."""
        require_admin(caller)
        return self._pages(caller, query)

    async def _pages(self, caller: Caller, query: FeedbackQuery) -> AsyncIterator[GivenFeedback]:
        while True:
            page = await self._repository.given(caller.viewer, query, _EXPORTED_AT_ONCE)
            for row in page.rows:
                yield row
            if not page.has_more:
                return
            query = replace(query, before=(page.rows[-1].given_at, page.rows[-1].turn_id))
