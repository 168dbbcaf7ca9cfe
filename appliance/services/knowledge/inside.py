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
from rag.notes import counted

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
    """What became of the children; as notes for the owner. left_out: the code of the reason, its values → how many."""

    registered: int = 0
    left_out: Counter[tuple[str, tuple[tuple[str, str], ...]]] = field(default_factory=Counter)

    def leave_out(self, code: str, **values: str) -> None:
        self.left_out[code, tuple(values.items())] += 1

    def notes(self) -> list[str]:
        told: list[str] = [counted("inside", self.registered)] if self.registered else []
        return told + [
            counted(code, count, **dict(values)) for (code, values), count in self.left_out.items()
        ]


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
                outcome.leave_out("inside_too_deep", most=str(limits.max_nesting))
            elif child_id not in family.children and not room.takes(len(child.content)):
                most, mib = f"{limits.max_inside:,}", f"{limits.max_inside_mib:,}"
                outcome.leave_out("inside_no_room", most=most, mib=mib)
            elif not child.content:
                outcome.leave_out("inside_empty")
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
            outcome.leave_out("inside_too_large", mib=str(self._settings.max_file_mib))
        else:
            outcome.registered += 1


def _identified(outer: StoredFile, children: Sequence[Child]) -> Iterator[tuple[UUID, Child]]:
    """Each child with an id that is the same whenever the document is read again; equal names are counted."""
    seen: Counter[str] = Counter()
    for child in children:
        seed = f"{outer.id}\0{child.name}\0{seen[child.name]}".encode("utf-8", "surrogatepass")
        seen[child.name] += 1
        yield derived_id(int(outer.created_at.timestamp() * 1000), seed), child
