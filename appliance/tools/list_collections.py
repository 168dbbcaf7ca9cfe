"""The tool `list_collections`: which collections of documents there are to search in."""

from __future__ import annotations

from appliance.domain.origins import of_collection
from appliance.domain.people import Caller
from appliance.ports.tools import Calling, CollectionShelf, ToolResult, Wire
from appliance.tools import ToolParts
from appliance.tools.arguments import Arguments


class NoArguments(Arguments):
    """Nothing."""


class ListCollections:
    """Fulfils ports.tools.OwnTool."""

    name = "list_collections"
    title = "List collections"
    description = (
        "Tells the collections of documents that you may see, with their ids and how many files they have."
    )
    arguments = NoArguments

    def __init__(self, shelf: CollectionShelf, wire: Wire) -> None:
        self._shelf, self._wire = shelf, wire

    @classmethod
    def made_from(cls, parts: ToolParts) -> ListCollections:
        return cls(parts.shelf, parts.wire)

    async def call(self, caller: Caller, asked: NoArguments, calling: Calling) -> ToolResult:
        found = await self._shelf.seen(caller)
        shown = [
            {
                "id": self._wire.of_collection(one.id),
                "name": one.name,
                "description": one.description,
                "files": one.counts.completed,
                "owner": one.owner_name,
            }
            for one in found
        ]
        lines = [
            f"{one['id']} {one['name']} ({one['files']} files) {one['description']}".strip() for one in shown
        ]
        return ToolResult(
            "\n".join(lines) or "There are no collections that you may see.",
            origins=frozenset(of_collection(one.id) for one in found),
            structured={"collections": shown},
        )
