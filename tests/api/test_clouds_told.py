"""How a cloud shows in headers and lists."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import httpx
from fastapi import FastAPI

from appliance.api.dropped_notes import changed_headers
from appliance.api.health import health_router
from appliance.domain.people import Caller
from appliance.services.health import READY, HealthCheck
from inference.types import EngineState, ModelInfo

STATES = [
    EngineState("here", "vllm", True, (ModelInfo("m"),)),
    EngineState("far", "cloud", True, (ModelInfo("gpt-4o-mini"),), is_cloud=True),
    EngineState("shut", "cloud", False, reason="401", is_cloud=True),
]


async def _ready() -> str:
    return READY


async def _somebody() -> Caller:
    return cast(Caller, SimpleNamespace(is_admin=False))


async def _got(path: str) -> Any:
    app = FastAPI()
    app.include_router(health_router(HealthCheck({"database": _ready}, {}), lambda: STATES, _somebody))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://box") as client:
        return (await client.get(path)).json()


async def test_a_cloud_is_told_from_the_engines_of_the_box() -> None:
    """Nobody asked it how it is, so nothing else is said; one that refused our key is down."""
    ready, listed = await _got("/readyz"), await _got("/api/engines")

    assert ready["engines"] == {"here": "ready", "far": "not asked", "shut": "down"}
    assert [(one["name"], one["is_cloud"]) for one in listed["data"]] == [
        ("here", False),
        ("far", True),
        ("shut", True),
    ]


def test_a_client_s_own_words_break_no_header() -> None:
    """Parameter names are the client's: what is no name of one is not said back, and there is an end to it."""
    notes = [
        "top_k dropped",
        "a\r\nset-cookie: x dropped",
        "ñ dropped",
        *(f"p{n} dropped" for n in range(50)),
    ]

    ((name, value),) = changed_headers(notes)

    assert name == b"x-parameters-changed"
    assert value.startswith(b"top_k dropped, p0 dropped")
    assert b"\r" not in value
    assert len(value) < 400
    assert changed_headers([]) == changed_headers(["ñ dropped"]) == []
