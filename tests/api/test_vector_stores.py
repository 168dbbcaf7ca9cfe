"""`/v1/files` and `/v1/vector_stores` end to end: upload, read, search, and who sees what."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.knowledge_harness import STAFF, Room, data, embedder_home, make_box, open_room, working

__all__ = ["data", "embedder_home"]

HOLIDAYS = b"# Holidays\n\nEverybody has 23 days of holiday a year.\n\n# Parking\n\nThe car park closes at nine.\n"


@pytest.fixture
async def room(owner_url: str, embedder_home: Path, data: Path) -> AsyncIterator[Room]:
    """The doors and a worker."""
    box = make_box(owner_url, embedder_home, data)
    async with open_room(box) as opened, working(box):
        yield opened


async def test_a_document_that_was_added_is_found_with_its_place(room: Room) -> None:
    """Upload, attach, search: the passage comes back verbatim with its heading, and all counts are true."""
    store = await room.store()
    file = await room.added(HOLIDAYS, store)

    best = (await room.found(store, "How many days of holiday do I have?"))[0]
    _, shelf = await room.call("GET", f"/vector_stores/{store}")

    assert best["file_id"] == file and best["filename"] == "notes.md"
    assert "23 days of holiday" in best["content"][0]["text"]
    assert best["location"]["heading"] == "Holidays"
    assert shelf["file_counts"] == {"in_progress": 0, "completed": 1, "failed": 0, "cancelled": 0, "total": 1}
    assert (shelf["usage_bytes"], shelf["status"], shelf["owner"]) == (len(HOLIDAYS), "completed", "user")
