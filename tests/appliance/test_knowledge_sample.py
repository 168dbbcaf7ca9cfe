"""The sample documents: loaded once, read whole, and their questions find their passages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib import resources
from json import loads
from pathlib import Path

import pytest

from appliance.domain.documents import PageRequest
from appliance.services.knowledge.sample import ensure_sample
from tests.knowledge_harness import Room, data, embedder_home, make_box, open_room, person, working

__all__ = ["data", "embedder_home"]


@pytest.fixture
async def room(owner_url: str, embedder_home: Path, data: Path) -> AsyncIterator[Room]:
    """The doors and a worker."""
    box = make_box(owner_url, embedder_home, data)
    async with open_room(box) as opened, working(box):
        yield opened


async def test_every_sample_document_is_read_and_every_question_finds_its_page(room: Room) -> None:
    """What a first visitor is offered works, for somebody who is not the administrator."""
    collection = await ensure_sample(room.parts.knowledge, person("root"))
    files, _ = await room.parts.knowledge.all_attached(person("root"), collection.id, PageRequest(100))
    store = f"vs_{collection.id.hex}"
    read = [await room.settled(store, f"file-{file.file_id.hex}") for file in files]
    questions = loads((resources.files("appliance.sample") / "questions.json").read_bytes())

    assert [file["status"] for file in read] == ["completed"] * len(read)
    for question in questions:
        expected = question["expects"]
        if not isinstance(expected, dict):  # the one that no document answers
            continue
        places = {
            (result["filename"], result["location"].get("page"))
            for result in await room.found(store, question["text"], "ana", max_num_results=3)
        }
        assert (expected["filename"], expected["page"]) in places, question["text"]


async def test_loading_again_completes_and_changes_nothing(room: Room) -> None:
    """A crash in the middle is completed by the next start."""
    knowledge, root = room.parts.knowledge, person("root")
    first = await ensure_sample(knowledge, root)
    files, _ = await knowledge.all_attached(root, first.id, PageRequest(100))
    await knowledge.detach(root, first.id, files[0].file_id)

    again = await ensure_sample(knowledge, root)
    once_more = await ensure_sample(knowledge, root)
    completed, _ = await knowledge.all_attached(root, first.id, PageRequest(100))

    assert first.id == again.id == once_more.id
    assert sorted(f.filename for f in completed) == sorted(f.filename for f in files)
