"""Versions that another one has replaced go when their time is over; until then old citations open."""

from __future__ import annotations

import logging
from datetime import datetime

from appliance.errors import Conflict, NotFound, NotPermitted
from appliance.services.knowledge.ports import (
    BlobStore,
    CollectionRepository,
    FileRepository,
    RetiredRepository,
)

logger = logging.getLogger(__name__)


class VersionRetention:
    """Removes pages, files and bytes of replaced versions, with their owners' eyes."""

    def __init__(
        self,
        retired: RetiredRepository,
        files: FileRepository,
        collections: CollectionRepository,
        blobs: BlobStore,
    ) -> None:
        self._retired = retired
        self._files = files
        self._collections = collections
        self._blobs = blobs

    async def remove_before(self, moment: datetime) -> int:
        """Returns how many versions went. A file that is in another collection too leaves only this one."""
        removed = 0
        for version in await self._retired.before(moment):
            try:
                if await self._retired.is_elsewhere(version):
                    await self._collections.detach(version.viewer, version.collection_id, version.file_id)
                else:
                    for file in await self._files.remove(version.viewer, version.file_id):
                        await self._blobs.forget(file.sha256)
                removed += 1
            except (NotFound, NotPermitted, Conflict) as error:
                logger.warning("an old version of file %s stays: %s", version.file_id, error)
                await self._retired.forget(version)
        return removed
