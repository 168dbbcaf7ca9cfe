"""The documents of a company that does not exist, so that a first question has something to find."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable

from appliance.domain.documents import Audience, Collection, PageRequest
from appliance.domain.people import Caller
from appliance.services.knowledge.knowledge import Knowledge

SAMPLE_NAME = "Sample handbook"
_SAMPLE = {"appliance.sample": "1"}  # in the collection's metadata: which edition of the documents it holds
_FOLDER = "appliance.sample"
_PIECE_BYTES = 256 * 1024


async def ensure_sample(knowledge: Knowledge, administrator: Caller) -> Collection:
    """Everybody's collection of sample documents, made or completed; a second call changes nothing."""
    collection = await _find(knowledge, administrator)
    if collection is None:
        collection = await knowledge.create(
            administrator,
            SAMPLE_NAME,
            Audience(),
            description="A fictitious company's handbook, in English and Spanish. Delete it when you do not need it.",
            metadata=_SAMPLE,
        )
    present = await _filenames(knowledge, administrator, collection)
    for document in _documents():
        if document.name not in present:
            await _add(knowledge, administrator, collection, document)
    return await knowledge.collection(administrator, collection.id)


async def _find(knowledge: Knowledge, administrator: Caller) -> Collection | None:
    page = PageRequest(limit=100)
    while True:
        found, has_more = await knowledge.collections(administrator, page)
        for collection in found:
            if collection.audience.is_everybody and _SAMPLE.items() <= collection.metadata.items():
                return collection
        if not has_more:
            return None
        page = PageRequest(limit=100, after=found[-1].id)


async def _filenames(
    knowledge: Knowledge, administrator: Caller, collection: Collection
) -> Mapping[str, object]:
    found, _ = await knowledge.all_attached(administrator, collection.id, PageRequest(limit=100))
    return {file.filename: file.file_id for file in found}


def _documents() -> list[Traversable]:
    entries = resources.files(_FOLDER).iterdir()
    wanted = (
        entry for entry in entries if entry.is_file() and not entry.name.endswith((".json", ".py", ".pyc"))
    )
    return sorted(wanted, key=lambda entry: entry.name)


async def _add(
    knowledge: Knowledge, administrator: Caller, collection: Collection, document: Traversable
) -> None:
    async with knowledge.upload(administrator) as upload:
        content = document.read_bytes()
        for start in range(0, len(content), _PIECE_BYTES):
            await upload.write(content[start : start + _PIECE_BYTES])
        file = await upload.finish(document.name, "", "assistants")
    await knowledge.attach(administrator, collection.id, file.id)
