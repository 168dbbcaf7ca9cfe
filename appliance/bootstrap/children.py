"""The table of processes that `appliance up` runs: name, command, and how each shows that it is ready.

Commands are strings, nothing is imported: the supervisor that reads this stays small.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from appliance.bootstrap.box import Box
from appliance.bootstrap.embedding import keep_specs
from appliance.bootstrap.speech import speech_words
from appliance.supervisor.child import ChildSpec
from appliance.supervisor.readiness import accepts_on

# On the way down, after the gateway, the worker and the page, which use them. At most 4.7 s in all,
# and server.drain_s for what is being answered.
_MODELS, _VALKEY, _DATABASE = 1, 2, 3
_VLLM_ENDS_S = 15.0  # it gives the GPU's memory back in order, where it runs
_ROOT = Path(__file__).resolve().parent.parent.parent  # holds our packages, installed or not


def server_specs(box: Box) -> list[ChildSpec]:
    """PostgreSQL and Valkey, where they are not external."""
    specs = []
    if box.postgres is not None:
        specs.append(
            ChildSpec(
                name="postgres",
                argv=tuple(box.postgres.server_words()),
                probe=box.postgres.is_ready,
                account=box.account,
                stop_signal=signal.SIGINT,  # fast: ends sessions, writes a checkpoint
                death_signal=signal.SIGINT,
                stop_timeout_s=1.5,
                stop_phase=_DATABASE,
            )
        )
    if box.valkey is not None:
        specs.append(
            ChildSpec(
                name="valkey",
                argv=tuple(box.valkey.server_words()),
                probe=box.valkey.is_ready,
                account=box.account,
                death_signal=signal.SIGTERM,
                stop_timeout_s=0.5,
                stop_phase=_VALKEY,
            )
        )
    return specs


def gateway_specs(box: Box, descriptor: int) -> list[ChildSpec]:
    """One per worker; all accept from the same socket. descriptor: of the listening socket."""
    count = box.settings.server.workers
    return [
        ChildSpec(
            name="gateway" if count == 1 else f"gateway-{number}",
            argv=(
                *_module("appliance.bootstrap.gateway"),
                *_box_words(box),
                *("--fd", str(descriptor), "--worker", str(number)),
            ),
            env=_environment(),
            pass_fds=(descriptor,),
            stop_timeout_s=2.2,
            drain_s=box.settings.server.drain_s,
        )
        for number in range(1, count + 1)
    ]


def other_specs(box: Box) -> list[ChildSpec]:
    """The embedder, our own engines, the speech process and the worker."""
    return [
        ChildSpec(
            name="embedder",
            argv=(
                *_module("inference.embedding.server"),
                *("--socket", str(box.embedder_socket), "--models", str(box.models_folder)),
                *("--threads", str(box.settings.embedding.threads), "--specs", str(keep_specs(box))),
                *_reranker_words(box),
            ),
            probe=accepts_on(box.embedder_socket),
            env=_environment(),
            stop_timeout_s=0.5,
            stop_phase=_MODELS,
        ),
        *_engine_specs(box),
        ChildSpec(
            name="keeper",
            argv=(*_module("appliance.bootstrap.keeper.process"), *_box_words(box)),
            env=_environment(),
            stop_timeout_s=1.0,
            stop_phase=_MODELS,
            drain_s=0.0 if box.settings.models.vllm_command is None else _VLLM_ENDS_S,
        ),
        *_speech_specs(box),
        ChildSpec(
            name="worker",
            argv=(*_module("appliance.bootstrap.worker"), *_box_words(box)),
            env=_environment(),
        ),
    ]


def page_specs(box: Box, internal_url: str) -> list[ChildSpec]:
    """The page's own server; its imports take seconds of processor time. internal_url: the gateway, from this box."""
    if not box.settings.server.run_page:
        return []
    return [
        ChildSpec(
            name="ui",
            argv=(*_module("ui"), "--socket", str(box.page_socket), "--api", internal_url),
            probe=accepts_on(box.page_socket),
            env=_environment(),
            stop_timeout_s=1.5,
        )
    ]


def engine_check_words(box: Box) -> tuple[list[str], dict[str, str]]:
    """The command and environment of the short-lived process that looks at [engines.*]."""
    words = [*_module("appliance.bootstrap.engine_check"), *_box_words(box)]
    return words, {**os.environ, **_environment()}


def prepare_words(box: Box, url: str) -> tuple[list[str], dict[str, str]]:
    """The command and environment of the short-lived process between the databases and the rest."""
    words = [*_module("appliance.bootstrap.prepare"), *_box_words(box), "--url", url]
    return words, {**os.environ, **_environment()}


def _reranker_words(box: Box) -> tuple[str, ...]:
    """It serves the cross-encoder of searches to scripts too."""
    chosen = box.settings.retrieval
    return ("--reranker", chosen.reranker) if chosen.reranker and chosen.reranker_kind == "onnx" else ()


def _engine_specs(box: Box) -> list[ChildSpec]:
    """A llama.cpp server for every engine section that has a file and no address."""
    specs = []
    for name, section in box.settings.engines.items():
        if section.get("engine") != "llama_cpp" or section.get("base_url") or not section.get("model_path"):
            continue
        path = box.engine_socket(name)
        words = ["--model", str(section["model_path"]), "--socket", str(path)]
        for key in ("slots", "context_tokens", "threads", "gpu_layers", "cache_ram_mib"):
            if section.get(key) is not None:
                words += [f"--{key.replace('_', '-')}", str(section[key])]
        if section.get("model_name"):
            words += ["--name", str(section["model_name"])]
        if section.get("embedding"):
            words.append("--embedding")
        specs.append(
            ChildSpec(
                name=f"engine-{name}",
                argv=(*_module("inference.engines.llama_cpp_server"), *words),
                probe=accepts_on(path),
                env=_environment(),
                stop_timeout_s=0.5,
                stop_phase=_MODELS,
            )
        )
    return specs


def _speech_specs(box: Box) -> list[ChildSpec]:
    """Only where a model is named and the extra is installed."""
    words = speech_words(box)
    if words is None:
        return []
    return [
        ChildSpec(
            name="speech",
            argv=(*_module("inference.speech.server"), *words),
            probe=accepts_on(box.speech_socket),
            env=_environment(),
            stop_timeout_s=0.5,
            stop_phase=_MODELS,
        )
    ]


def _module(name: str) -> Sequence[str]:
    return (sys.executable, "-P", "-m", name)


def _box_words(box: Box) -> Sequence[str]:
    words = ["--data", str(box.data)]
    if box.config is not None:
        words += ["--config", str(box.config)]
    return words


def _environment() -> dict[str, str]:
    others = os.environ.get("PYTHONPATH")
    return {
        "PYTHONPATH": f"{_ROOT}{os.pathsep}{others}" if others else str(_ROOT),
        "PYTHONUNBUFFERED": "1",
        "APPLIANCE_LOGGING__FORMAT": "json",
        # glibc gives each thread an arena of its own; two are enough for processes that mostly wait.
        "MALLOC_ARENA_MAX": "2",
    }
