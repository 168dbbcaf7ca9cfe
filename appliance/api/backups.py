"""/api/backups: the last good one, the one that is being made, one more, and the end of one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from fastapi import APIRouter, Depends, Response

from appliance.api.account_bodies import Json
from appliance.api.identity import Identity
from appliance.api.strict_json import StrictJsonRoute
from appliance.domain.backups import BackupRun, BackupStatus, GoodBackup
from appliance.domain.people import Caller
from appliance.services.backups import Backups


def _now() -> datetime:
    return datetime.now(UTC)


def backup_routes(backups: Backups, identity: Identity, clock: Callable[[], datetime] = _now) -> APIRouter:
    """The routes of this room, for `create_app`."""
    routes = APIRouter(prefix="/api/backups", tags=["backups"], route_class=StrictJsonRoute)

    @routes.get("")
    async def status(response: Response, caller: Caller = Depends(identity.caller)) -> Json:
        response.headers["cache-control"] = "no-store"
        return status_json(await backups.status(caller), clock())

    @routes.post("", status_code=202)
    async def make(caller: Caller = Depends(identity.caller)) -> Json:
        return status_json(await backups.make(caller), clock())

    @routes.post("/cancel", status_code=202)
    async def cancel(caller: Caller = Depends(identity.caller)) -> Json:
        return status_json(await backups.cancel(caller), clock())

    return routes


def status_json(status: BackupStatus, now: datetime) -> Json:
    """last, run: null where there is none; failure: of the last attempt, null when it did not fail."""
    failure = None
    if status.failure and status.failed_at is not None:
        failure = {"happened_at": status.failed_at.isoformat(), "message": status.failure}
    return {
        "object": "backups",
        "folder": status.folder or None,
        "hour": status.hour,
        "max_age_hours": status.max_age_hours,
        "is_old": status.is_old(now),
        "last": None if status.last is None else _good_json(status.last),
        "tried_at": None if status.tried_at is None else status.tried_at.isoformat(),
        "failure": failure,
        "run": None if status.run is None else _run_json(status.run),
    }


def _good_json(last: GoodBackup) -> Json:
    return {
        "made_at": last.made_at.isoformat(),
        "place": last.place,
        "size_bytes": last.size_bytes,
        "seconds": last.seconds,
        "is_verified": last.is_verified,
    }


def _run_json(run: BackupRun) -> Json:
    return {
        "state": run.state,
        "started_at": None if run.started_at is None else run.started_at.isoformat(),
        "step": run.step or None,
        "size_bytes": run.size_bytes,
        "files": run.files,
        "of_files": run.of_files,
    }
