"""`[[knowledge.folders]]` in a worker that runs: what happens in the folder happens in the collection."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from tests.knowledge_harness import (
    Room,
    data,
    embedder_home,
    make_box,
    open_room,
    person,
    working,
)
from tests.waiting import until

__all__ = ["data", "embedder_home"]

PATIENCE_S = 180.0
ANA = person("ana")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two documents that have long been at rest."""
    made = tmp_path / "handbook"
    made.mkdir()
    write(made / "holidays.md", "Everybody has twentythree days of holiday.")
    write(made / "parking.md", "The car park closes at nine.")
    return made


@pytest.fixture
async def room(owner_url: str, embedder_home: Path, data: Path, folder: Path) -> AsyncIterator[Room]:
    """The doors and a worker that follows the folder for Ana, who has an account."""
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "INSERT INTO users (id, email, email_key, role) VALUES (%s, %s, %s, 'user')",
            (ANA.user_id, ANA.email, ANA.email),
        )
    followed = f'path = "{folder}"\ncollection = "Handbook"\nowner = "{ANA.email}"\nevery_s = 1\n'
    box = make_box(owner_url, embedder_home, data, f"[[knowledge.folders]]\n{followed}")
    async with open_room(box) as opened, working(box):
        yield opened


def write(path: Path, text: str, at_s: int = 1_000) -> None:
    """Changed at that time, complete at once as by who copies a file into place."""
    aside = path.with_name(f".{path.name}")
    aside.write_text(f"# {path.stem}\n\n{text}\n", encoding="utf-8")
    os.utime(aside, (at_s, at_s))
    aside.replace(path)


async def collection(room: Room) -> str | None:
    """The id of the one that was made for the folder."""
    _, stores = await room.call("GET", "/vector_stores")
    return next((str(store["id"]) for store in stores["data"] if store["name"] == "Handbook"), None)


async def names_with(room: Room, word: str) -> set[str]:
    """Documents whose found passages hold a word."""
    store = await collection(room)
    if store is None:
        return set()
    found = await room.found(store, word)
    return {one["filename"] for one in found if word in one["content"][0]["text"]}


async def test_what_happens_in_a_folder_happens_in_its_collection(room: Room, folder: Path) -> None:
    """A file that is there or appears is found, one that changes is found as it is now only, one that goes is gone."""

    async def found(word: str, *names: str) -> bool:
        return await names_with(room, word) == set(names)

    await until(lambda: found("twentythree", "holidays.md"), PATIENCE_S)
    await until(lambda: found("nine", "parking.md"), PATIENCE_S)

    write(folder / "canteen.md", "Soup is on Tuesdays.")
    write(folder / "holidays.md", "Everybody has twentyfive days of holiday.", 1_100)
    (folder / "parking.md").unlink()

    await until(lambda: found("Tuesdays", "canteen.md"), PATIENCE_S)
    await until(lambda: found("twentyfive", "holidays.md"), PATIENCE_S)
    await until(lambda: found("twentythree"), PATIENCE_S)
    await until(lambda: found("nine"), PATIENCE_S)
    _, files = await room.call("GET", "/files?limit=100")
    # the version before is kept for old citations, what left the folder is not
    assert sorted(file["filename"] for file in files["data"]) == ["canteen.md", "holidays.md", "holidays.md"]
