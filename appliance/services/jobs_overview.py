"""Work of the background that failed, waits or runs, for administrators; what failed can be tried again."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

from appliance.domain.administration import Job, JobStatus
from appliance.domain.people import Caller, Viewer
from appliance.errors import NotFound
from appliance.services.accounts.people import require_admin

_DOCUMENT = re.compile(r"ingest-([0-9a-f]{32})-([0-9a-f]{32})")
_JOB = re.compile(r"job-([0-9]{1,18})")


class JobsRepository(Protocol):
    """`storage.failed_jobs` fulfils it. Raises PartUnavailable."""

    async def jobs(self, viewer: Viewer, status: JobStatus, limit: int) -> Sequence[Job]: ...

    async def counts(self, viewer: Viewer) -> Mapping[JobStatus, int]: ...

    async def retry_document(self, viewer: Viewer, collection_id: UUID, file_id: UUID) -> None:
        """Raises NotFound for what has not failed."""
        ...

    async def retry_job(self, viewer: Viewer, number: int) -> None:
        """Raises NotFound for what has not failed."""
        ...


class JobsOverview:
    """The use case behind `/api/jobs`."""

    def __init__(self, repository: JobsRepository) -> None:
        self._repository = repository

    async def jobs(
        self, caller: Caller, status: JobStatus, limit: int
    ) -> tuple[Sequence[Job], Mapping[JobStatus, int]]:
        """Those of a status, and how many there are of each. Raises NotPermitted."""
        require_admin(caller)
        found = await self._repository.jobs(caller.viewer, status, limit)
        return found[:limit], await self._repository.counts(caller.viewer)

    async def retry(self, caller: Caller, job_id: str) -> None:
        """Raises NotPermitted, and NotFound for what has not failed."""
        require_admin(caller)
        if document := _DOCUMENT.fullmatch(job_id):
            await self._repository.retry_document(caller.viewer, UUID(document[1]), UUID(document[2]))
        elif job := _JOB.fullmatch(job_id):
            await self._repository.retry_job(caller.viewer, int(job[1]))
        else:
            raise NotFound(f"There is no job {job_id!r}.")
