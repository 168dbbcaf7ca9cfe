"""Reads the parts: processes, the port, Valkey, the embedding process, the sandbox; and what there is of backups."""

from __future__ import annotations

import asyncio
import json
import socket
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from appliance.bootstrap.backups.status import read_status
from appliance.bootstrap.doctor.place import Place
from appliance.services.doctor.backups import BackupReading
from appliance.services.doctor.parts import (
    DataReading,
    EmbedderReading,
    PortReading,
    Process,
    ProcessesReading,
    SettingsReading,
    ValkeyReading,
)
from appliance.services.doctor.trust import SecretsReading
from appliance.supervisor.readiness import accepts_on
from appliance.supervisor.state import ChildState

_PATIENCE_S = 10.0


def read_data(place: Place) -> DataReading:
    """As it was when we came."""
    return place.reading


def read_settings(place: Place) -> SettingsReading:
    """Where they stand, and what is wrong with them."""
    path = place.box.config if place.box and place.box.config else place.data / "appliance.toml"
    return SettingsReading(str(path), place.problem)


def read_folder_secrets(place: Place) -> SecretsReading:
    """As they lay there before anything was opened."""
    return place.secrets


def read_processes(place: Place) -> ProcessesReading:
    """By the supervisor's file; of one that is gone, by what it wrote last."""
    state, running = place.state, place.supervisor
    if running is None:
        last = (
            ""
            if state is None
            else _moment(max([state.started_at, *(c.since for c in state.children.values())]))
        )
        was_stopped = state is None or all(c.state is ChildState.STOPPED for c in state.children.values())
        return ProcessesReading(
            is_supervised=False,
            is_contained=place.is_contained,
            was_stopped=was_stopped,
            last_at=last,
            lines=() if was_stopped else place.last_lines(),
        )
    troubled = {
        name
        for name, child in running.children.items()
        if child.restarts or child.state is ChildState.WAITING
    }
    return ProcessesReading(
        is_supervised=True,
        processes=tuple(
            Process(
                name,
                child.state.value,
                child.restarts,
                child.last_exit,
                place.last_lines(name) if name in troubled else (),
            )
            for name, child in sorted(running.children.items())
        ),
    )


def _moment(iso: str) -> str:
    return f"{iso[:16].replace('T', ' ')} UTC"


def read_port(place: Place) -> PortReading:
    """The gateway's own word on every part; of a box that is stopped, whether its port is free."""
    server = place.needed_box.settings.server
    url = place.url
    if not place.is_running:
        return PortReading(False, url, server.host, server.port, problem=_taken_by(server.host, server.port))
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=_PATIENCE_S) as response:  # noqa: S310 - our own
            return PortReading(True, url, server.host, server.port, response.status)
    except urllib.error.HTTPError as error:
        parts = _unready(error.read(100_000))
        return PortReading(True, url, server.host, server.port, error.code, parts)
    except OSError as error:
        return PortReading(True, url, server.host, server.port, problem=str(error))


def _taken_by(host: str, port: int) -> str:
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _unready(body: bytes) -> dict[str, str]:
    try:
        parts = json.loads(body)["parts"]
        return {str(name): str(state) for name, state in parts.items() if state != "ready"}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {"gateway": body[:200].decode(errors="replace")}


def read_valkey(place: Place) -> ValkeyReading:
    """Its own figures."""
    from redis import Redis, RedisError

    box = place.needed_box
    is_embedded = box.valkey is not None
    if is_embedded and not place.is_running:
        return ValkeyReading(is_idle=True)
    try:
        with Redis.from_url(box.valkey_url, socket_timeout=5, socket_connect_timeout=5) as client:
            memory = client.info("memory")
    except (RedisError, OSError) as error:
        return ValkeyReading(is_embedded=is_embedded, problem=str(error).rstrip("."))
    return ValkeyReading(
        is_embedded=is_embedded,
        used_bytes=int(memory["used_memory"]),
        most_bytes=int(memory["maxmemory"]),
        policy=str(memory["maxmemory_policy"]),
    )


def read_embedder(place: Place) -> EmbedderReading:
    """What it serves, and on which device."""
    box = place.needed_box
    if not place.is_running:
        return EmbedderReading(is_idle=True)
    if not accepts_on(box.embedder_socket)():
        return EmbedderReading(problem="nothing listens at its socket")
    return asyncio.run(_served(box.embedder_socket))


async def _served(path: Path) -> EmbedderReading:
    from inference.embedding.client import EmbedderClient
    from inference.errors import EmbedderUnavailable

    client = EmbedderClient(path, answer_timeout_s=_PATIENCE_S)
    try:
        served = await client.served()
    except EmbedderUnavailable as error:
        return EmbedderReading(problem=str(error))
    finally:
        await client.close()
    return EmbedderReading(
        served=tuple(
            (
                f"{one.card.model_id} ({one.card.device})" if one.card else one.name,
                one.problem,
                one.card is not None,
            )
            for one in served
        )
    )


def read_backup(place: Place) -> BackupReading:
    """By the file that every backup leaves behind."""
    settings, status = place.needed_box.settings.backup, read_status(place.data)
    return BackupReading(
        age_s=status.age_s(datetime.now(UTC)),
        max_age_hours=settings.max_age_hours,
        is_nightly=bool(settings.folder),
        folder=status.folder,
        is_tried=status.is_verified,
        tried_at=status.tried_at,
        failed_at=status.failed_at,
        failure=status.failure,
        is_same_disk=_is_same_disk(settings.folder, place.data),
    )


def _is_same_disk(folder: str, data: Path) -> bool:
    if not folder or urlsplit(folder).scheme:
        return False
    try:
        return Path(folder).stat().st_dev == data.stat().st_dev
    except OSError:
        return False


def read_sandbox(_place: Place) -> tuple[str, ...]:
    """What the kernel does not offer of the reading processes' confinement."""
    from rag.sandbox.confinement import probe

    return tuple(probe().weaknesses)
