"""The tool `list_data`: which databases and workbooks the caller may ask, with their tables and columns."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from appliance.domain.data import OfferedSource
from appliance.domain.origins import of_collection, of_source
from appliance.domain.people import Caller
from appliance.ports.data import DataDesk
from appliance.ports.tools import Calling, ToolResult, Wire
from appliance.tools import ToolParts
from appliance.tools.arguments import Arguments, CollectionIds, collections_of

_MOST_TABLES, _MOST_COLUMNS = 50, 60  # of one source; of one table


class ListDataArguments(Arguments):
    """What `list_data` takes."""

    collection_ids: CollectionIds = Field(
        default_factory=list,
        description="Workbooks of these collections alone, and no databases. Empty: everything.",
    )


class ListData:
    """Fulfils ports.tools.OwnTool."""

    name = "list_data"
    title = "List data"
    description = (
        "Tells the databases and workbooks that you may ask with query_data: their tables and columns."
    )
    arguments = ListDataArguments

    def __init__(self, desk: DataDesk, wire: Wire) -> None:
        self._desk, self._wire = desk, wire

    @classmethod
    def made_from(cls, parts: ToolParts) -> ListData | None:
        return None if parts.data is None else cls(parts.data, parts.wire)

    async def call(self, caller: Caller, asked: ListDataArguments, calling: Calling) -> ToolResult:
        found = await self._desk.offered(caller, collections_of(asked.collection_ids, self._wire))
        labels = [
            of_source(one.id) if one.collection_id is None else of_collection(one.collection_id)
            for one in found
        ]
        return ToolResult(
            "\n".join(_line(one) for one in found) or "There is no data that you may ask.",
            origins=frozenset(labels),
            structured={"sources": [_shown(one) for one in found]},
        )


def _shown(source: OfferedSource) -> dict[str, Any]:
    return {
        "id": str(source.id),
        "name": source.name,
        "kind": source.kind,
        "description": source.description,
        "tables": [
            {
                "name": table.full_name,
                "description": table.description,
                "columns": [
                    {"name": column.name, "kind": column.kind} for column in table.columns[:_MOST_COLUMNS]
                ],
            }
            for table in source.schema.tables[:_MOST_TABLES]
        ],
    }


def _line(source: OfferedSource) -> str:
    tables = ", ".join(table.full_name for table in source.schema.tables[:_MOST_TABLES])
    return f"{source.name} ({source.kind}): {tables}"
