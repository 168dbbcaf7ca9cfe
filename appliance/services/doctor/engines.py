"""Do the engines answer, with the models and the context that were promised, and on the GPU?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from appliance.services.doctor.findings import Finding, error, ok, warning
from appliance.services.doctor.ways import Ways

COMFORTABLE_CONTEXT = 4096
HELD_BYTES = 10**9  # an idle card's own use is some hundred megabytes

# Before these one request without rights crashes the server, or reads its memory.
_SAFE_SINCE = {
    "vllm": ("0.20.0", "CVE-2026-44222, CVE-2026-44223"),
    "ollama": ("0.17.1", "CVE-2026-7482"),
}


@dataclass(frozen=True, slots=True)
class ServedChatModel:
    """gpu_share: how much of it is on the GPU, 0 to 1, where the engine tells; None: it does not."""

    id: str
    context_tokens: int | None = None
    gpu_share: float | None = None


@dataclass(frozen=True, slots=True)
class EngineReading:
    """One engine as it answers. offered: what its section names; wanted_context: what that promises.

    served: what it has itself, whatever is offered of it. loaded: what is in its memory just now, where it tells.
    is_ours: it runs in a process of the appliance. is_local: on this machine, or in a container beside us.
    """

    name: str
    kind: str
    url: str
    is_healthy: bool
    reason: str = ""
    version: str = ""
    offered: tuple[str, ...] = ()
    wanted_context: int | None = None
    served: tuple[ServedChatModel, ...] = ()
    loaded: tuple[ServedChatModel, ...] = ()
    is_ours: bool = False
    is_local: bool = True


@dataclass(frozen=True, slots=True)
class OutOfRotation:
    """An engine that is asked no more for a model. since: UTC. outcome: how the calls ended, by its stable code."""

    name: str
    model: str
    since: str
    outcome: str
    failures: int
    calls: int
    is_key_refused: bool = False


@dataclass(frozen=True, slots=True)
class EnginesReading:
    """gpu_used: memory in use of each GPU that is seen from here, in bytes. names: all that may be asked for.

    out: what the gateways have taken out of rotation.
    """

    engines: Sequence[EngineReading] = ()
    is_running: bool = True
    default: str = ""
    aliases: Mapping[str, str] = field(default_factory=dict)
    gpu_used: tuple[int, ...] = ()
    out: Sequence[OutOfRotation] = ()


def engine_findings(seen: EnginesReading, ways: Ways) -> Iterator[Finding]:
    """Each engine by itself, then the names that people ask for."""
    if not seen.engines:
        yield ok("engines.none")
    for engine in seen.engines:
        if engine.is_ours and not seen.is_running:
            continue  # it comes with the appliance
        yield from _one(engine, seen, ways)
    for one in seen.out:
        yield _out_of_rotation(one, ways)
    if seen.engines and all(engine.is_healthy for engine in seen.engines):
        yield from _names(seen, ways)


def _one(engine: EngineReading, seen: EnginesReading, ways: Ways) -> Iterator[Finding]:
    if not engine.is_healthy:
        yield error("engines.down", _restart(engine, ways), name=engine.name, url=engine.url,
                    detail=engine.reason)  # fmt: skip
        return
    served = {one.id for one in engine.served}
    if not served:
        yield error("engines.no_model", _load(engine, ways), name=engine.name)
        return
    names = ", ".join(sorted(served))
    yield ok("engines.ok", name=engine.name, url=engine.url, models=names)
    if missing := [name for name in engine.offered if name not in served]:
        command = ways.set(f"engines.{engine.name}.models", str(sorted(served)).replace("'", '"'))
        yield error(
            "engines.model_missing", command, name=engine.name, missing=", ".join(missing), served=names
        )
    yield from _outdated(engine, ways)
    yield from _context(engine, ways)
    yield from _processor(engine, seen, ways)


def _out_of_rotation(one: OutOfRotation, ways: Ways) -> Finding:
    if one.is_key_refused:
        return error("engines.key_refused", ways.log(), name=one.name, model=one.model, since=one.since)
    return warning(
        "engines.out_of_rotation",
        ways.log(),
        name=one.name,
        model=one.model,
        since=one.since,
        failures=one.failures,
        calls=one.calls,
        outcome=one.outcome,
    )


def _outdated(engine: EngineReading, ways: Ways) -> Iterator[Finding]:
    fixed, known = _SAFE_SINCE.get(engine.kind, ("", ""))
    if fixed and engine.version and _numbers(engine.version) < _numbers(fixed):
        upgrade = {
            "vllm": "uv pip install --upgrade vllm",
            "ollama": "curl -fsSL https://ollama.com/install.sh | sh",
        }
        command = (
            f"git pull && ./setup.sh {'gpu' if engine.kind == 'vllm' else 'cpu'}"
            if ways.deployment == "docker"
            else upgrade[engine.kind]
        )
        yield warning("engines.outdated", command, name=engine.name, program=engine.kind,
                      version=engine.version, fixed=fixed, known=known)  # fmt: skip


def _context(engine: EngineReading, ways: Ways) -> Iterator[Finding]:
    for model in [*engine.loaded, *engine.served]:
        has, wants = model.context_tokens, engine.wanted_context
        if has is None or (engine.offered and model.id not in engine.offered):
            continue
        if wants is not None and wants > has:
            command = ways.set(f"engines.{engine.name}.context_tokens", str(has))
            yield warning("engines.context_narrow", command, name=engine.name, model=model.id,
                          wanted=wants, served=has)  # fmt: skip
            return
        if has < COMFORTABLE_CONTEXT:
            yield warning("engines.context_small", _more_context(engine, ways), name=engine.name,
                          model=model.id, served=has)  # fmt: skip
            return


def _processor(engine: EngineReading, seen: EnginesReading, ways: Ways) -> Iterator[Finding]:
    told = [model for model in engine.loaded if model.gpu_share is not None]
    for model in told:
        share = model.gpu_share or 0.0
        if share >= 0.995:
            continue
        if share >= 0.005:
            yield warning("engines.partly_on_processor", _restart(engine, ways), name=engine.name,
                          model=model.id, percent=int(share * 100))  # fmt: skip
        elif seen.gpu_used or _wants_gpu(ways):
            yield error("engines.on_processor", _restart(engine, ways), name=engine.name, model=model.id)
        else:
            yield ok("engines.processor", name=engine.name, model=model.id)
    is_told_nothing = not told and engine.kind == "vllm" and engine.is_local
    if is_told_nothing and seen.gpu_used and max(seen.gpu_used) < HELD_BYTES:
        models = ", ".join(model.id for model in engine.served)
        yield error("engines.gpu_empty", _restart(engine, ways), name=engine.name, model=models)


def _names(seen: EnginesReading, ways: Ways) -> Iterator[Finding]:
    served = {
        name for engine in seen.engines for name in (engine.offered or [one.id for one in engine.served])
    }
    first = sorted(served)[0] if served else ""
    if seen.default and seen.default not in served and seen.aliases.get(seen.default) not in served:
        yield error("engines.default_missing", ways.set("models.default", f'"{first}"'), model=seen.default)
    for alias, model in seen.aliases.items():
        if model not in served and first:
            command = ways.set(f'models.aliases."{alias}"', f'"{first}"')
            yield warning("engines.alias_missing", command, alias=alias, model=model)


def _wants_gpu(ways: Ways) -> bool:
    return ways.deployment == "docker" and ways.compose.endswith("gpu.yml")


def _restart(engine: EngineReading, ways: Ways) -> str:
    if ways.deployment == "docker":
        return ways.start("engine")
    if engine.is_ours:
        return ways.start()
    return (
        "sudo systemctl restart ollama"
        if engine.kind == "ollama"
        else f"sudo systemctl restart {engine.kind}"
    )


def _load(engine: EngineReading, ways: Ways) -> str:
    if engine.kind == "ollama":
        return ways.inside("engine", "ollama pull llama3.2:3b")
    return "vllm serve MODEL --port 8000" if engine.kind == "vllm" else ""


def _more_context(engine: EngineReading, ways: Ways) -> str:
    if engine.kind == "vllm":
        if ways.deployment == "docker":
            return "sed -i 's/^MODEL_CONTEXT_TOKENS=.*/MODEL_CONTEXT_TOKENS=8192/' .env && ./setup.sh gpu"
        return "vllm serve MODEL --max-model-len 8192"
    return ways.set(f"engines.{engine.name}.context_tokens", "8192")


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.removeprefix("v").split("+")[0].split(".")
    return tuple(int("".join(filter(str.isdecimal, part[:3])) or 0) for part in parts[:3])
