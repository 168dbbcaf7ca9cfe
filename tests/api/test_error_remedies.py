"""What a first attempt with curl is told."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter
from pydantic import BaseModel

from appliance.api.app import create_app


class Named(BaseModel):
    """A body with one field."""

    name: str


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """One route behind the table of errors."""
    routes = APIRouter()

    @routes.post("/v1/things")
    async def make(body: Named) -> str:
        return body.name

    transport = httpx.ASGITransport(create_app([routes]))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as made:
        yield made


async def _message(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["error"]["message"])


async def test_a_body_without_its_type_is_told_the_header(client: httpx.AsyncClient) -> None:
    """curl -d sends a form's content type unless it is told otherwise."""
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = await client.post("/v1/things", content=b'{"name": "x"}', headers=form)

    assert "content-type: application/json" in await _message(answer, 400)


async def test_a_wrong_path_is_told_where_the_routes_are_listed(client: httpx.AsyncClient) -> None:
    """With the path as it arrived, cut where it is endless."""
    message = await _message(await client.get("/v1/thing"), 404)
    endless = await _message(await client.get("/v1/" + "x" * 5000), 404)

    assert "GET /v1/thing " in message and "/api/openapi.json" in message
    assert len(endless) < 400


async def test_a_wrong_method_is_told_the_right_one(client: httpx.AsyncClient) -> None:
    """405 names what the path takes."""
    message = await _message(await client.get("/v1/things"), 405)

    assert message == "/v1/things does not take GET; it takes POST."
