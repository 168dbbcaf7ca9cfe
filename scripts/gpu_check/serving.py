"""Starts the engine that is measured: vLLM where it is, else the small server beside this file."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from inference.testing.vllm_process import ON_THE_CPU, vllm_process
from scripts.gpu_check.options import Options

NAME = "measured"
SLOTS = 64
CONTEXT_TOKENS = 4096
_START_S = 300.0
_LAST_BYTES = 3000


class EngineDidNotStart(RuntimeError):
    """The engine ended before it served; its last lines say why."""


@dataclass(frozen=True, slots=True)
class Served:
    """A running engine. engine: `vllm` or `own`; base_url: ends in /v1; pid: of its first process."""

    engine: str
    base_url: str

    @property
    def kind(self) -> str:
        """As in [engines.NAME]: the small server speaks vLLM's dialect as far as the gate needs it."""
        return "vllm" if self.engine == "vllm" else "openai_compatible"


async def make_model(options: Options, size: str) -> Path:
    """The folder of a model with random weights, made once. Raises RuntimeError with what went wrong."""
    folder = options.folder / size
    if (folder / "config.json").exists():
        return folder
    process = await asyncio.create_subprocess_exec(
        *(str(options.torch_python), "-P", "-m", "scripts.gpu_check.make_model", size, str(folder)),
        *("--device", options.device),
        env=options.torch_environment(),
        stderr=subprocess.PIPE,
    )
    _, err = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"The model could not be made:\n{err.decode()[-_LAST_BYTES:]}")
    return folder


def vllm_command(options: Options) -> Path | None:
    """Its command, if vLLM is to be used and there."""
    found = options.vllm or (Path(path) if (path := shutil.which("vllm")) else None)
    if options.engine == "own" or (options.engine == "auto" and found is None):
        return None
    if found is None:
        raise EngineDidNotStart("There is no vllm on this machine's PATH; name it with --vllm.")
    return found


@asynccontextmanager
async def serving(options: Options, folder: Path) -> AsyncIterator[Served]:
    """Yields when it answers. Raises EngineDidNotStart, VllmDidNotStart."""
    command = vllm_command(options)
    if command is None:
        async with _own_server(options, folder) as base_url:
            yield Served("own", base_url)
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    arguments = ["--max-model-len", str(CONTEXT_TOKENS), "--max-num-seqs", str(SLOTS)]
    environment = {} if options.is_on_gpu else dict(ON_THE_CPU)
    arguments += [] if options.is_on_gpu else ["--dtype", "float32", "--enforce-eager"]
    starting = vllm_process(command, folder, port, name=NAME, arguments=arguments, environment=environment)
    base_url = await asyncio.to_thread(starting.__enter__)
    try:
        yield Served("vllm", base_url)
    finally:
        await asyncio.to_thread(starting.__exit__, None, None, None)


@asynccontextmanager
async def _own_server(options: Options, folder: Path) -> AsyncIterator[str]:
    words = [str(options.torch_python), "-P", "-m", "scripts.gpu_check.engine_server", str(folder)]
    words += ["--device", options.device, "--slots", str(SLOTS), "--context-tokens", str(CONTEXT_TOKENS)]
    with tempfile.TemporaryFile() as said:
        process = await asyncio.create_subprocess_exec(
            *(*words, "--name", NAME),
            env=options.torch_environment(),
            stdout=subprocess.PIPE,
            stderr=said,
            start_new_session=True,
        )
        try:
            assert process.stdout is not None
            async with asyncio.timeout(_START_S):
                address = (await process.stdout.readline()).decode().strip()
            if not address.startswith("http://"):
                said.seek(0)
                raise EngineDidNotStart(said.read().decode(errors="replace")[-_LAST_BYTES:])
            yield address
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
