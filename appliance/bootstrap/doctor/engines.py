"""Reads the engines: what each serves, holds in its memory, and says of its version."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from appliance.bootstrap.box import Box
from appliance.bootstrap.doctor.asking import ask
from appliance.bootstrap.doctor.place import Place
from appliance.bootstrap.inference import (
    build_inference,
    clouds_of,
    discover,
    read_engine_settings,
    tables_of,
)
from appliance.errors import StartupError
from appliance.fairness.breakers.wire import PREFIX, read_circuit
from appliance.services.doctor.engines import (
    EngineReading,
    EnginesReading,
    OutOfRotation,
    ServedChatModel,
)
from inference.breaker.circuit import Cause, Position
from inference.egress import Neighbours
from inference.engines.ollama import OllamaEngine
from inference.errors import EngineUnavailable, InferenceError
from inference.gpu_health import look_at_gpus
from inference.ports import ChatEngine
from inference.settings import EngineSettings
from inference.types import EngineState

_PATIENCE_S = 3.0
_MOST_BYTES = 100_000


def read_engines(place: Place) -> EnginesReading:
    """Asks each anew, beside the gateway's own roster. Raises StartupError for a section that is not valid."""
    return asyncio.run(_read(place))


async def _read(place: Place) -> EnginesReading:
    box = place.needed_box
    tables = dict(box.settings.engines)
    tables.update(tables_of(await discover(tables)))
    every = read_engine_settings(tables, box.engine_socket)
    clouds = clouds_of(every)  # which are not asked anything; see the check `clouds`
    settings = {name: one for name, one in every.items() if name not in clouds}
    # Without the settings' names: what a server has, not what we say it has.
    asked = {name: one.model_copy(update=_as_it_is(one)) for name, one in settings.items()}
    neighbours = Neighbours(box.settings.egress.inside)
    inference = build_inference(asked, {}, neighbours=neighbours)
    try:
        await inference.roster.refresh()
        found = [
            await _engine(state, settings[state.name], inference.roster.engine(state.name), neighbours)
            for state in inference.roster.states()
        ]
    finally:
        await inference.close()
    health = await asyncio.to_thread(look_at_gpus)
    return EnginesReading(
        engines=tuple(found),
        is_running=place.is_running,
        default=box.settings.models.default,
        aliases=box.settings.models.aliases,
        gpu_used=tuple(card.memory_used_bytes for card in health.cards),
        out=await asyncio.to_thread(_out_of_rotation, box, settings) if place.is_running else (),
    )


def _as_it_is(one: EngineSettings) -> Mapping[str, Any]:
    """Ollama is asked for a context with every request: what it was made for is its own, so that stays."""
    return {"models": []} if one.engine == "ollama" else {"models": [], "context_tokens": None}


async def _engine(
    state: EngineState, settings: EngineSettings, engine: ChatEngine | None, neighbours: Neighbours
) -> EngineReading:
    wants = None if state.engine == "ollama" else settings.context_tokens
    return EngineReading(
        name=state.name,
        kind=state.engine,
        url=state.base_url,
        is_healthy=state.is_healthy,
        reason=_why(state.reason),
        version=await asyncio.to_thread(_version, state, neighbours) if state.is_healthy else "",
        offered=tuple(settings.models),
        wanted_context=wants,
        served=tuple(
            ServedChatModel(model.id, model.context_tokens) for model in state.models if model.kind == "chat"
        )
        or tuple(ServedChatModel(model.id) for model in state.models),
        loaded=await _loaded(engine) if state.is_healthy else (),
        is_ours=state.base_url.startswith("unix:"),
        is_local=_is_local(state.base_url),
    )


def _out_of_rotation(box: Box, names: Collection[str]) -> tuple[OutOfRotation, ...]:
    """Of configured engines, by what the gateways share; none where Valkey is away, which another check says."""
    from redis import Redis, RedisError

    try:
        with Redis.from_url(box.valkey_url, socket_timeout=5, socket_connect_timeout=5) as client:
            rows = client.hgetall(f"{PREFIX}circuits")
    except (RedisError, OSError):
        return ()
    return tuple(out_of_rotation(rows, names))


def out_of_rotation(rows: Mapping[bytes, bytes], names: Collection[str]) -> Iterator[OutOfRotation]:
    """rows: circuits as Valkey keeps them. names: of the engines that are meant."""
    for field, packed in sorted(rows.items()):
        engine, _, model = field.decode().partition("\n")
        try:
            circuit = read_circuit(packed)
        except ValueError:  # of another version of ours
            continue
        if engine in names and circuit.position is not Position.CLOSED:
            yield OutOfRotation(
                engine,
                model,
                f"{datetime.fromtimestamp(circuit.left_wall_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC",
                circuit.outcome or "",
                circuit.count,
                circuit.calls,
                is_key_refused=circuit.cause is Cause.REJECTED,
            )


def _why(reason: str) -> str:
    """Without what the error says of itself to people who ask something: here somebody asks why."""
    return reason.removeprefix(" ".join((EngineUnavailable.__doc__ or "").split())).strip()


async def _loaded(engine: ChatEngine | None) -> tuple[ServedChatModel, ...]:
    """Ollama alone tells how much of a model lies on the GPU (`/api/ps`: size_vram of size)."""
    if not isinstance(engine, OllamaEngine):
        return ()
    try:
        return tuple(
            ServedChatModel(one.id, one.context_tokens, one.gpu_share) for one in await engine.loaded()
        )
    except InferenceError:
        return ()


def _version(state: EngineState, neighbours: Neighbours) -> str:
    """vLLM tells it at /version, Ollama at /api/version, both without a key; others do not."""
    path = {"vllm": "/version", "ollama": "/api/version"}.get(state.engine)
    if path is None or not state.base_url.startswith("http"):
        return ""
    try:
        url = state.base_url.removesuffix("/v1") + path
        with ask(url, neighbours, _PATIENCE_S) as answer:
            told = json.loads(answer.read(_MOST_BYTES))
        return str(told["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _is_local(url: str) -> bool:
    host = url.partition("://")[2].partition("/")[0].rpartition(":")[0]
    return url.startswith("unix:") or host in ("127.0.0.1", "localhost", "[::1]", "engine")


def probe_engines(place: Place) -> dict[str, float]:
    """Engine -> milliseconds in which it lists its models; those that do not answer are left out."""
    return asyncio.run(_probe(place))


async def _probe(place: Place) -> dict[str, float]:
    box, took = place.needed_box, {}
    try:
        settings = read_engine_settings(box.settings.engines, box.engine_socket)
    except StartupError:
        return {}
    inference = build_inference(settings, {}, neighbours=Neighbours(box.settings.egress.inside))
    try:
        for name in settings.keys() - clouds_of(settings).keys():
            engine = inference.roster.engine(name)
            if engine is None:
                continue
            started = time.perf_counter()
            try:
                await engine.models()
            except InferenceError:
                continue
            took[name] = (time.perf_counter() - started) * 1000
    finally:
        await inference.close()
    return took
