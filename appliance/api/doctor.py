"""/api/doctor: what is well on this box and what is not, with the command that mends it; for who runs or audits it."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from appliance.api.account_bodies import Json
from appliance.api.identity import Identity
from appliance.domain.people import Caller
from appliance.services.doctor.findings import Finding, Severity
from appliance.services.doctor.room import DoctorRoom

_VERDICTS = {Severity.OK: "ok", Severity.WARNING: "warn", Severity.ERROR: "fail"}


def doctor_routes(doctor: DoctorRoom, identity: Identity) -> APIRouter:
    """The route of this room, for `create_app`."""
    routes = APIRouter(prefix="/api/doctor", tags=["doctor"])

    @routes.get("")
    async def examine(
        response: Response,
        caller: Caller = Depends(identity.caller),
        check: Annotated[list[Annotated[str, Query(max_length=40)]] | None, Query(max_length=40)] = None,
    ) -> Json:
        seen = await doctor.examined(caller, check or ())
        response.headers["cache-control"] = "no-store"
        counts = Counter(finding.severity.value for finding in seen.findings)
        return {
            "object": "list",
            "examined_at": seen.at.isoformat(timespec="seconds"),
            "counts": {severity.value: counts[severity.value] for severity in Severity},
            "data": [finding_json(finding) for finding in seen.findings],
        }

    return routes


def finding_json(finding: Finding) -> Json:
    """id is stable, the words are not. verdict: severity as the first version of the command called it."""
    return {
        "id": finding.id,
        "check": finding.check,
        "severity": finding.severity.value,
        "verdict": _VERDICTS[finding.severity],
        "sentence": finding.sentence,
        "remedy": finding.remedy,
        "command": finding.command,
        "values": dict(finding.values),
        "lines": list(finding.lines),
    }
