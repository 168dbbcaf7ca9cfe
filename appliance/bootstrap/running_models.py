"""Joins the routes of started models to the keeper, and puts a start into words."""

from __future__ import annotations

import shlex
from functools import partial

from fastapi import APIRouter

from appliance.api.identity import Identity
from appliance.api.running_models import running_models_routes
from appliance.bootstrap.box import Box
from appliance.bootstrap.keeper.link import KeeperLink
from appliance.bootstrap.keeper.preparing import kept_socket, plan_model
from appliance.bootstrap.keeper.wanted_file import WantedModel
from appliance.domain.people import AccountEvent
from appliance.services.models.running import RunningModels, Wording
from appliance.storage.accounts import record_event
from appliance.storage.database import Database
from inference.hardware import read_hardware
from inference.launching.compose import engine_section, vllm_service
from inference.launching.launch import Launch
from inference.launching.llama_cpp import llama_cpp_launch
from inference.launching.ollama import ollama_drop_in, ollama_section
from inference.launching.vllm import vllm_launch


def build_running_models_routes(
    box: Box, link: KeeperLink, database: Database, identity: Identity
) -> APIRouter:
    """database: of the api role."""
    running = RunningModels(link, partial(put_into_words, box), _Events(database))
    return running_models_routes(running, identity)


def put_into_words(
    box: Box, model: str, context_tokens: int | None, people: int | None, wording: Wording
) -> str:
    """How this model would be started on this machine. Blocks. Raises what a start refuses, but for a missing vLLM."""
    hardware = read_hardware(disk=box.models_folder)
    _, job = plan_model(box, WantedModel(model, context_tokens, people), hardware)
    name, socket = job.names[0], kept_socket(box, model)
    if wording == "compose":
        inside = f"/home/vllm/library/{name}"
        return f"{vllm_service(job, name, inside)}\n# appliance.toml\n{engine_section(job, name, name)}"
    if wording == "ollama":
        drop_in = f"# ollama.service.d/appliance.conf\n{ollama_drop_in(job)}"
        return f"{drop_in}\n# appliance.toml\n{ollama_section(job, name)}"
    if wording == "llama_cpp":
        return _shell(llama_cpp_launch(job, socket))
    program = box.settings.models.vllm_command or "vllm"
    return _shell(vllm_launch(job, program, socket, ""))


def _shell(launch: Launch) -> str:
    """Without the key: whoever starts it by hand gives it one of their own."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in launch.environment.items() if value]
    words = [shlex.quote(word) for word in launch.argv]
    broken = [f" \\\n  {word}" if word.startswith("--") else f" {word}" for word in words[1:]]
    return "\n".join([*lines, words[0] + "".join(broken)]) + "\n"


class _Events:
    """Fulfils services.models.running.RunningEvents."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, event: AccountEvent) -> None:
        async with self._database.transaction() as connection:
            await record_event(connection, event)
