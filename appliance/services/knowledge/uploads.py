"""Receiving a file piece by piece, without ever holding more than a piece of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from appliance.domain.documents import StoredFile
from appliance.domain.people import Caller
from appliance.errors import InvalidRequest
from appliance.services.knowledge.filenames import sanitise
from appliance.services.knowledge.identifiers import new_id
from appliance.services.knowledge.ports import FileRepository, UploadWriter
from rag.media_types import from_filename

PURPOSES = ("assistants", "user_data", "batch", "fine-tune", "vision", "evals")
_LONGEST_MEDIA_TYPE = 127  # RFC 6838 §4.2
_UNKNOWN = "application/octet-stream"


class Upload:
    """One file on its way in. Nothing of it exists for anybody before `finish` has returned."""

    def __init__(
        self, caller: Caller, writer: UploadWriter, files: FileRepository, now: Callable[[], datetime]
    ) -> None:
        self._caller = caller
        self._writer = writer
        self._files = files
        self._now = now

    async def write(self, data: bytes) -> None:
        """Raises TooLarge past the limit, StorageFull when the disk is."""
        await self._writer.write(data)

    async def finish(self, filename: str, media_type: str, purpose: str) -> StoredFile:
        """Keep the file under a harmless form of its name. Raises InvalidRequest that names the field.

        media_type: what the client says; the name's ending counts more, and what is inside decides when it is read.
        """
        if purpose not in PURPOSES:
            raise InvalidRequest(f"Use one of {', '.join(PURPOSES)}.", param="purpose")
        name = sanitise(filename)
        sha256 = await self._writer.finish()
        moment = self._now()
        file = StoredFile(
            id=new_id(int(moment.timestamp() * 1000)),
            owner_id=self._caller.user_id,
            filename=name,
            media_type=from_filename(name) or media_type[:_LONGEST_MEDIA_TYPE] or _UNKNOWN,
            size_bytes=self._writer.size_bytes,
            sha256=sha256,
            purpose=purpose,
            created_at=moment,
        )
        await self._files.add(self._caller.viewer, file, self._writer.place)
        return file
