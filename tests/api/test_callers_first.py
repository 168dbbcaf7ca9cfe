"""A stranger's body is never read under `/v1`."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest
from fastapi import APIRouter
from starlette.types import Message, Scope

from appliance.api.app import create_app
from appliance.domain.people import Caller
from appliance.errors import NotAuthenticated


class OnlyAna:
    """Knows one key."""

    async def identify(self, scope: Scope) -> Caller:
        if dict(scope["headers"]).get(b"authorization") != b"Bearer ana":
            raise NotAuthenticated
        return Caller(uuid4(), "ana@example.com")


@pytest.mark.parametrize(("key", "status", "is_read"), [("ana", 200, True), ("eve", 401, False)])
async def test_a_body_is_read_for_those_who_may_send_one(key: str, status: int, is_read: bool) -> None:
    """The refusal comes before the first byte of the body is asked for."""
    router = APIRouter()

    @router.post("/v1/things")
    async def things(body: dict[str, int]) -> dict[str, int]:
        return body

    app = create_app([router], identity=OnlyAna())
    read = False

    async def watched(scope: Scope, receive: object, send: object) -> None:
        async def receiving() -> Message:
            nonlocal read
            read = True
            message: Message = await receive()  # type: ignore[operator]
            return message

        await app(scope, receiving, send)  # type: ignore[arg-type]

    transport = httpx.ASGITransport(watched)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://box") as client:
        answer = await client.post("/v1/things", json={"a": 1}, headers={"authorization": f"Bearer {key}"})

    assert (answer.status_code, read) == (status, is_read)
