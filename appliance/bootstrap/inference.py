"""From the settings' raw [engines.*] tables to engines and a roster.

Each table is validated by its own row of the engine table, so a new kind of engine changes nothing here.
"""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from pydantic import ValidationError

from appliance.errors import StartupError
from inference.cloud.settings import CloudSettings
from inference.discovery import FoundEngine, find_local
from inference.egress import Egress, Neighbours
from inference.engines import ENGINES, load_engine_class
from inference.engines.connections import Connections
from inference.errors import InferenceError
from inference.models.gguf_header import read_number
from inference.roster import Membership, Roster
from inference.settings import EngineSettings, LlamaCppSettings
from inference.types import EngineState

CLOUD_REMEDY = 'engine = "cloud" in this section'


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
    tables: Mapping[str, Mapping[str, Any]], socket_for: Callable[[str], Path]
) -> dict[str, EngineSettings]:
    """Validate the [engines.*] tables.

    socket_for: engine's name -> where the process that the supervisor runs for it listens.
    Raises StartupError that names table, key and remedy.
    """
    return {name: _read_one(name, table, socket_for) for name, table in tables.items()}


def _read_one(name: str, table: Mapping[str, Any], socket_for: Callable[[str], Path]) -> EngineSettings:
    kind = table.get("engine")
    if kind not in ENGINES:
        raise StartupError(f"[engines.{name}]: engine = {kind!r} is not known. Known: {', '.join(ENGINES)}.")
    settings_type = load_engine_class(str(kind)).settings_type
    try:
        settings = settings_type.model_validate(dict(table))
    except ValidationError as error:
        raise StartupError(f"[engines.{name}]: {_explain(error, settings_type)}") from error
    try:
        settings.key()
    except (OSError, UnicodeDecodeError) as error:
        raise StartupError(
            f"[engines.{name}]: api_key_file cannot be read: {error}. Correct its path."
        ) from error
    if not isinstance(settings, LlamaCppSettings) or settings.base_url:
        return settings
    _require_gguf(name, settings.model_path)
    return settings.model_copy(update={"socket_path": settings.socket_path or socket_for(name)})


def _require_gguf(name: str, path: Path | None) -> None:
    """Raises StartupError: llama.cpp itself would only end without a word, again and again."""
    if path is None or not path.is_file():
        raise StartupError(
            f"[engines.{name}]: model_path = {str(path)!r} is not a file. Give it a GGUF file."
        )
    try:
        read_number(path, ".context_length")
    except (ValueError, OSError) as error:
        raise StartupError(
            f"[engines.{name}]: model_path = {str(path)!r} cannot be used: {error}. Give it a GGUF file."
        ) from error


def _explain(error: ValidationError, settings_type: type[EngineSettings]) -> str:
    sentences = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            nearest = difflib.get_close_matches(key, settings_type.model_fields, n=1, cutoff=0.5)
            hint = f"Did you mean {nearest[0]!r}?" if nearest else "Remove it."
            sentences.append(f"{key!r} is not a setting of this engine. {hint}")
        elif problem["type"] == "missing":
            sentences.append(f"{key!r} is missing.")
        else:
            sentences.append(f"{key!r}: {message}." if key else f"{message}.")
    return " ".join(sentences)


async def discover(tables: Mapping[str, Mapping[str, Any]]) -> list[FoundEngine]:
    """Engines of this machine to use at once; nobody is looked for where one is configured, a cloud apart."""
    return await find_local() if has_only_clouds(tables) else []


def has_only_clouds(tables: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether no engine of the own is configured. A cloud is none: it only stands in for one."""
    return all(table.get("engine") == "cloud" for table in tables.values())


def tables_of(found: Sequence[FoundEngine]) -> dict[str, dict[str, Any]]:
    """[engines.*] tables for engines that were found, as if somebody had written them."""
    return {f"local-{one.kind}": {"engine": one.kind, "base_url": one.base_url} for one in found}


def build_inference(
    settings: Mapping[str, EngineSettings],
    aliases: Mapping[str, str],
    *,
    on_change: Callable[[Sequence[EngineState]], None] | None = None,
    watched_by: aiohttp.TraceConfig | None = None,
    egress: Egress | None = None,
    offers_cloud: bool = False,
    neighbours: Neighbours | None = None,
) -> Inference:
    """Engines and roster, nothing asked yet: await roster.refresh(), then run roster.run() as a task.

    watched_by: told of every request to an engine. egress: the way to clouds; None: there is none. offers_cloud: a
    cloud's own models stand in the list of models. neighbours: which hosts the others may be. Raises StartupError for
    a key file that cannot be read.
    """
    neighbours = neighbours or Neighbours()
    for name, one in settings.items():
        if not isinstance(one, CloudSettings) and (why := neighbours.refusal(one.base_url, asks=False)):
            raise StartupError(outside(f"engines.{name}", one.base_url, why, neighbours, CLOUD_REMEDY))
    connections = Connections(watched_by, egress, neighbours)
    members = [_member(name, one, connections) for name, one in settings.items()]
    return Inference(Roster(members, aliases, on_change=on_change, offers_cloud=offers_cloud), connections)


def outside(section: str, url: str, why: str, neighbours: Neighbours, remedy: str) -> str:
    """The sentence for a server that is not one of the own network."""
    return (
        f"[{section}]: base_url = {url!r}: {why}. Set {remedy}, or, if that host is one of your own, "
        f'egress.inside = ["{neighbours.named_as(url)}"].'
    )


def clouds_of(settings: Mapping[str, EngineSettings]) -> dict[str, CloudSettings]:
    """The engines that are elsewhere, by name."""
    return {name: one for name, one in settings.items() if isinstance(one, CloudSettings)}


def cloud_hosts(settings: Mapping[str, EngineSettings]) -> list[str]:
    """Where their requests go, as the way out's list of allowed hosts wants it."""
    return [urlsplit(one.base_url).netloc.rpartition("@")[2] for one in clouds_of(settings).values()]


async def adopt_local_engines(
    inference: Inference,
    announce: Callable[[FoundEngine], None],
    *,
    every_s: float = 10.0,
    find: Callable[[], Awaitable[Sequence[FoundEngine]]] = find_local,
) -> None:
    """Look for a vLLM or Ollama of this machine until there is one, and take it on. For a box without engines but
    clouds.

    announce: told of each engine found, once. Somebody may start it minutes after the appliance.
    """

    def has_one() -> bool:
        return not all(state.is_cloud for state in inference.roster.states())

    while not has_one():
        for found in await find():
            ((name, table),) = tables_of([found]).items()
            settings = load_engine_class(found.kind).settings_type.model_validate(table)
            inference.roster.add(_member(name, settings, inference.connections))
            announce(found)
        if has_one():
            await inference.roster.refresh()
            return
        await asyncio.sleep(every_s)


def _member(name: str, settings: EngineSettings, connections: Connections) -> Membership:
    try:
        engine = load_engine_class(settings.engine)(name, settings, connections)
    except InferenceError as error:
        raise StartupError(f"[engines.{name}]: {error}") from error
    shown_address = _own_socket(settings) or engine.base_url
    is_cloud = isinstance(settings, CloudSettings)
    return Membership(
        engine,
        settings.engine,
        shown_address,
        settings.fallback_only,
        is_cloud=is_cloud,
        stands_in_for=settings.model_map if isinstance(settings, CloudSettings) else {},
    )


def _own_socket(settings: EngineSettings) -> str:
    """Where a process of our own listens; empty for a server that runs elsewhere."""
    if isinstance(settings, LlamaCppSettings) and not settings.base_url:
        return f"unix:{settings.socket_path}"
    return ""
