"""/api/pipelines: the declared ones, their files, versions and faults. Running one is api/pipeline_runs.py."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from appliance.api.account_bodies import Body, Json
from appliance.api.errors import error_body
from appliance.api.identity import Identity
from appliance.api.strict_json import StrictJsonRoute
from appliance.domain.people import Caller
from appliance.domain.pipeline_findings import Finding
from appliance.domain.pipelines import PipelineState, PipelineVersion
from appliance.errors import PipelineRefused
from appliance.services.pipelines import Draft, ManagedPipelines

_MOST_CHARACTERS = 65_536
Text = Annotated[str, Field(max_length=_MOST_CHARACTERS)]


class TextBody(Body):
    """PUT /api/pipelines/{name} and POST …/check: the whole file."""

    text: Text


class DraftBody(Body):
    """POST /api/pipelines/{name}/draft: what is being edited, as a file or as the form has it."""

    text: Text | None = None
    values: dict[str, Any] | None = None


class RollbackBody(Body):
    """POST /api/pipelines/{name}/rollback."""

    version: Annotated[int, Field(ge=1, le=1_000_000)]


def pipeline_routes(pipelines: ManagedPipelines, identity: Identity) -> APIRouter:
    """The routes of this room, for `create_app`."""
    routes = APIRouter(prefix="/api/pipelines", tags=["pipelines"], route_class=StrictJsonRoute)

    @routes.get("")
    async def listed(caller: Caller = Depends(identity.caller)) -> Json:
        return {"data": [state_json(one, caller) for one in pipelines.offered(caller)]}

    @routes.get("/schema")
    async def schema(_caller: Caller = Depends(identity.caller)) -> Json:
        return dict(pipelines.schema())

    @routes.get("/{pipeline}")
    async def one(pipeline: str, caller: Caller = Depends(identity.caller)) -> Json:
        state = pipelines.one(caller, pipeline)
        more = {"text": state.text} if caller.is_admin else {}
        return {**state_json(state, caller), **more}

    @routes.put("/{pipeline}")
    async def save(pipeline: str, body: TextBody, caller: Caller = Depends(identity.caller)) -> Response:
        try:
            state = await pipelines.save(caller, pipeline, body.text)
        except PipelineRefused as refused:
            return _refused(refused)
        return JSONResponse({**state_json(state, caller), "text": state.text})

    @routes.delete("/{pipeline}", status_code=204)
    async def remove(pipeline: str, caller: Caller = Depends(identity.caller)) -> Response:
        await pipelines.remove(caller, pipeline)
        return Response(status_code=204)

    @routes.post("/{pipeline}/check")
    async def check(pipeline: str, body: TextBody, caller: Caller = Depends(identity.caller)) -> Json:
        found = await pipelines.check(caller, pipeline, body.text)
        return {"is_valid": not found, "findings": findings_json(found)}

    @routes.post("/{pipeline}/draft")
    async def draft(pipeline: str, body: DraftBody, caller: Caller = Depends(identity.caller)) -> Json:
        return _draft_json(await pipelines.draft(caller, pipeline, body.text, body.values))

    @routes.get("/{pipeline}/versions")
    async def versions(pipeline: str, caller: Caller = Depends(identity.caller)) -> Json:
        return {"data": [version_json(one) for one in await pipelines.history(caller, pipeline)]}

    @routes.get("/{pipeline}/versions/{version}")
    async def version(pipeline: str, version: int, caller: Caller = Depends(identity.caller)) -> Json:
        found = await pipelines.version(caller, pipeline, version)
        return {**version_json(found), "text": found.text}

    @routes.get("/{pipeline}/difference")
    async def difference(
        pipeline: str,
        before: Annotated[int, Query(ge=1)],
        after: Annotated[int, Query(ge=1)],
        caller: Caller = Depends(identity.caller),
    ) -> Json:
        lines = await pipelines.difference(caller, pipeline, before, after)
        return {"name": pipeline, "before": before, "after": after, "lines": list(lines)}

    @routes.post("/{pipeline}/rollback")
    async def roll_back(
        pipeline: str, body: RollbackBody, caller: Caller = Depends(identity.caller)
    ) -> Response:
        try:
            state = await pipelines.roll_back(caller, pipeline, body.version)
        except PipelineRefused as refused:
            return _refused(refused)
        return JSONResponse({**state_json(state, caller), "text": state.text})

    return routes


def state_json(state: PipelineState, caller: Caller) -> Json:
    """A pipeline as it stands; its faults and its file are for administrators."""
    told: Json = {
        "name": state.name,
        "title": dict(state.title),
        "description": dict(state.description),
        "inputs": {name: dict(one) for name, one in state.inputs.items()},
        "status": state.status,
        "version": state.version,
        "pipeline": state.signature if state.served_hash else None,
    }
    if caller.is_admin:
        told |= {
            "origin": state.origin,
            "file": state.file,
            "steps": [{"name": name, "kind": kind} for name, kind in state.steps],
            "findings": findings_json(state.findings),
        }
    return told


def findings_json(findings: Iterable[Finding]) -> list[Json]:
    """Each with its place; the page says it in the reader's language by code and values."""
    return [
        {
            "line": one.line,
            "column": one.column,
            "code": one.code,
            "values": dict(one.values),
            "path": list(one.path),
            "message": one.sentence,
        }
        for one in findings
    ]


def version_json(version: PipelineVersion) -> Json:
    """A version without its text."""
    return {
        "name": version.name,
        "version": version.number,
        "hash": version.hash,
        "saved_at": version.saved_at.isoformat(),
        "saved_by": version.saved_by or None,
        "via": version.via,
    }


def _draft_json(draft: Draft) -> Json:
    values = None if draft.values is None else dict(draft.values)
    return {"text": draft.text, "values": values, "findings": findings_json(draft.findings)}


def _refused(refused: PipelineRefused) -> Response:
    body = error_body(str(refused), "invalid_request_error", refused.code)
    return JSONResponse({**body, "findings": findings_json(refused.findings)}, status_code=400)
