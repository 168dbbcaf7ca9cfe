"""From the settings' raw [engines.*] tables to engines and a roster.

Each table is validated by its own row of the engine table, so a new kind of engine changes nothing here.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from appliance.errors import StartupError
from inference.discovery import FoundEngine, find_local
from inference.engines import ENGINES, load_engine_class
from inference.engines.connections import Connections
from inference.engines.llama_cpp import server_command
from inference.errors import InferenceError
from inference.roster import Membership, Roster
from inference.settings import EngineSettings, LlamaCppSettings
from inference.types import EngineState

MAX_SOCKET_PATH_BYTES = 100


@dataclass(frozen=True)
class EngineProcess:
    """A program the supervisor runs for an engine; it answers on socket_path when it is ready."""

    name: str
    argv: tuple[str, ...]
    socket_path: Path


@dataclass(frozen=True)
class Inference:
    """The engines of one process. Await close() at its end."""

    roster: Roster
    connections: Connections

    async def close(self) -> None:
        """Close the engines and every connection to them."""
        await self.roster.close()
        await self.connections.close()


def read_engine_settings(
    tables: Mapping[str, Mapping[str, Any]], run_folder: Path
) -> dict[str, EngineSettings]:
    """Validate the [engines.*] tables. run_folder: private, where processes of our own put their sockets.

    Raises StartupError that names table, key and remedy.
    """
    return {name: _read_one(name, table, run_folder) for name, table in tables.items()}


def _read_one(name: str, table: Mapping[str, Any], run_folder: Path) -> EngineSettings:
    kind = table.get("engine")
    if kind not in ENGINES:
        raise StartupError(f"[engines.{name}]: engine = {kind!r} is not known. Known: {', '.join(ENGINES)}.")
    settings_type = load_engine_class(str(kind)).settings_type
    try:
        settings = settings_type.model_validate(dict(table))
    except ValidationError as error:
        raise StartupError(f"[engines.{name}]: {_explain(error, settings_type)}") from error
    if not isinstance(settings, LlamaCppSettings) or settings.base_url or settings.socket_path is not None:
        return settings
    return settings.model_copy(update={"socket_path": _socket_path(name, run_folder)})


def _socket_path(name: str, run_folder: Path) -> Path:
    path = run_folder / f"llama-{name}.sock"
    if len(str(path).encode()) > MAX_SOCKET_PATH_BYTES:
        raise StartupError(
            f"[engines.{name}]: the path {path} is too long for a socket. "
            "Use a shorter name, or a data folder with a shorter path (`--data`)."
        )
    return path


def _explain(error: ValidationError, settings_type: type[EngineSettings]) -> str:
    sentences = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            nearest = difflib.get_close_matches(key, settings_type.model_fields, n=1, cutoff=0.5)
            hint = f"Did you mean {nearest[0]!r}?" if nearest else "Remove it."
            sentences.append(f"{key!r} is not a setting of this engine. {hint}")
        elif problem["type"] == "missing":
            sentences.append(f"{key!r} is missing.")
        else:
            sentences.append(f"{key!r}: {problem['msg']}." if key else f"{problem['msg']}.")
    return " ".join(sentences)


def engine_processes(settings: Mapping[str, EngineSettings]) -> list[EngineProcess]:
    """The programs of our own that these engines need; none where everything is spoken to elsewhere.

    Raises StartupError for a model file that is not there.
    """
    processes = []
    for name, one in settings.items():
        if isinstance(one, LlamaCppSettings) and not one.base_url and one.socket_path is not None:
            if one.model_path is None or not one.model_path.is_file():
                raise StartupError(
                    f"[engines.{name}]: model_path = {str(one.model_path)!r} is not a file. Give it a GGUF file."
                )
            processes.append(EngineProcess(f"engine-{name}", tuple(server_command(one)), one.socket_path))
    return processes


async def discover(tables: Mapping[str, Mapping[str, Any]]) -> list[FoundEngine]:
    """Engines of this machine to use at once; nobody is looked for where one is configured."""
    return [] if tables else await find_local()


def tables_of(found: Sequence[FoundEngine]) -> dict[str, dict[str, Any]]:
    """[engines.*] tables for engines that were found, as if somebody had written them."""
    return {f"local-{one.kind}": {"engine": one.kind, "base_url": one.base_url} for one in found}


def build_inference(
    settings: Mapping[str, EngineSettings],
    aliases: Mapping[str, str],
    *,
    on_change: Callable[[Sequence[EngineState]], None] | None = None,
) -> Inference:
    """Engines and roster, nothing asked yet: await roster.refresh(), then run roster.run() as a task.

    Raises StartupError for a key file that cannot be read.
    """
    connections = Connections()
    members = []
    for name, one in settings.items():
        try:
            engine = load_engine_class(one.engine)(name, one, connections)
        except InferenceError as error:
            raise StartupError(f"[engines.{name}]: {error}") from error
        shown_address = _own_socket(one) or engine.base_url
        members.append(Membership(engine, one.engine, shown_address, one.fallback_only))
    return Inference(Roster(members, aliases, on_change=on_change), connections)


def _own_socket(settings: EngineSettings) -> str:
    """Where a process of our own listens; empty for a server that runs elsewhere."""
    if isinstance(settings, LlamaCppSettings) and not settings.base_url:
        return f"unix:{settings.socket_path}"
    return ""
