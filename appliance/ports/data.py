"""Asking the company's tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

from appliance.domain.data import Asking, ChosenQuestion, OfferedSource, QueryRun, SavedQuestion
from appliance.domain.people import Caller, Language
from querying.ports import Connector
from querying.types import Value


class DataDesk(Protocol):
    """The only way to a table: who may ask, the guard, the caps, the audit line, the kept result."""

    async def offered(
        self, caller: Caller, collection_ids: Sequence[UUID] | None = None
    ) -> Sequence[OfferedSource]:
        """Databases that the caller may ask, and the workbooks of collections that they see.

        collection_ids: workbooks of these alone, and no databases; None: everything.
        """
        ...

    async def run(
        self,
        caller: Caller,
        source_id: UUID,
        sql: str,
        asking: Asking,
        values: Mapping[str, Value] | None = None,
    ) -> QueryRun:
        """sql: nobody's trust is needed; `:name` stands for a value. Raises NotFound and what querying.errors has."""
        ...


class ResultKeeper(Protocol):
    """Keeps what a query brought for whoever asked."""

    async def keep(self, caller: Caller, run: QueryRun, asking: Asking) -> UUID:
        """The id under which it is shown and exported: that of the run.

        asking.turn_id: it goes with that turn; without one it goes after a day.
        """
        ...


class SavedQuestions(Protocol):
    """Questions whose SQL people checked."""

    async def chosen(
        self, caller: Caller, question: str, sources: Sequence[OfferedSource]
    ) -> ChosenQuestion | None:
        """The saved question that this one asks in other words; None where none does."""
        ...

    async def examples(
        self, caller: Caller, question: str, sources: Sequence[OfferedSource], limit: int
    ) -> Sequence[SavedQuestion]:
        """The most similar checked questions of these sources, best first; fit to be shown to a model."""
        ...

    async def suggested(self, caller: Caller, language: Language, limit: int) -> Sequence[SavedQuestion]:
        """What somebody who does not know what to ask may begin with."""
        ...


class Workbooks(Protocol):
    """Uploaded workbooks as tables of their collections, which the desk asks beside its databases."""

    async def offered(
        self, caller: Caller, collection_ids: Sequence[UUID] | None = None
    ) -> Sequence[OfferedSource]:
        """Those of collections that the caller sees; None: of all of them."""
        ...

    async def connector(self, caller: Caller, source_id: UUID) -> tuple[OfferedSource, Connector] | None:
        """The workbook and what asks it; None where the caller sees no such one. The desk closes the connector."""
        ...
