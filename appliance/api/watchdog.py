"""/api/watchdog: what is the matter with GPUs and engines just now. Everybody learns why answers are slow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from appliance.api.account_bodies import Json
from appliance.api.identity import Identity
from appliance.domain.people import Caller, Role
from appliance.services.watchdog import Found
from inference.watchdog.findings import Finding


def watchdog_routes(found: Callable[[], Found], identity: Identity) -> APIRouter:
    """The routes of this room, for `create_app`. found: as of the last look."""
    routes = APIRouter(tags=["engines"])

    @routes.get("/api/watchdog")
    async def watchdog(caller: Caller = Depends(identity.caller)) -> JSONResponse:
        """Administrators and auditors see all of it with its evidence, others what makes their answers slow."""
        now = found()
        is_overseer = caller.role is not Role.USER
        told: Json = {
            "object": "watchdog",
            "looked_at": _moment(now.looked_at_s) if now.looked_at_s else None,
            "data": [
                finding_json(one, now, with_evidence=is_overseer)
                for one in now.findings
                if is_overseer or one.slows_answers
            ],
        }
        return JSONResponse(told, headers={"cache-control": "no-store"})

    return routes


def finding_json(finding: Finding, found: Found, *, with_evidence: bool) -> Json:
    """restarts: how often the watchdog started it again lately; is_given_up: it will not any more for now."""
    told: Json = {
        "kind": finding.kind,
        "severity": finding.severity,
        "since": _moment(finding.since_s),
        "slows_answers": finding.slows_answers,
        "reason": finding.values.get("reason"),
    }
    if not with_evidence:
        return told
    return {
        **told,
        "subject": finding.subject,
        "remedy": finding.remedy,
        "values": dict(finding.values),
        "restarts": len(found.restarts.past.get(finding.subject, ())),
        "is_given_up": finding.subject in found.given_up,
    }


def _moment(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
