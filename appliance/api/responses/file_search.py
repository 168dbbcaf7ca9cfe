"""The tool `file_search` of a Responses request: read, repeated, and its findings as an item. Pure.

It is run by the appliance before the model is asked, over the collections that the caller may see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.api.vector_store_shapes import FilterBody
from appliance.errors import InvalidRequest
from appliance.ports import Wanted
from appliance.services.knowledge import identifiers
from rag.documents import Passage

FILE_SEARCH = "file_search"
RESULTS = "file_search_call.results"
_MOST_STORES = 100
_USUAL_RESULTS = 8  # what a prompt of a small model holds; OpenAI's 20 are cut to the context anyway


class _Ranking(BaseModel):
    model_config = ConfigDict(extra="ignore")

    ranker: str | None = Field(None, max_length=64)
    score_threshold: float | None = Field(None, ge=0, le=1)


class _Tool(BaseModel):
    """Its fields; `hybrid_search` weights are accepted and not used, the search weighs as it was calibrated."""

    model_config = ConfigDict(extra="ignore", strict=True)

    vector_store_ids: list[str] = Field(min_length=1, max_length=_MOST_STORES)
    max_num_results: int | None = Field(None, ge=1, le=50)
    filters: FilterBody | None = None
    ranking_options: _Ranking | None = None


@dataclass(frozen=True, slots=True)
class FileSearch:
    """What is to be searched; shows_results: the passages stand in the item too."""

    wanted: Wanted
    shows_results: bool = False


def read_file_search(tools: object, choice: object, *, shows_results: bool) -> FileSearch | None:
    """None: the tool is not there, or `tool_choice` leaves it out. Raises InvalidRequest, NotFound with `param`."""
    found = [(index, tool) for index, tool in enumerate(_objects(tools)) if tool.get("type") == FILE_SEARCH]
    if not found:
        return None
    if len(found) > 1:
        raise InvalidRequest(
            "Send one `file_search`; it takes several vector stores.", param=f"tools[{found[1][0]}]"
        )
    (index, tool), *_ = found
    param = f"tools[{index}]"
    read = _read(tool, param)
    ids = tuple(
        identifiers.parse(identifiers.COLLECTION, one, f"{param}.vector_store_ids")
        for one in dict.fromkeys(read.vector_store_ids)
    )
    wanted = Wanted(
        ids,
        read.max_num_results or _USUAL_RESULTS,
        (read.ranking_options.score_threshold or 0.0) if read.ranking_options else 0.0,
        read.filters.condition() if read.filters else None,
    )
    return FileSearch(wanted, shows_results) if _is_chosen(choice) else None


def without_file_search(tools: object, choice: object) -> tuple[object, object]:
    """What is left for the model: its functions, and which of them it must or may call."""
    if not any(tool.get("type") == FILE_SEARCH for tool in _objects(tools)):
        return tools, choice
    assert isinstance(tools, list)
    functions = [tool for tool in tools if not (isinstance(tool, dict) and tool.get("type") == FILE_SEARCH)]
    if choice == "required" or (isinstance(choice, dict) and choice.get("type") == FILE_SEARCH):
        choice = "auto"  # a tool has been used when the model is asked
    elif isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        allowed = [tool for tool in _objects(choice.get("tools")) if tool.get("type") != FILE_SEARCH]
        choice = {**choice, "tools": allowed} if allowed else "none"
    return functions, choice


def told_tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """The tool as a response repeats it."""
    return {"max_num_results": _USUAL_RESULTS, "filters": None, "ranking_options": None, **tool}


def results(
    passages: Sequence[Passage], attributes: Mapping[Any, Mapping[str, Any]] | None = None
) -> list[dict[str, Any]]:
    """What was found, as OpenAI shows it, with where it stands."""
    return [
        {
            "file_id": identifiers.wire(identifiers.FILE, passage.file_id),
            "filename": passage.filename,
            "score": round(passage.score, 4),
            "text": passage.text,
            "attributes": dict((attributes or {}).get(passage.file_id, {})),
            "location": {
                name: value
                for name, value in (
                    ("page", passage.location.page),
                    ("slide", passage.location.slide),
                    ("sheet", passage.location.sheet),
                    ("cells", passage.location.cells),
                    ("heading", passage.location.heading),
                    ("ref", passage.location.ref),
                    ("time", passage.location.time),
                    ("time_s", passage.location.time_s),
                    ("time_end_s", passage.location.time_end_s),
                )
                if value is not None
            },
        }
        for passage in passages
    ]


def _read(tool: Mapping[str, Any], param: str) -> _Tool:
    try:
        return _Tool.model_validate(tool)
    except ValidationError as error:
        first = error.errors()[0]
        # unions put the name of their member in between
        where = ".".join(str(part) for part in first["loc"] if not str(part).endswith("Body"))
        raise InvalidRequest(f"`{param}.{where}`: {first['msg']}.", param=f"{param}.{where}") from error


def _is_chosen(choice: object) -> bool:
    if isinstance(choice, dict):
        if choice.get("type") == "allowed_tools":
            return any(tool.get("type") == FILE_SEARCH for tool in _objects(choice.get("tools")))
        return choice.get("type") == FILE_SEARCH
    return choice != "none"


def _objects(tools: object) -> list[Mapping[str, Any]]:
    return [tool for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
