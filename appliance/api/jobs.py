"""/api/jobs: work of the background that failed, waits or runs; what failed is tried again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from appliance.api.account_bodies import Json
from appliance.api.identity import Identity
from appliance.domain.administration import Job, JobStatus
from appliance.domain.people import Caller
from appliance.services.jobs_overview import JobsOverview


def job_routes(overview: JobsOverview, identity: Identity) -> APIRouter:
    """The routes of this room, for `create_app`."""
    routes = APIRouter(prefix="/api/jobs", tags=["jobs"])

    @routes.get("")
    async def jobs(
        response: Response,
        caller: Caller = Depends(identity.caller),
        status: JobStatus = "failed",
        limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    ) -> Json:
        found, counts = await overview.jobs(caller, status, limit)
        response.headers["cache-control"] = "no-store"
        return {"object": "list", "data": [job_json(job) for job in found], "counts": dict(counts)}

    @routes.post("/{job_id}/retry", status_code=202)
    async def retry(job_id: str, caller: Caller = Depends(identity.caller)) -> Json:
        await overview.retry(caller, job_id)
        return {"object": "job", "id": job_id, "status": "waiting"}

    return routes


def job_json(job: Job) -> Json:
    """name, collection, message: null where the caller does not see the document; owner: whose it is."""
    return {
        "object": "job",
        "id": job.id,
        "kind": job.kind,
        "status": job.status,
        "name": job.name,
        "collection": job.collection,
        "owner": job.owner,
        "reason": job.reason,
        "message": job.message,
        "attempts": job.attempts,
        "happened_at": None if job.happened_at is None else job.happened_at.isoformat(),
    }
