"""The files of a collection as they can be read: those still being read are waited for, those that failed told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from uuid import UUID

from appliance.domain.answers import Progressed
from appliance.domain.documents import CollectionFile
from appliance.domain.people import Caller
from appliance.ports import Documents
from rag.coverage import Coverage
from rag.documents import WholeDocument

NOT_READ = "not_read"  # it could not be read, or reading it was cancelled
NOT_READ_YET = "not_read_yet"
_LOOK_S = 0.4
_PATIENCE_S = 900.0


class Shelf:
    """One collection of a caller's."""

    def __init__(self, documents: Documents, caller: Caller, collection_id: UUID) -> None:
        self._documents = documents
        self._caller = caller
        self._collection_id = collection_id
        self.files: Sequence[CollectionFile] = ()

    async def look(self) -> None:
        """See what is there. Raises NotFound."""
        self.files = await self._documents.listed(self._caller, self._collection_id)

    async def settled(self) -> AsyncGenerator[Progressed, None]:
        """Look until nothing is being read any more, telling how far it is."""
        await self.look()
        told: Progressed | None = None
        for _ in range(round(_PATIENCE_S / _LOOK_S)):
            reading = next((file for file in self.files if file.status == "in_progress"), None)
            if reading is None:
                return
            news = Progressed("reading", int(reading.progress * 100), 100, reading.filename)
            if news != told:
                yield news
                told = news
            await asyncio.sleep(_LOOK_S)
            await self.look()

    async def texts(self) -> list[WholeDocument]:
        """Every document that has been read, whole, in the order they were added."""
        return [
            await self._documents.whole(self._caller, self._collection_id, file.file_id)
            for file in self.files
            if file.status == "completed"
        ]

    def unread(self) -> list[Coverage]:
        """Those of which nothing can be used."""
        return [
            Coverage(
                file.file_id,
                file.filename,
                left_out=(("", NOT_READ_YET if file.status == "in_progress" else NOT_READ),),
            )
            for file in self.files
            if file.status != "completed"
        ]
