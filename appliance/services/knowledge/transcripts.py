"""What was said in a recording, sentence by sentence, for whoever may see the document."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from appliance.domain.documents import StoredFile
from appliance.domain.people import Caller, Viewer
from appliance.errors import NotFound
from appliance.ports.documents import KeptRecording
from appliance.services.knowledge.ports import BlobStore
from rag import transcripts
from rag.recording_types import recognise_file
from rag.transcripts import TimedSentence


class RecordingRepository(Protocol):
    """What was heard, with the viewer's eyes."""

    async def recording(self, viewer: Viewer, file_id: UUID) -> KeptRecording:
        """Without parts for what is no recording, or was not heard yet."""
        ...


class FileReader(Protocol):
    """A file as the caller may see it; Knowledge is one. Raises NotFound."""

    async def file(self, caller: Caller, file_id: UUID) -> StoredFile: ...


@dataclass(frozen=True, slots=True)
class Transcript:
    """media_type: by the recording's content, for a player."""

    file: StoredFile
    sentences: Sequence[TimedSentence]
    duration_s: float
    language: str | None
    media_type: str


class Transcripts:
    """The use case behind `/api/documents/ID/transcript`."""

    def __init__(self, recordings: RecordingRepository, files: FileReader, blobs: BlobStore) -> None:
        self._recordings = recordings
        self._files = files
        self._blobs = blobs

    async def transcript(self, caller: Caller, file_id: UUID) -> Transcript:
        """Raises NotFound for what the caller may not see and for what is no recording that was heard."""
        file = await self._files.file(caller, file_id)
        kept = await self._recordings.recording(caller.viewer, file_id)
        if not kept.pages:
            raise NotFound(f"'file-{file_id.hex}' is no recording that was heard.")
        try:
            kind = await asyncio.to_thread(recognise_file, self._blobs.path(file.sha256))
        except OSError:  # its bytes are gone; what was said in it is not
            kind = None
        told = await asyncio.to_thread(lambda: tuple(transcripts.sentences(kept.pages)))
        length = kept.heard_s if kept.heard_s is not None else told[-1].end_s if told else 0.0
        return Transcript(file, told, length, kept.spoken, kind.media_type if kind else file.media_type)
