"""OpenAI's `filters` and `score_threshold` on a collection's search, and what is refused before it begins."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from appliance.api.vector_store_shapes import SearchBody
from rag.filters import Comparison, Compound
from tests.knowledge_harness import Room, data, embedder_home, make_box, open_room, working

__all__ = ["data", "embedder_home"]


@pytest.fixture
async def room(owner_url: str, embedder_home: Path, data: Path) -> AsyncIterator[Room]:
    """The doors and a worker."""
    box = make_box(owner_url, embedder_home, data)
    async with open_room(box) as opened, working(box):
        yield opened


def _body(filters: object) -> SearchBody:
    return SearchBody.model_validate({"query": "x", "filters": filters})


def _nested(depth: int) -> dict[str, Any]:
    inner: dict[str, Any] = {"type": "eq", "key": "a", "value": 1}
    for _ in range(depth - 1):
        inner = {"type": "and", "filters": [inner]}
    return inner


def test_conditions_become_values() -> None:
    """As the SDK sends them, nested, with lists."""
    body = _body(
        {
            "type": "or",
            "filters": [
                {"type": "in", "key": "team", "value": ["sales", "law"]},
                {"type": "and", "filters": [{"type": "gte", "key": "year", "value": 2024}]},
            ],
        }
    )

    assert body.filters is not None
    assert body.filters.condition() == Compound(
        "or",
        (
            Comparison("in", "team", ("sales", "law")),
            Compound("and", (Comparison("gte", "year", 2024),)),
        ),
    )


@pytest.mark.parametrize(
    "filters",
    [
        {"type": "eq", "key": "a", "value": ["b"]},
        {"type": "in", "key": "a", "value": "b"},
        {"type": "like", "key": "a", "value": "b"},
        {"type": "eq", "key": "", "value": "b"},
        {"type": "eq", "key": "a", "value": None},
        {"type": "eq", "key": "a", "value": "b\x00"},
        {"type": "eq", "key": "a", "value": float("nan")},
        {"type": "and", "filters": []},
        {"type": "and", "filters": [{"type": "eq", "key": "a", "value": 1}] * 33},
        _nested(6),
        _nested(900),
        {"type": "or", "filters": [{"type": "or", "filters": [_nested(1)] * 32}] * 3},
    ],
)
def test_what_is_no_condition_is_refused(filters: object) -> None:
    """Wrong kinds, unknown comparators, towers and crowds of conditions."""
    with pytest.raises(ValidationError):
        _body(filters)


async def test_a_search_keeps_to_its_filter_and_its_threshold(room: Room) -> None:
    """Only files whose attributes fulfil it, changed attributes at once; a threshold of one leaves hardly anything."""
    store = await room.store()
    for year in (2024, 2025):
        text = b"# Rules\n\nThe travel rules of %d ask for receipts.\n" % year
        file = await room.added(text, store, filename=f"rules-{year}.md")
        await room.call(
            "POST",
            f"/vector_stores/{store}/files/{file}",
            json={"attributes": {"year": year, "kind": "rules"}},
        )

    async def names(filters: object = None, **more: object) -> set[str]:
        body = {"query": "Which receipts do the travel rules ask for?", "filters": filters, **more}
        status, found = await room.call("POST", f"/vector_stores/{store}/search", json=body)
        assert status == 200, found
        return {one["filename"] for one in found["data"]}

    assert await names() == {"rules-2024.md", "rules-2025.md"}
    assert await names({"type": "gt", "key": "year", "value": 2024}) == {"rules-2025.md"}
    assert await names({"type": "nin", "key": "year", "value": [2025]}) == {"rules-2024.md"}
    assert await names({"type": "eq", "key": "kind", "value": "notes"}) == set()
    assert await names(ranking_options={"score_threshold": 1.0}) == set()
