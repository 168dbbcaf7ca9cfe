"""JSON beside uploads: the address has no limit in front, so the route has one of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
from fastapi import APIRouter
from pydantic import BaseModel

from appliance.api.app import create_app
from appliance.api.json_bodies import MAX_BODY_BYTES
from appliance.api.strict_json import StrictJsonRoute


class Thing(BaseModel):
    """What the route takes."""

    name: str = ""


async def test_a_body_without_a_limit_in_front_is_bounded() -> None:
    """413 as soon as it is too long, whether or not its length was told; a short one passes."""
    routes = APIRouter(route_class=StrictJsonRoute)

    @routes.patch("/api/things/1")
    async def change(body: Thing | None = None) -> dict[str, str]:
        return {"name": (body or Thing()).name}

    app = create_app([routes], body_limits={"/api/things/": None})
    long = b'{"name": "' + b"a" * MAX_BODY_BYTES + b'"}'

    async def untold() -> AsyncIterator[bytes]:
        for at in range(0, len(long), 2**20):
            yield long[at : at + 2**20]

    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        answers = [await client.patch("/api/things/1", content=one) for one in (long, untold())]
        short = await client.patch("/api/things/1", json={"name": "mine"})
        none = await client.patch("/api/things/1")

    assert [answer.status_code for answer in answers] == [413, 413]
    assert short.json() == {"name": "mine"} and none.json() == {"name": ""}
