"""`appliance up` from the first check to the last child's end."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from appliance import __version__
from appliance.bootstrap.box import Box, make_private_folder, open_box
from appliance.bootstrap.children import (
    engine_check_words,
    gateway_specs,
    other_specs,
    page_specs,
    prepare_words,
    server_specs,
)
from appliance.bootstrap.credentials_file import refresh_url
from appliance.errors import StartupError
from appliance.settings import load_settings
from appliance.supervisor.data_folder import check_version, locked, prepare_data_folder, stamp_version
from appliance.supervisor.listening import address_of, listen, loopback_address_of
from appliance.supervisor.log_sink import LogSink
from appliance.supervisor.parting import ends_with_us
from appliance.supervisor.remains import end_remains
from appliance.supervisor.supervising import Plan, Supervisor
from appliance.supervisor.unprivileged import account_for_servers, require_reachable

OPEN_FILES = 65_536


@dataclass(frozen=True)
class Started:
    """What is said once everything answers."""

    url: str
    data: Path
    is_first_start: bool
    log_file: Path


def run_box(
    data: Path, config: Path | None, announce: Callable[[Started], None], *, gate_only: bool = False
) -> None:
    """Run everything in the foreground until SIGINT or SIGTERM. Raises StartupError with the remedy.

    gate_only: the databases and the gateway, without documents, page or engines of our own.
    """
    data = data.resolve()
    _allow_many_files()
    account = account_for_servers()
    prepare_data_folder(data, is_shared=account is not None)
    require_reachable(data, account)
    settings = load_settings(config or data / "appliance.toml")
    with locked(data, f"(appliance up, port {settings.server.port})"):
        check_version(data)
        log = LogSink(data / "logs", settings.logging)
        try:
            for name in end_remains(data):
                log.say(f"{name} was left behind by a run that was killed; it has been ended", "warning")
            box = open_box(data, config, account)
            stamp_version(data, __version__)
            make_private_folder(box.sockets)
            with listen(settings.server.host, settings.server.port) as listening:
                asyncio.run(_run(box, listening, log, announce, gate_only=gate_only))
        finally:
            log.close()


def _allow_many_files() -> None:
    """Every open stream is two; the usual soft limit of 1024 would be the first thing to give way."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _run(
    box: Box,
    listening: socket.socket,
    log: LogSink,
    announce: Callable[[Started], None],
    *,
    gate_only: bool,
) -> None:
    url = address_of(listening, box.settings.server.public_url)
    is_first_start = not box.credentials_path.exists()
    stop = asyncio.Event()
    hurry = asyncio.Event()
    _on_signals(stop, hurry)
    preparing = asyncio.create_task(_prepare_servers(box))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({preparing, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if stop.is_set():
        # Nothing runs yet but initdb, in a thread that cannot be interrupted: the kernel ends it with us, and the
        # next start throws away what it had made.
        log.say("stopped before anything was started")
        os._exit(0)
    await preparing

    async def prepare() -> None:
        await _prepare(box, url, log)

    plan = Plan(
        servers=server_specs(box),
        prepare=prepare,
        required=gateway_specs(box, listening.fileno()),
        others=[] if gate_only else other_specs(box),
        last=[] if gate_only else page_specs(box, loopback_address_of(listening)),
    )
    supervisor = Supervisor(plan, box.data, log, hurry, version=__version__, url=url)
    starting = asyncio.create_task(supervisor.start())
    try:
        await asyncio.wait([starting, stopped], return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            refresh_url(box.credentials_path, url)
            announce(Started(url, box.data, is_first_start, log.path))
            await stopped
    finally:
        starting.cancel()
        log.say("stopping")
        await supervisor.stop()
        log.say("stopped")


async def _prepare_servers(box: Box) -> None:
    if box.settings.engines:
        await _run_to_its_end(*engine_check_words(box))
    parts = [part for part in (box.postgres, box.valkey) if part is not None]
    await asyncio.gather(*(asyncio.to_thread(part.prepare) for part in parts))


async def _prepare(box: Box, url: str, log: LogSink) -> None:
    for line in await _run_to_its_end(*prepare_words(box, url)):
        log.child_line("prepare", line)


async def _run_to_its_end(words: list[str], environment: dict[str, str]) -> list[str]:
    """What a short-lived process of ours said. Raises StartupError with its words when it failed."""
    process = await asyncio.create_subprocess_exec(
        *words,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,
        preexec_fn=ends_with_us(),
    )
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    lines = output.decode(errors="replace").strip().splitlines()
    if process.returncode != 0:
        raise StartupError("\n".join(lines[-8:]) or f"{words[3]} ended with status {process.returncode}.")
    return lines


def _on_signals(stop: asyncio.Event, hurry: asyncio.Event) -> None:
    """The first signal sets stop, the second one hurry."""

    def asked() -> None:
        if stop.is_set():
            hurry.set()
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup keeps it running without its terminal
        loop.add_signal_handler(signal.SIGHUP, asked)
