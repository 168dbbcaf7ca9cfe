"""/api/hardware, /api/models/catalogue, /api/models/plan: what a box has and holds, for who runs or audits it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from fastapi import Request

from appliance.api.app import create_app
from appliance.api.model_planning import model_planning_routes
from appliance.domain.people import Caller, Role
from appliance.services.models.planning import ModelPlanning
from inference.hardware import Cpu, Hardware
from inference.library import InstalledModel, ModelLibrary
from inference.models.catalogue import Catalogue
from inference.placement.known_gpus import imagined
from inference.placement.measured import MeasuredUse
from tests.inference.shape_files import tiny_gguf

GIB = 1 << 30
BOX = Hardware(imagined("L40S"), Cpu("AMD EPYC", 16, ("avx2",)), 64 * GIB, 60 * GIB, 900 * GIB)
ROLES = {"root": Role.ADMIN, "otto": Role.AUDITOR, "ana": Role.USER}


@dataclass
class Identity:
    """A key is a caller's name."""

    async def caller(self, request: Request) -> Caller:
        name = request.headers["authorization"].removeprefix("Bearer ")
        return Caller(uuid4(), f"{name}@example.com", ROLES[name], frozenset())


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A box with one GPU, and a library with one small model of its own and one that is broken."""
    library = ModelLibrary(tmp_path / "library")
    for name, data in (("own", tiny_gguf()), ("broken", tiny_gguf()[:99])):
        filled = tmp_path / "filled" / name
        filled.mkdir(parents=True)
        (filled / "m.gguf").write_bytes(data)
        model = InstalledModel(
            name, "chat", "gguf", filled / "m.gguf", len(data), "folder:/x", "", "", datetime.now(UTC)
        )
        library.folder.mkdir(exist_ok=True)
        library.add(filled, model)
    planning = ModelPlanning(Catalogue(), library, MeasuredUse(tmp_path / "measured.json"), lambda: BOX)
    app = create_app([model_planning_routes(planning, Identity())])  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://box") as client:
        yield client


async def _get(door: httpx.AsyncClient, path: str, who: str = "otto", **params: str) -> httpx.Response:
    return await door.get(path, params=params or None, headers={"authorization": f"Bearer {who}"})


async def test_the_hardware_is_told(door: httpx.AsyncClient) -> None:
    """In bytes; a GPU with what it can compute."""
    told = (await _get(door, "/api/hardware")).json()

    (gpu,) = told["gpus"]
    assert (gpu["name"], gpu["memory_bytes"], gpu["compute_capability"]) == ("L40S", 46068 << 20, "8.9")
    assert (told["cpu"]["cores"], told["ram_free_bytes"], told["disk_free_bytes"]) == (
        16,
        60 * GIB,
        900 * GIB,
    )


@pytest.mark.parametrize("path", ["/api/hardware", "/api/models/catalogue", "/api/models/plan?model=phi-4"])
async def test_it_is_for_administrators_and_auditors(door: httpx.AsyncClient, path: str) -> None:
    """What the box is made of is nothing for everybody."""
    assert (await _get(door, path, "ana")).status_code == 403
    assert (await _get(door, path, "root")).status_code == 200


async def test_a_plan_shows_its_arithmetic(door: httpx.AsyncClient) -> None:
    """Lines that add up, each with a code for other languages and a sentence."""
    told = (await _get(door, "/api/models/plan", model="llama-3.1-8b", people="50", context="16384")).json()

    made = told["plan"]
    assert (made["verdict"], made["engine"], made["gpus"], made["slots"]) == ("fits", "vllm", [0], 7)
    assert sum(step["size_bytes"] for step in made["steps"] if step["kind"] == "need") == made["needed_bytes"]
    assert {step["code"] for step in made["steps"]} >= {"weights", "conversations", "cuda_context"}
    assert all(step["sentence"] for step in made["steps"])
    assert made["card"]["repository"] == "meta-llama/Llama-3.1-8B-Instruct" and made["card"]["is_gated"]


async def test_another_boxs_gpus_can_be_asked_for(door: httpx.AsyncClient) -> None:
    """Before one buys them; what is given up is told with its code."""
    made = (await _get(door, "/api/models/plan", model="llama-3.3-70b", gpu="H100")).json()["plan"]

    assert (made["verdict"], made["model"]) == ("quantised", "llama-3.3-70b-awq")
    assert [given["code"] for given in made["given_up"]] == ["other_quantisation"]
    assert "llama-3.3-70b-awq" in made["given_up"][0]["sentence"]
    assert made["card"]["repository"] == "casperhansen/llama-3.3-70b-instruct-awq"


async def test_what_lies_here_is_planned_by_its_own_files(door: httpx.AsyncClient) -> None:
    """And one whose files are broken is refused with what to do."""
    own = (await _get(door, "/api/models/plan", model="own")).json()["plan"]
    broken = await _get(door, "/api/models/plan", model="broken")

    assert (own["model"], own["is_own_file"], own["verdict"], own["context_tokens"]) == (
        "own",
        True,
        "cpu",
        4096,
    )
    assert (broken.status_code, broken.json()["error"]["code"]) == (422, "model_unreadable")
    assert "appliance model pull" in broken.json()["error"]["message"]


async def test_the_catalogue_has_a_plan_for_each_model(door: httpx.AsyncClient) -> None:
    """The best way for each; with every_file each quantisation by itself, none replaced by another."""
    best = (await _get(door, "/api/models/catalogue")).json()
    each = (await _get(door, "/api/models/catalogue", every_file="true")).json()

    assert len(each["data"]) > 3 * len(best["data"]) > 90
    assert {row["verdict"] for row in each["data"]} >= {"fits", "cpu", "no"}
    assert not any(row["verdict"] == "quantised" for row in each["data"])
    assert {card["purpose"] for card in best["others"]} == {"embedding", "reranker", "transcription"}


@pytest.mark.parametrize(
    ("params", "status", "word"),
    [
        ({"model": "no-such-model"}, 404, "no-such-model"),
        ({"model": "../../etc/passwd"}, 404, "etc/passwd"),
        ({"model": "/etc/passwd"}, 404, "etc/passwd"),
        ({"model": "bge-m3"}, 400, "no language model"),
        ({"model": "phi-4", "people": "0"}, 400, "people"),
        ({"model": "phi-4", "context": "1"}, 400, "context"),
        ({"model": "phi-4", "context": "99999999999"}, 400, "context"),
        ({"model": "phi-4", "gpu": "Voodoo 2"}, 400, "Voodoo"),
        ({"model": ""}, 400, "model"),
        ({}, 400, "model"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else str(value),
)
async def test_what_cannot_be_planned_is_refused(
    door: httpx.AsyncClient, params: dict[str, str], status: int, word: str
) -> None:
    """Also a path: over HTTP no file of the machine is looked at."""
    answer = await _get(door, "/api/models/plan", **params)

    assert (answer.status_code, word in answer.text) == (status, True), answer.text


async def test_a_box_without_gpus_is_planned_too(tmp_path: Path) -> None:
    """Its plans are for the processor."""
    bare = replace(BOX, gpus=())
    planning = ModelPlanning(
        Catalogue(), ModelLibrary(tmp_path), MeasuredUse(tmp_path / "measured.json"), lambda: bare
    )
    app = create_app([model_planning_routes(planning, Identity())])  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://box") as client:
        told = (await _get(client, "/api/models/catalogue")).json()

    assert {row["verdict"] for row in told["data"]} <= {"cpu", "no"}
    assert any(row["verdict"] == "cpu" for row in told["data"])
