"""The planner's word against what is taken: random shapes, each planned, loaded and filled to the end of its context.

Every shape is loaded twice: first by the estimate; then, with what that start took on record, by the calibrated plan
for another context. Both plans may take the GPU to its limit. On a GPU NVML has the word; on the processor, where this
is only tried out, resident memory, and the planner believes in a card of 8 GiB.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from inference.gpus import Gpu, GpuReader
from inference.hardware import Hardware
from inference.models.model_shape import ModelShape
from inference.placement.measured import Measurement
from inference.placement.planner import plan
from inference.placement.wish import Plan, Wish
from scripts.gpu_check.options import Options
from scripts.gpu_check.report import GIB, Line, Load, memory_lines
from scripts.gpu_check.shapes import BF16_BYTES, LlamaSize, random_size

_SEED = 20
_CONTEXTS = (2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072)
_SLOTS = (1, 2, 4, 8, 16, 32, 64)
_PIECES = (512, 1024, 2048, 4096, 8192)
_LARGEST_SHARE = 0.7  # of the memory, for weights
_TRIED_CARD = Gpu(
    0, "a card believed in", "", memory_bytes=8 * GIB, memory_used_bytes=0, compute_capability=(9, 0)
)
_TRIED_SIZE = LlamaSize("tried", 2, 256, 4, 2, 64, 512, 2048, 8192, False)


def shape_of(size: LlamaSize) -> ModelShape:
    """As the planner wants it."""
    return ModelShape(
        name=size.name,
        architecture="LlamaForCausalLM",
        parameters=size.parameters,
        weight_bytes=size.parameters * BF16_BYTES,
        layers=size.layers,
        heads=size.heads,
        kv_heads=size.kv_heads,
        head_dim=size.head_dim,
        hidden=size.hidden,
        vocabulary=size.vocabulary,
        longest_context=size.longest_context,
        quantisation="bf16",
        intermediate=size.intermediate,
        active_parameters=size.parameters,
    )


def planned(size: LlamaSize, card: Gpu, wish: Wish, measured: tuple[Measurement, ...] = ()) -> Plan | None:
    """None where it does not fit, or only with a cache in fp8, which the small loader has not."""
    found = plan(shape_of(size), Hardware(gpus=(card,)), wish, measured=measured)
    return found if found.runs and found.kv_dtype == "auto" and found.engine == "vllm" else None


@dataclass(frozen=True, slots=True)
class _Taken:
    """Bytes above what was in use before the loader started. context: of the process without a model."""

    total: int
    context: int
    weight_bytes: int
    kv_bytes: int


class _Loader:
    """The process that loads. before: bytes in use before it was there."""

    def __init__(self, process: asyncio.subprocess.Process, before: int, is_on_gpu: bool) -> None:
        self._process, self._before, self._is_on_gpu = process, before, is_on_gpu
        self.context = 0

    async def started(self) -> None:
        """Its libraries are loaded, no model yet."""
        await self._line()
        self.context = self._used()

    async def load(self, size: LlamaSize, found: Plan, piece: int) -> _Taken | None:
        """None: it ran out of memory."""
        asked = {"slots": found.slots, "context_tokens": found.context_tokens, "piece": piece}
        await self._say(json.dumps({**asked, "size": asdict(size)}))
        told = json.loads(await self._line())
        used = self._used()
        await self._say("go on")
        await self._line()
        if "ran_out" in told:
            return None
        return _Taken(used, self.context, told["weight_bytes"], told["kv_bytes"])

    def _used(self) -> int:
        if self._is_on_gpu:
            return _used_on(0) - self._before
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8")
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))) * 1024

    async def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        await self._process.stdin.drain()

    async def _line(self) -> str:
        assert self._process.stdout is not None
        line = (await self._process.stdout.readline()).decode()
        if not line:
            raise RuntimeError("The loader ended; see its message above.")
        return line


@asynccontextmanager
async def _loader(options: Options) -> AsyncIterator[_Loader]:
    before = _used_on(0) if options.is_on_gpu else 0
    process = await asyncio.create_subprocess_exec(
        *(
            str(options.torch_python),
            "-P",
            "-m",
            "scripts.gpu_check.memory_loads",
            "--device",
            options.device,
        ),
        env={**options.torch_environment(), "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        loader = _Loader(process, before, options.is_on_gpu)
        await loader.started()
        yield loader
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def measure_memory(options: Options) -> tuple[list[Line], list[dict[str, Any]]]:
    """`options.loads` of them, or as many as the time allows; the note says which."""
    dice = random.Random(_SEED)
    loads: list[Load] = []
    loop = asyncio.get_running_loop()
    end = loop.time() + max(options.seconds * 4, 30)
    card = GpuReader().read()[0] if options.is_on_gpu else _TRIED_CARD
    async with _loader(options) as loader:
        number = 0
        while len(loads) < options.loads and loop.time() < end:
            number += 1
            largest = int((card.memory_bytes or 0) * _LARGEST_SHARE)
            size = random_size(dice, largest, number) if options.is_on_gpu else _TRIED_SIZE
            loads += await _twice(loader, size, card, dice)
    in_time = "" if len(loads) >= options.loads else f", {options.loads} were asked for"
    where = card.name if options.is_on_gpu else "resident memory, tried out on the processor"
    return memory_lines(loads, f"{where}{in_time}"), [asdict(one) for one in loads]


async def _twice(loader: _Loader, size: LlamaSize, card: Gpu, dice: random.Random) -> list[Load]:
    """By the estimate, then by what that start took; fewer where a plan refuses."""
    piece, slots = dice.choice(_PIECES), dice.choice(_SLOTS)
    contexts = [one for one in _CONTEXTS if one <= size.longest_context]
    done: list[Load] = []
    measured: tuple[Measurement, ...] = ()
    for is_calibrated in (False, True):
        wish = Wish(
            dice.choice(contexts),
            slots=slots,
            max_batched_tokens=piece,
            max_running=slots,
            may_quantise=False,
        )
        found = planned(size, card, wish, measured)
        if found is None:
            return done
        taken = await loader.load(size, found, piece)
        if taken is None:
            return [
                *done,
                Load(size.name, is_calibrated, found.needed_bytes, found.needed_bytes, ran_out=True),
            ]
        done.append(Load(size.name, found.is_measured, found.needed_bytes, taken.total))
        measured = (measurement(size, card, found, piece, taken),)
    return done


def measurement(size: LlamaSize, card: Gpu, found: Plan, piece: int, taken: _Taken) -> Measurement:
    """What the start took, as the planner keeps it."""
    return Measurement(
        model=size.name,
        gpu=card.name,
        tensor_parallel=1,
        max_batched_tokens=piece,
        max_running=found.max_running,
        weight_bytes=taken.weight_bytes,
        overhead_bytes=max(0, taken.total - taken.context - taken.weight_bytes - taken.kv_bytes),
        outside_bytes=taken.context,
    )


def _used_on(index: int) -> int:
    """Bytes in use on a GPU, by whomever."""
    return next((gpu.memory_used_bytes or 0 for gpu in GpuReader().read() if gpu.index == index), 0)
