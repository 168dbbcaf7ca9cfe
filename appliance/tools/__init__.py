"""Our own tools, for MCP clients and for models that call tools. A new one is one file and one line here."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.ports import Search
    from appliance.ports.data import DataDesk
    from appliance.ports.tools import Answers, CollectionShelf, OwnTool, Wire

TOOLS = {
    "search_documents": "appliance.tools.search_documents:SearchDocuments",
    "ask": "appliance.tools.ask:Ask",
    "query_data": "appliance.tools.query_data:QueryData",
    "list_collections": "appliance.tools.list_collections:ListCollections",
    "list_data": "appliance.tools.list_data:ListData",
}


@dataclass(frozen=True, slots=True)
class ToolParts:
    """What tools may be made from. data None: there are no tables to ask here."""

    search: Search
    answers: Answers
    shelf: CollectionShelf
    wire: Wire
    data: DataDesk | None = None


def load_tools(parts: ToolParts) -> dict[str, OwnTool]:
    """Every row, made with what tools may use; what there is nothing for is left out."""
    made = {name: _load(row, parts) for name, row in TOOLS.items()}
    return {name: tool for name, tool in made.items() if tool is not None}


def _load(row: str, parts: ToolParts) -> OwnTool | None:
    """row: `module:class`, whose `made_from` takes the parts and gives None where it is of no use."""
    module, _, attribute = row.partition(":")
    made: OwnTool | None = getattr(importlib.import_module(module), attribute).made_from(parts)
    return made
