"""A keeper with real llama.cpp engines and the small trained model under any names, without a box around it."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from appliance.bootstrap.box import Box, make_private_folder, open_box
from appliance.bootstrap.keeper.keeper import Keeper
from appliance.bootstrap.keeper.loading import Loader
from appliance.bootstrap.keeper.preparing import Prepare, library_of, prepare_model
from appliance.bootstrap.keeper.server import KeeperServer
from appliance.bootstrap.keeper.wanted_file import WantedFile, WantedModel
from inference.gpus import GpuReader
from inference.hardware import read_hardware
from inference.keeping.rules import Manners
from inference.keeping.states import KeptModel
from inference.library import InstalledModel
from tests.waiting import until

TINY = Path(__file__).resolve().parent / "models" / "tiny-llama.gguf"
UNREADABLE = TINY.read_bytes().replace(b"gpt2", b"gpt9", 1)
"""Whole and well-formed, and of a vocabulary that llama.cpp does not know: it ends while it loads."""
PATIENCE_S = 240.0
AT_ONCE = Manners(idle_s=None, least_stay_s=0.0, drain_s=60.0, most_loaded=1)
"""One model in memory, and nobody stays longer than it must."""


def install(box: Box, *names: str, content: bytes | None = None) -> None:
    """Put the small model, or what is given, into the library under these names."""
    library = library_of(box)
    for name in names:
        library.folder.mkdir(parents=True, exist_ok=True)
        filled = Path(tempfile.mkdtemp(prefix=".filling-", dir=library.folder))
        path = filled / f"{name}.gguf"
        if content is None:
            shutil.copyfile(TINY, path)
        else:
            path.write_bytes(content)
        size = path.stat().st_size
        library.add(
            filled,
            InstalledModel(name, "chat", "gguf", path, size, "folder:tests", "", "MIT", datetime.now(UTC)),
        )


@dataclass
class Kept:
    """A keeper at work. said: all that its engines wrote, as (name, line)."""

    box: Box
    keeper: Keeper
    said: list[tuple[str, str]]

    async def start(self, name: str, context_tokens: int = 512, people: int = 10) -> KeptModel:
        return await self.keeper.start(WantedModel(name, context_tokens, people))

    def model(self, name: str) -> KeptModel:
        return next(model for model in self.keeper.models() if model.name == name)

    async def until_phase(self, name: str, phase: str) -> KeptModel:
        await until(lambda: self.model(name).phase == phase, PATIENCE_S)
        return self.model(name)


@asynccontextmanager
async def box_with(*names: str) -> AsyncIterator[Box]:
    """A data folder with these models in its library; nothing runs."""
    with tempfile.TemporaryDirectory(prefix="kept-", dir="/tmp") as folder:
        box = open_box(Path(folder))
        make_private_folder(box.sockets)
        install(box, *names)
        yield box


@asynccontextmanager
async def keeping(
    box: Box,
    manners: Manners = AT_ONCE,
    *,
    loads_on_use: bool = True,
    prepare: Callable[[Box], Prepare] | None = None,
) -> AsyncIterator[Kept]:
    """A keeper that listens on the box's socket and ends its engines at the end."""
    said: list[tuple[str, str]] = []
    server, gpus = KeeperServer(), GpuReader()
    keeper = Keeper(
        prepare(box) if prepare is not None else partial(prepare_model, box),
        lambda: read_hardware(gpus, disk=box.models_folder),
        Loader(str(box.data), lambda name, line: said.append((name, line)), PATIENCE_S),
        WantedFile(box.data / "engines.json"),
        manners,
        loads_on_use=loads_on_use,
        on_change=server.changed,
    )
    server.attach(keeper)
    await server.listen(box.keeper_socket)
    running = asyncio.create_task(keeper.run())
    try:
        yield Kept(box, keeper, said)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await server.close()
        await keeper.close()


def lives(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill(pid: int | None) -> None:
    """As the kernel does when memory is short."""
    assert pid is not None
    os.kill(pid, 9)
