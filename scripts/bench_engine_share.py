"""How much of an engine's speed is left through the appliance: tokens a second and time to the first token, by turns.

    python -m scripts.bench_engine_share                                   # llama.cpp on this processor
    python -m scripts.bench_engine_share --vllm /opt/vllm/bin/vllm         # a vLLM built for the processor
    python -m scripts.bench_engine_share --url http://127.0.0.1:8000/v1 --model llama-3.1-8b --kind vllm --slots 64

Real engines with random weights, sized so that one stream goes at 20 to 100 tokens a second: alone it is a larger model
than among 64. The whole appliance stands before them: key, gate, ledger, metrics. Prints a Markdown table; a JSON file
beside it with --json. Everything shares the machine's cores: the engine takes one thread.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp

from inference.testing.vllm_process import ON_THE_CPU, vllm_process
from scripts.bench.before_engine import before_engine, compare
from scripts.bench.streams import Pairs, row
from scripts.bench.tables import circumstances, markdown
from scripts.make_random_gguf import small_size, write_random

ROOT = Path(__file__).resolve().parent.parent
MODEL = "measured"
DIMENSIONS = {1: (12, 768), 16: (6, 256), 64: (2, 192)}
"""Layers and width, by the streams that are to go at a person's pace on one thread."""
_CONTEXT = 1024


@asynccontextmanager
async def llama_cpp(folder: Path, streams: int) -> AsyncIterator[str]:
    """The address of one with a random model, ending in /v1."""
    path = folder / f"{streams}.gguf"
    if not path.exists():
        await asyncio.to_thread(write_random, path, small_size(*DIMENSIONS[streams]))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "inference.engines.llama_cpp_server"),
        *("--model", str(path), "--name", MODEL, "--port", "0", "--slots", str(streams), "--threads", "1"),
        *("--context-tokens", str(_CONTEXT), "--cache-ram-mib", "0"),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(120):
            line = (await process.stdout.readline()).decode()
        yield f"{line.rpartition(' ')[2].strip()}/v1"
    finally:
        process.kill()
        await process.wait()


@contextmanager
def vllm(command: Path, folder: Path, port: int) -> Iterator[str]:
    """The small trained model in a vLLM for the processor; its pace is vLLM's own, not a person's."""
    model = folder / "tiny-llama"
    convert = [sys.executable, str(ROOT / "scripts" / "gguf_to_transformers.py")]
    subprocess.run([*convert, str(ROOT / "appliance" / "demo" / "tiny-llama.gguf"), str(model)], check=True)
    arguments = ("--dtype", "float32", "--max-model-len", "4096", "--max-num-seqs", "64", "--enforce-eager")
    with vllm_process(
        command, model, port, name=MODEL, arguments=arguments, environment=ON_THE_CPU
    ) as base_url:
        yield base_url


async def measure(base_url: str, model: str, kind: str, streams: int, options: argparse.Namespace) -> Pairs:
    """One number of streams. The slots are at least the streams: nobody waits in our queue."""
    timeout = aiohttp.ClientTimeout(total=None, sock_read=300)
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        before_engine(base_url, model, max(options.slots, streams), kind) as before,
        aiohttp.ClientSession(timeout=timeout, connector=connector) as session,
    ):
        return await compare(session, before, streams, options.tokens, options.pairs, options.spread)


async def run(options: argparse.Namespace) -> list[Pairs]:
    """All numbers of streams, each beside its own engine where we start it."""
    done = []
    with tempfile.TemporaryDirectory(prefix="bench-share-") as name:
        folder = Path(name)
        if options.vllm is not None:
            with vllm(options.vllm, folder, options.port) as base_url:
                return [
                    await measure(base_url, MODEL, "vllm", streams, options) for streams in options.streams
                ]
        for streams in options.streams:
            if options.url:
                done.append(await measure(options.url, options.model, options.kind, streams, options))
                continue
            async with llama_cpp(folder, streams) as base_url:
                done.append(await measure(base_url, MODEL, "openai_compatible", streams, options))
    return done


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 16, 64], choices=DIMENSIONS)
    parser.add_argument("--tokens", type=int, default=160, help="of each answer (default: %(default)s)")
    parser.add_argument("--pairs", type=int, default=10, help="direct and through (default: %(default)s)")
    parser.add_argument(
        "--spread", type=float, default=1.0, help="seconds over which streams begin; 0: all at one instant"
    )
    parser.add_argument("--slots", type=int, default=64, help="that the gate may fill")
    parser.add_argument("--vllm", type=Path, metavar="COMMAND", help="start this vLLM on the processor")
    parser.add_argument("--port", type=int, default=18_400, help="for --vllm (default: %(default)s)")
    parser.add_argument("--url", default="", help="measure an engine that runs already; ends in /v1")
    parser.add_argument("--model", default=MODEL, help="its model's name there")
    parser.add_argument("--kind", default="openai_compatible", help="its kind, as in [engines.NAME]")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    return parser.parse_args()


def main() -> int:
    """Measure and print; 1 when a request failed."""
    options, load = parse_arguments(), os.getloadavg()
    done = asyncio.run(run(options))
    print(f"{circumstances(load)}\n\n{markdown([row(pairs) for pairs in done])}")
    figures = [pairs.figures() for pairs in done]
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    return 1 if any(one["failed"] for one in figures) else 0


if __name__ == "__main__":
    raise SystemExit(main())
