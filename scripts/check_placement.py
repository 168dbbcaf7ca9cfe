"""What the planner foresees beside what a running engine takes.

    python -m scripts.check_placement sweep                    # llama.cpp here, random models of several sizes
    python -m scripts.check_placement engine --pid 4242 --model /data/llama.gguf --context 8192 --slots 4
    python -m scripts.check_placement engine --pid 4242 --model /data/llama-3.1-8b --context 8192 --slots 4 --gpu 0

On the processor memory is what the process had resident at its most (VmHWM), mapped files included; on a GPU what NVML
says is in use there, by whomever. `sweep` reads a prompt of two steps in every slot before it looks. Prints Markdown.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from inference.gpus import GpuReader
from inference.hardware import Hardware, read_hardware
from inference.models.shape import describe_model
from inference.placement.planner import plan
from inference.placement.wish import Plan, Wish
from scripts.bench.tables import circumstances, markdown
from scripts.make_random_gguf import Quantisation, small_size, write_random

ROOT = Path(__file__).resolve().parent.parent
MIB = 1024**2
_READ_TOKENS = (
    1000  # of a prompt in every slot: the cache is taken at the start, buffers grow to two steps of 512
)


@dataclass(frozen=True, slots=True)
class Case:
    """A random model in llama.cpp. context_tokens: of each slot."""

    layers: int
    hidden: int
    quantisation: Quantisation
    vocabulary: int
    slots: int
    context_tokens: int


SWEEP = (
    Case(4, 256, "q8_0", 2048, 1, 2048),
    Case(4, 256, "q8_0", 2048, 4, 8192),
    Case(8, 512, "q8_0", 32_000, 1, 4096),
    Case(8, 512, "q8_0", 32_000, 4, 4096),
    Case(8, 512, "f16", 128_256, 2, 4096),
    Case(12, 768, "q8_0", 32_000, 1, 8192),
    Case(12, 768, "q8_0", 32_000, 8, 2048),
    Case(16, 1024, "q8_0", 32_000, 2, 4096),
    Case(16, 1024, "f16", 32_000, 1, 2048),
    Case(16, 2048, "q8_0", 64_000, 1, 2048),
)


@dataclass(frozen=True, slots=True)
class Compared:
    """Bytes. foreseen: by the plan; taken: by the process or on the GPU."""

    what: str
    verdict: str
    foreseen: int
    taken: int

    @property
    def error(self) -> float:
        """Positive: more was foreseen than taken."""
        return (self.foreseen - self.taken) / self.taken

    def row(self) -> dict[str, object]:
        return {
            "case": self.what,
            "verdict": self.verdict,
            "foreseen, MiB": f"{self.foreseen / MIB:,.0f}",
            "taken, MiB": f"{self.taken / MIB:,.0f}",
            "difference, MiB": f"{(self.foreseen - self.taken) / MIB:+,.0f}",
            "error": f"{self.error:+.1%}",
        }


def foreseen(model: Path, hardware: Hardware, slots: int, context_tokens: int) -> Plan:
    """The plan for just these settings. Raises ModelUnreadable."""
    wish = Wish(context_tokens, slots=slots, may_quantise=False)
    return plan(describe_model(model), hardware, wish)


def resident_bytes(pid: int) -> int:
    """The most that the process has had in memory, mapped files included."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(f"There is no process {pid}.")


async def sweep(cases: Sequence[Case]) -> list[Compared]:
    """One after the other, each in a process of its own."""
    found = []
    with tempfile.TemporaryDirectory(prefix="check-placement-") as folder:
        for case in cases:
            path = Path(folder) / "model.gguf"
            size = small_size(case.layers, case.hidden, case.vocabulary)
            await asyncio.to_thread(write_random, path, size, case.quantisation)
            made = foreseen(path, read_hardware(), case.slots, case.context_tokens)
            taken = await _loaded(path, case.slots, case.context_tokens)
            size_mib = path.stat().st_size / MIB
            what = f"{size.parameters / 1e6:,.0f} M {case.quantisation} ({size_mib:,.0f} MiB)"
            what += f", {case.slots} × {case.context_tokens:,} tokens"
            found.append(Compared(what, made.verdict, _of(made, case), taken))
            sys.stderr.write(f"{what}: {found[-1].error:+.1%}\n")
    return found


