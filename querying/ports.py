"""What a database must be able to do for us; a connector is one file and one line in `querying/connectors/`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from querying.types import Caps, CheckedQuery, Dialect, RoleReport, Rows, Schema


class Connector(Protocol):
    """One database, signed in as one role. Cancelling a task that waits for it cancels the query in the database."""

    dialect: Dialect

    async def schema(self) -> Schema:
        """Every table and view that the role can read, without samples. Raises SourceUnavailable."""
        ...

    async def role(self, tables: Sequence[str] = ()) -> RoleReport:
        """What the role could do beside reading, and the grants that one for these tables alone would need."""
        ...

    async def samples(self, table: str, columns: Sequence[str], limit: int) -> dict[str, tuple[str, ...]]:
        """Some frequent values of each column, as text of at most 60 characters."""
        ...

    async def cost(self, query: CheckedQuery) -> float | None:
        """What the planner expects, without running it; None where the database does not tell."""
        ...

    async def run(self, query: CheckedQuery, caps: Caps) -> Rows:
        """In a read-only transaction, row by row until a cap is met.

        Raises QueryTimedOut, QueryFailed, SchemaChanged, SourceUnavailable.
        """
        ...

    async def close(self) -> None: ...
