"""What Administration › Models has to show: models in every state, one that comes, one that broke off, and a plan.

The library and the desk are real, on the disk; who gets models and who runs them are not there.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import APIRouter

from appliance.api.identity import Identity
from appliance.api.model_library import model_library_routes
from appliance.api.model_planning import model_planning_routes
from appliance.domain.people import AccountEvent
from appliance.services.models.library import CatalogueSource, ModelShelf
from appliance.services.models.planning import ModelPlanning
from inference.getting.desk import Order, PullDesk
from inference.getting.progress import Progress
from inference.hardware import Cpu, Hardware
from inference.library import InstalledModel, ModelFormat, ModelLibrary
from inference.models.catalogue import Catalogue
from inference.placement.known_gpus import imagined
from inference.placement.measured import MeasuredUse
from inference.types import ModelKind

_INSTALLED: Sequence[tuple[str, ModelKind, ModelFormat, str]] = (
    ("llama-3.1-8b", "chat", "safetensors", "llama3.1"),
    ("qwen-2.5-7b-q4_k_m", "chat", "gguf", "apache-2.0"),
    ("tiny-old-model", "chat", "gguf", ""),
    ("multilingual-e5-small", "embedding", "onnx", "mit"),
    ("bge-small", "embedding", "onnx", "mit"),
)
_STARTED: Sequence[dict[str, Any]] = (
    {"model": "llama-3.1-8b", "state": "loading", "eta_s": 40.0, "reason": "", "last_lines": []},
    {
        "model": "tiny-old-model",
        "state": "failed",
        "eta_s": None,
        "reason": "The model ended while it was loaded.",
        "last_lines": ["ggml_backend: no room for 5.2 GiB", "exiting with code 1"],
    },
)


def model_routes(folder: Path, identity: Identity) -> list[APIRouter]:
    """folder: of the box; models are below it."""
    models = folder / "models"
    library, desk = ModelLibrary(models / "library"), PullDesk(models / "pulls")
    fill_library(library, models)
    put_on_the_desk(desk)
    shelf = ModelShelf(library, desk, _Chosen(), _Unwritten(), _source, _never)
    planning = ModelPlanning(
        Catalogue(),
        library,
        MeasuredUse(models / "measured.json"),
        lambda: Hardware(
            imagined("RTX 4090"), Cpu("Test", 16), 128 * 2**30, 112 * 2**30, disk_free_bytes=900 * 2**30
        ),
    )
    return [_running(), model_library_routes(shelf, identity), model_planning_routes(planning, identity)]


def fill_library(library: ModelLibrary, models: Path) -> None:
    """One of each kind; their files are empty."""
    for name, kind, form, licence in _INSTALLED:
        place = models / "filled" / name
        place.mkdir(parents=True)
        weights = place / f"{name}.gguf"
        weights.touch()
        library.add(
            place,
            InstalledModel(
                name=name,
                kind=kind,
                format=form,
                path=weights if form == "gguf" else place,
                size_bytes=5_300_000_000,
                source=f"hf:acme/{name}",
                revision="1234",
                licence=licence,
                pulled_at=datetime(2026, 11, 21, tzinfo=UTC),
            ),
        )


def put_on_the_desk(desk: PullDesk) -> None:
    """One that comes, held as by a worker for as long as this process lives, and one that broke off."""
    desk.ask(Order("mistral-7b", "hf:acme/mistral-7b", "root@box.example"))
    desk.tell("mistral-7b", Progress(3_100_000_000, 14_500_000_000, 42_000_000.0, 271.0, "model.safetensors"))
    lock = os.open(desk.place("mistral-7b") / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    desk.ask(Order("llama-3.1-70b", "hf:meta-llama/Llama-3.1-70B-Instruct", "root@box.example"))
    desk.end("llama-3.1-70b", "model_gated", "Accept the licence at https://hub.example/llama-3.1-70b.")


class _Chosen:
    """Fulfils SearchChoice."""

    def chosen(self) -> str:
        return "multilingual-e5-small"

    def choose(self, name: str) -> bool:
        return bool(name)

    def in_use(self, folder: Path) -> bool:
        return folder.name == "multilingual-e5-small"


class _Unwritten:
    """Fulfils LibraryEvents: the audit has its own tests."""

    async def record(self, event: AccountEvent) -> None:
        del event


def _source(name: str) -> CatalogueSource | None:
    card = Catalogue().find(name)
    return None if card is None else CatalogueSource(f"hf:{card.repository}", card.purpose, card.licence)


async def _never(_name: str) -> bool:
    return False


def _running() -> APIRouter:
    routes = APIRouter()

    @routes.get("/api/models/running")
    async def running() -> dict[str, Any]:
        return {"data": list(_STARTED), "is_kept": True}

    return routes
