"""Responses that are kept: get, delete, list what they were made from. `POST /v1/responses` itself is in door.py."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from appliance.api.responses.ids import parse_response_id
from appliance.api.responses.input_items import Item
from appliance.domain.people import Caller
from appliance.errors import InvalidRequest
from appliance.services.responses import Responses

Identify = Callable[[Request], Awaitable[Caller]]


def responses_router(responses: Responses, identify: Identify) -> APIRouter:
    """All routes below /v1/responses/ID."""
    router = APIRouter(prefix="/v1/responses", tags=["responses"])

    @router.get("/{response_id}")
    async def response(
        response_id: str, caller: Caller = Depends(identify), stream: bool = False
    ) -> Response:
        if stream:
            raise InvalidRequest(
                "A response that is complete cannot be streamed again; ask without `stream`.", param="stream"
            )
        body = await responses.body(caller, parse_response_id(response_id))
        return Response(body, media_type="application/json")

    @router.delete("/{response_id}")
    async def delete(response_id: str, caller: Caller = Depends(identify)) -> dict[str, Any]:
        await responses.forget(caller, parse_response_id(response_id))
        return {"id": response_id, "object": "response", "deleted": True}

    @router.get("/{response_id}/input_items")
    async def input_items(
        response_id: str,
        caller: Caller = Depends(identify),
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        order: Literal["asc", "desc"] = "desc",
        after: str | None = None,
    ) -> dict[str, Any]:
        items = await responses.input_items(caller, parse_response_id(response_id))
        return _page(items if order == "asc" else items[::-1], limit, after)

    @router.post("/{response_id}/cancel")
    async def cancel(response_id: str, caller: Caller = Depends(identify)) -> None:
        await responses.body(caller, parse_response_id(response_id))
        raise InvalidRequest(
            "This response is complete. One that is being written is cancelled by closing its connection, which stops "
            "the model at once."
        )

    return router


def _page(items: list[Item], limit: int, after: str | None) -> dict[str, Any]:
    if after is not None:
        position = next((index for index, item in enumerate(items) if item["id"] == after), None)
        if position is None:
            raise InvalidRequest("`after` is not the id of an item of this response.", param="after")
        items = items[position + 1 :]
    page = items[:limit]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": len(items) > limit,
    }