def _of(made: Plan, case: Case) -> int:
    """What the plan says for the case, also where it would rather run fewer slots at once."""
    conversations = next(step for step in made.steps if step.code == "conversations")
    slots = int(conversations.values["slots"])
    return made.needed_bytes + (case.slots - slots) * conversations.size_bytes // max(1, slots)


async def _loaded(path: Path, slots: int, context_tokens: int) -> int:
    async with _llama_cpp(path, slots, context_tokens) as (base_url, pid):
        timeout = aiohttp.ClientTimeout(total=1800)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            prompt = "a" * min(_READ_TOKENS, context_tokens // 2)  # every byte is a token in these models
            await asyncio.gather(
                *(_fill(session, base_url, f"{number}{prompt}"[: len(prompt)]) for number in range(slots))
            )
        return resident_bytes(pid)


async def _fill(session: aiohttp.ClientSession, base_url: str, prompt: str) -> None:
    body = {"model": "m", "max_tokens": 4, "messages": [{"role": "user", "content": prompt}]}
    async with session.post(f"{base_url}/chat/completions", json=body) as response:
        if response.status != 200:
            raise RuntimeError(f"llama.cpp answered {response.status}: {(await response.text())[:300]}")
        await response.read()


@asynccontextmanager
async def _llama_cpp(path: Path, slots: int, context_tokens: int) -> AsyncIterator[tuple[str, int]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "inference.engines.llama_cpp_server"),
        *("--model", str(path), "--name", "m", "--port", "0", "--slots", str(slots)),
        *("--context-tokens", str(context_tokens), "--cache-ram-mib", "0"),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        yield f"{line.rpartition(' ')[2].strip()}/v1", process.pid
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def running(options: argparse.Namespace) -> Compared:
    """One engine that runs already. On a GPU the plan is made for the card as if it were empty."""
    hardware = read_hardware()
    if options.gpu is None:
        made = foreseen(options.model, hardware, options.slots, options.context)
        taken = resident_bytes(options.pid)
    else:
        (gpu,) = [one for one in GpuReader().read() if one.index == options.gpu]
        taken = gpu.memory_used_bytes or 0
        empty = Hardware(
            gpus=tuple(one for one in hardware.gpus if one.index == options.gpu),
            ram_bytes=hardware.ram_bytes,
            ram_free_bytes=hardware.ram_free_bytes,
        )
        made = foreseen(options.model, empty, options.slots, options.context)
    what = f"{options.model.name}, {options.slots} × {options.context:,} tokens"
    return Compared(what, made.verdict, made.needed_bytes, taken)


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    modes = parser.add_subparsers(dest="mode", required=True)
    sweeping = modes.add_parser("sweep", help="random models in llama.cpp on this processor")
    sweeping.add_argument("--first", type=int, default=len(SWEEP), help="so many cases only")
    engine = modes.add_parser("engine", help="one engine that runs already")
    engine.add_argument("--pid", type=int, default=0, help="its process, without --gpu")
    engine.add_argument("--model", type=Path, required=True, help="GGUF file, or folder with safetensors")
    engine.add_argument("--context", type=int, required=True, help="tokens of one conversation")
    engine.add_argument("--slots", type=int, required=True, help="conversations at once")
    engine.add_argument("--gpu", type=int, help="its index, for NVML")
    return parser.parse_args()


def main() -> int:
    """Print the table; 1 where something took more than was foreseen."""
    options, load = parse_arguments(), os.getloadavg()
    found = asyncio.run(sweep(SWEEP[: options.first])) if options.mode == "sweep" else [running(options)]
    print(f"{circumstances(load)}\n\n{markdown([one.row() for one in found])}")
    return 1 if any(one.error < 0 for one in found) else 0


if __name__ == "__main__":
    raise SystemExit(main())
