"""/api/tools: which tools there are, what people agreed to, and the MCP servers of others that administrators add."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import Field

from appliance.api.account_bodies import Body, Json
from appliance.api.identity import Identity
from appliance.api.strict_json import StrictJsonRoute
from appliance.domain.people import Caller
from appliance.domain.tools import (
    ConsentAnswer,
    KeptConsent,
    ServerTool,
    ToolCall,
    ToolGrant,
    WholeToolServer,
)
from appliance.ports.tools import Tool, Tools
from appliance.services.tools.consent import Consents
from appliance.services.tools.desk import ToolDesk

ToolName = Annotated[str, Path(min_length=1, max_length=64)]
_MOST_GRANTS = 500


class NewServerBody(Body):
    """POST /api/tools/servers. header_files: header → file in tools.secrets_folder."""

    name: Annotated[str, Field(max_length=64)]
    url: Annotated[str, Field(max_length=2000)]
    header_files: dict[str, str] = Field(default_factory=dict)
    sees_documents: bool = False


class ServerChangeBody(Body):
    """PATCH /api/tools/servers/{id}; what is left out stays."""

    is_paused: bool | None = None
    sees_documents: bool | None = None


class GrantsBody(Body):
    """PUT …/grants, in place of what was: people and groups by id, or everybody."""

    everybody: bool = False
    users: list[UUID] = Field(default_factory=list, max_length=_MOST_GRANTS)
    groups: list[UUID] = Field(default_factory=list, max_length=_MOST_GRANTS)


class ApprovalBody(Body):
    """PUT …/tools/{tool}/approval. fingerprint: as it was listed. asks_nobody: people are not asked each."""

    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    asks_nobody: bool = False


class AnswerBody(Body):
    """POST /api/tools/asked/{ask_id}."""

    answer: ConsentAnswer


class StandingBody(Body):
    """PUT /api/tools/consents/{id}/{tool}."""

    answer: Literal["always", "never"]


def tool_routes(tools: Tools, consents: Consents, identity: Identity) -> APIRouter:
    """What everybody may do."""
    routes = APIRouter(prefix="/api/tools", tags=["tools"], route_class=StrictJsonRoute)

    @routes.get("")
    async def listed(caller: Caller = Depends(identity.caller)) -> Json:
        return {"data": [_tool(one) for one in await tools.listed(caller)]}

    @routes.post("/asked/{ask_id}", status_code=204)
    async def answer(
        body: AnswerBody,
        ask_id: Annotated[str, Path(max_length=64)],
        caller: Caller = Depends(identity.caller),
    ) -> Response:
        """What the asker says to a call that an answer waits with."""
        await consents.answer(caller, ask_id, body.answer)
        return Response(status_code=204)

    @routes.get("/consents")
    async def kept(caller: Caller = Depends(identity.caller)) -> Json:
        return {"data": [_consent(one) for one in await consents.kept(caller)]}

    @routes.put("/consents/{tool_server_id}/{tool}", status_code=204)
    async def say(
        tool_server_id: UUID, tool: ToolName, body: StandingBody, caller: Caller = Depends(identity.caller)
    ) -> Response:
        """Before anybody asks."""
        await consents.say(caller, tool_server_id, tool, body.answer)
        return Response(status_code=204)

    @routes.delete("/consents/{tool_server_id}/{tool}", status_code=204)
    async def forget(
        tool_server_id: UUID, tool: ToolName, caller: Caller = Depends(identity.caller)
    ) -> Response:
        await consents.forget(caller, tool_server_id, tool)
        return Response(status_code=204)

    return routes


def tool_server_routes(desk: ToolDesk, identity: Identity) -> APIRouter:
    """What administrators may do."""
    routes = APIRouter(prefix="/api/tools", tags=["tools"], route_class=StrictJsonRoute)

    @routes.get("/calls")
    async def calls(
        before: UUID | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        caller: Caller = Depends(identity.caller),
    ) -> Json:
        """Every call, latest first; auditors see them too."""
        return {"data": [_call(one) for one in await desk.calls(caller, before, limit)]}

    @routes.get("/servers")
    async def listed(caller: Caller = Depends(identity.caller)) -> Json:
        return {"data": [server_json(one) for one in await desk.listed(caller)]}

    @routes.post("/servers", status_code=201)
    async def add(body: NewServerBody, caller: Caller = Depends(identity.caller)) -> Json:
        return server_json(
            await desk.add(caller, body.name, body.url, body.header_files, sees_documents=body.sees_documents)
        )

    @routes.get("/servers/{tool_server_id}")
    async def one(tool_server_id: UUID, caller: Caller = Depends(identity.caller)) -> Json:
        return server_json(await desk.server(caller, tool_server_id))

    @routes.patch("/servers/{tool_server_id}")
    async def change(
        tool_server_id: UUID, body: ServerChangeBody, caller: Caller = Depends(identity.caller)
    ) -> Json:
        changed = await desk.change(
            caller, tool_server_id, is_paused=body.is_paused, sees_documents=body.sees_documents
        )
        return server_json(changed)

    @routes.delete("/servers/{tool_server_id}", status_code=204)
    async def remove(tool_server_id: UUID, caller: Caller = Depends(identity.caller)) -> Response:
        await desk.remove(caller, tool_server_id)
        return Response(status_code=204)

    @routes.post("/servers/{tool_server_id}/look")
    async def look(tool_server_id: UUID, caller: Caller = Depends(identity.caller)) -> Json:
        """Ask it what it offers now."""
        return server_json(await desk.look(caller, tool_server_id))

    @routes.put("/servers/{tool_server_id}/grants")
    async def grant(
        tool_server_id: UUID, body: GrantsBody, caller: Caller = Depends(identity.caller)
    ) -> Json:
        grants = [
            *([ToolGrant()] if body.everybody else []),
            *(ToolGrant(user_id=each) for each in body.users),
            *(ToolGrant(group_id=each) for each in body.groups),
        ]
        return server_json(await desk.grant(caller, tool_server_id, grants))

    @routes.put("/servers/{tool_server_id}/tools/{tool}/approval")
    async def approve(
        tool_server_id: UUID, tool: ToolName, body: ApprovalBody, caller: Caller = Depends(identity.caller)
    ) -> Json:
        return server_json(
            await desk.approve(
                caller, tool_server_id, tool, body.fingerprint, is_preapproved=body.asks_nobody
            )
        )

    @routes.delete("/servers/{tool_server_id}/tools/{tool}/approval")
    async def withdraw(
        tool_server_id: UUID, tool: ToolName, caller: Caller = Depends(identity.caller)
    ) -> Json:
        return server_json(await desk.withdraw(caller, tool_server_id, tool))

    return routes


def server_json(whole: WholeToolServer) -> dict[str, Any]:
    """A server with its tools; descriptions are a stranger's words. Names of files, never what is in them."""
    server = whole.server
    return {
        "id": str(server.id),
        "name": server.name,
        "url": server.url,
        "is_outside": server.is_outside,
        "sees_documents": server.sees_documents,
        "header_files": dict(server.header_files),
        "is_paused": server.is_paused,
        "problem": server.problem or None,
        "left_out": list(server.left_out),
        "looked_at": server.looked_at.isoformat() if server.looked_at else None,
        "tools": [_server_tool(one) for one in whole.tools],
        "grants": [
            {
                "kind": "user" if one.user_id else "group" if one.group_id else "everybody",
                "id": str(one.user_id or one.group_id) if one.user_id or one.group_id else None,
                "name": one.name,
            }
            for one in whole.grants
        ],
    }


def _server_tool(tool: ServerTool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "input_schema": dict(tool.input_schema),
        "fingerprint": tool.fingerprint,
        "says_read_only": tool.says_read_only,
        "asks_nobody": tool.is_preapproved,
        "state": tool.state,
    }


def _tool(tool: Tool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "input_schema": dict(tool.input_schema),
        "server": tool.server or None,
        "goes_to": tool.goes_to or None,
        "needs_consent": tool.needs_consent,
    }


def _consent(kept: KeptConsent) -> dict[str, Any]:
    return {
        "server_id": str(kept.server_id),
        "server": kept.server,
        "tool": kept.tool,
        "answer": kept.answer,
        "answered_at": kept.answered_at.isoformat(),
    }


def _call(call: ToolCall) -> dict[str, Any]:
    return {
        "id": str(call.id),
        "happened_at": call.happened_at.isoformat() if call.happened_at else None,
        "email": call.email,
        "via": call.via,
        "server": call.server or None,
        "tool": call.tool,
        "outcome": call.outcome,
        "consent": call.consent or None,
        "ms": call.ms,
        "argument_bytes": call.argument_bytes,
        "arguments_sha256": call.arguments_sha256,
        "result_bytes": call.result_bytes,
        "request_id": call.request_id,
    }
