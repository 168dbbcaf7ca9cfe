"""From a model's name to the process that serves it: found, read, planned, put into words. Blocks for milliseconds."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from appliance.bootstrap.box import Box
from appliance.bootstrap.keeper.wanted_file import WantedModel
from inference.errors import ModelDoesNotFit, ModelNeedsVllm, ModelNotInstalled, ModelNotStartable
from inference.hardware import Hardware
from inference.keeping.rules import Room
from inference.launching.launch import Job, Launch
from inference.launching.llama_cpp import llama_cpp_launch
from inference.launching.vllm import vllm_launch
from inference.library import InstalledModel, ModelLibrary
from inference.models.shape import ModelShape, describe_model
from inference.placement.measured import MeasuredUse
from inference.placement.planner import Plan, Wish, plan

_STARTABLE = ("chat", "embedding")


@dataclass(frozen=True, slots=True)
class Prepared:
    """One model, ready to be started. needs: what it takes of memory, as planned."""

    model: InstalledModel
    shape: ModelShape
    plan: Plan
    job: Job
    launch: Launch
    needs: Room


Prepare = Callable[[WantedModel, Hardware], Prepared]


def engine_key(box: Box) -> str:
    """The key that our own vLLM asks for. The same for all processes of the box, and written nowhere."""
    return hmac.digest(box.secrets.session_secret.encode(), b"engines", "sha256").hex()


def library_of(box: Box) -> ModelLibrary:
    """The models on this box's disk."""
    return ModelLibrary(box.models_folder / "library")


def kept_socket(box: Box, name: str) -> Path:
    """Where the engine of a started model listens."""
    return box.engine_socket(f"model {name}")


def plan_model(box: Box, wanted: WantedModel, hardware: Hardware) -> tuple[InstalledModel, Job]:
    """Which of its files, and how. Raises ModelNotInstalled, ModelUnreadable, ModelNotStartable, ModelDoesNotFit."""
    model = library_of(box).find(wanted.name)
    if model is None:
        raise ModelNotInstalled(f"Asked for: {wanted.name!r}.")
    if model.kind not in _STARTABLE or model.format not in ("gguf", "safetensors"):
        raise ModelNotStartable(f"{model.name} is of the kind {model.kind}, as {model.format}.")
    shape = describe_model(model.path)
    usual = Wish()
    wish = replace(
        usual,
        context_tokens=min(wanted.context_tokens or usual.context_tokens, shape.longest_context),
        people=wanted.people or usual.people,
        may_quantise=False,
    )
    measured = MeasuredUse(box.models_folder / "measured.json").read()
    planned = plan(shape, hardware, wish, measured=measured)
    if not planned.runs:
        needed, there = planned.needed_bytes / 2**30, planned.available_bytes / 2**30
        raise ModelDoesNotFit(f"{model.name} takes {needed:.1f} GiB, and {there:.1f} GiB are free for it.")
    return model, Job(model.path, (model.name,), planned, shape, model.kind)


def prepare_model(box: Box, wanted: WantedModel, hardware: Hardware) -> Prepared:
    """As `plan_model`, with its exact command. Raises ModelNeedsVllm besides."""
    model, job = plan_model(box, wanted, hardware)
    launch, planned = _launch(box, job), job.plan
    places = [f"gpu:{index}" for index in planned.gpus] or ["ram"]
    return Prepared(model, job.shape, planned, job, launch, dict.fromkeys(places, planned.needed_bytes))


def _launch(box: Box, job: Job) -> Launch:
    socket = kept_socket(box, job.names[0])
    if job.plan.engine == "llama_cpp":
        return llama_cpp_launch(job, socket, packages=Path(__file__).resolve().parents[3])
    program = box.settings.models.vllm_command
    if program is None:
        raise ModelNeedsVllm()
    return vllm_launch(job, program, socket, engine_key(box), cache=box.models_folder / "vllm-cache")
