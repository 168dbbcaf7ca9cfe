"""Documents inside of documents: attachments and members of archives become files of their own, within bounds.

Registering the same ones again changes nothing, so the job that reads the outer document may run as often as it must.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from appliance.domain.documents import ReadingTask, StoredFile
from appliance.domain.people import Viewer
from appliance.errors import TooLarge
from appliance.services.knowledge.filenames import nested
from appliance.services.knowledge.identifiers import derived_id
from appliance.services.knowledge.ports import BlobStore, ReadingRepository
from appliance.services.settings import KnowledgeSettings
from rag.documents import Child
from rag.media_types import from_filename

_UNKNOWN = "application/octet-stream"
_WRITE_BYTES = 2**20


@dataclass
class _Room:
    """What may still be registered below the outermost file."""

    files: int
    size_bytes: int

    def takes(self, size_bytes: int) -> bool:
        if self.files < 1 or self.size_bytes < size_bytes:
            return False
        self.files -= 1
        self.size_bytes -= size_bytes
        return True


@dataclass
class _Outcome:
    """What became of the children; as notes for the owner."""

    registered: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    def notes(self) -> list[str]:
        told = []
        if self.registered:
            noun = "document" if self.registered == 1 else "documents"
            told.append(f"{self.registered} {noun} inside: each is read as a document of its own.")
        for reason, count in self.left_out.items():
            told.append(f"{count} inside {'was' if count == 1 else 'were'} left out: {reason}")
        return told


class Inside:
    """Registers what lies inside of a document that is being read."""

    def __init__(self, reading: ReadingRepository, blobs: BlobStore, settings: KnowledgeSettings) -> None:
        self._reading = reading
        self._blobs = blobs
        self._settings = settings

    async def register(self, viewer: Viewer, task: ReadingTask, children: Sequence[Child]) -> list[str]:
        """Returns notes for the outer document's owner. Raises StorageFull, ReadingStopped."""
        if not children:
            return []
        limits = self._settings
        family = await self._reading.family(viewer, task.file.id)
        room = _Room(limits.max_inside - family.count, limits.max_inside_mib * 2**20 - family.size_bytes)
        outcome = _Outcome()
        for child_id, child in _identified(task.file, children):
            if family.depth >= limits.max_nesting:
                outcome.left_out[f"it lies more than {limits.max_nesting} documents deep."] += 1
            elif child_id not in family.children and not room.takes(len(child.content)):
                bound = f"{limits.max_inside:,} documents or {limits.max_inside_mib:,} MiB"
                outcome.left_out[f"one document may hold {bound}."] += 1
            elif not child.content:
                outcome.left_out["it is empty."] += 1
            else:
                await self._add(viewer, task, child_id, child, outcome)
        return outcome.notes()

    async def _add(
        self, viewer: Viewer, task: ReadingTask, child_id: UUID, child: Child, outcome: _Outcome
    ) -> None:
        outer = task.file
        name = nested(outer.filename, child.name)
        try:
            async with self._blobs.writer(self._settings.max_file_mib * 2**20) as writer:
                for start in range(0, len(child.content), _WRITE_BYTES):
                    await writer.write(child.content[start : start + _WRITE_BYTES])
                file = StoredFile(
                    id=child_id,
                    owner_id=outer.owner_id,
                    filename=name,
                    media_type=from_filename(name) or _UNKNOWN,
                    size_bytes=len(child.content),
                    sha256=await writer.finish(),
                    purpose=outer.purpose,
                    created_at=outer.created_at,
                    parent_id=outer.id,
                )
                await self._reading.add_child(viewer, task.collection_id, file, writer.place)
        except TooLarge:
            outcome.left_out[f"files may have {self._settings.max_file_mib} MiB."] += 1
        else:
            outcome.registered += 1


def _identified(outer: StoredFile, children: Sequence[Child]) -> Iterator[tuple[UUID, Child]]:
    """Each child with an id that is the same whenever the document is read again; equal names are counted."""
    seen: Counter[str] = Counter()
    for child in children:
        seed = f"{outer.id}\0{child.name}\0{seen[child.name]}".encode("utf-8", "surrogatepass")
        seen[child.name] += 1
        yield derived_id(int(outer.created_at.timestamp() * 1000), seed), child
