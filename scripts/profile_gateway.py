"""Where the gateway's processor time goes: samples of its process under load, by package and by function.

    python scripts/profile_gateway.py                 # 20 s each: 16 requests at once not streamed, 64 streams
    python scripts/profile_gateway.py requests --seconds 10 --top 40

Needs py-spy (`uv tool install py-spy`) and the right to look into a process of one's own (root, or ptrace_scope 0).
`self` is a function's own share of the samples in which the process worked, with the C code it calls (the event loop's
own stands at `asyncio/runners.py:Runner.run`); `with callees` adds what it called in Python.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import uvloop
from bench.tables import Row, circumstances, markdown
from bench.targets import Measured, appliance, modelled_engine

_ROOT = str(Path(__file__).resolve().parent.parent)
_FRAME = re.compile(r"(?P<name>.+) \((?P<file>.+?):(?P<line>\d+)\)$")
_IDLE_THREAD = "_worker (concurrent/futures/thread.py"  # waits for work in C; py-spy takes that for work
_RATE = 500  # samples a second


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("loads", nargs="*", choices=["requests", "streams", []], help="default: both")
    parser.add_argument("--seconds", type=int, default=20, help="of each profile (default: %(default)s)")
    parser.add_argument("--top", type=int, default=25, help="functions to show (default: %(default)s)")
    parser.add_argument("--py-spy", default=shutil.which("py-spy"), help="default: the one on PATH")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep the raw stacks there, for flamegraph.pl"
    )
    arguments = parser.parse_args()
    if arguments.py_spy is None:
        parser.error(
            "py-spy is not on PATH. Install it with `uv tool install py-spy`, or name it by --py-spy."
        )
    return arguments


async def run(arguments: argparse.Namespace) -> None:
    """Both loads, one after the other."""
    async with modelled_engine() as engine, appliance(engine.base_url) as measured:
        for name in arguments.loads or ["requests", "streams"]:
            load = os.getloadavg()
            if name == "requests":
                await engine.change(slots=512, ttft_ms=0, token_ms=0)
                stacks = await profiled(measured, arguments, 16, tokens=16, is_stream=False)
            else:
                await engine.change(slots=512, ttft_ms=50, token_ms=20)
                stacks = await profiled(measured, arguments, 64, tokens=100, is_stream=True)
            show(name, stacks, arguments.top, load)
            if arguments.keep is not None:
                lines = (f"{';'.join(stack)} {count}\n" for stack, count in stacks.items())
                (arguments.keep / f"{name}.txt").write_text("".join(lines), encoding="utf-8")


async def profiled(
    measured: Measured, arguments: argparse.Namespace, concurrency: int, *, tokens: int, is_stream: bool
) -> Counter[tuple[str, ...]]:
    """Samples by stack, outermost frame first, taken while so many clients ask again and again."""
    keys = measured.target.keys

    async def client(number: int) -> None:
        while True:
            await measured.target.ask(keys[number % len(keys)], tokens, is_stream=is_stream)

    clients = [asyncio.create_task(client(number)) for number in range(concurrency)]
    await asyncio.sleep(1.0)  # connections and caches
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stacks.txt"
        words = [arguments.py_spy, "record", "-f", "raw", "-r", str(_RATE), "-d", str(arguments.seconds)]
        process = await asyncio.create_subprocess_exec(
            *words,
            "-o",
            str(path),
            "-p",
            str(measured.pids["gateway"][0]),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        _, errors = await process.communicate()
        for task in clients:
            task.cancel()
        for task in clients:
            with suppress(asyncio.CancelledError):
                await task
        if process.returncode != 0:
            sys.exit(f"py-spy failed: {errors.decode().strip()}")
        return read_stacks(path.read_text(encoding="utf-8"))


def read_stacks(raw: str) -> Counter[tuple[str, ...]]:
    """py-spy's raw format: frames divided by semicolons, a space, the number of samples."""
    stacks: Counter[tuple[str, ...]] = Counter()
    for line in raw.splitlines():
        frames, _, count = line.rpartition(" ")
        if not frames.rpartition(";")[2].startswith(_IDLE_THREAD):
            stacks[tuple(frames.split(";"))] += int(count)
    return stacks


def show(name: str, stacks: Counter[tuple[str, ...]], top: int, load: tuple[float, float, float]) -> None:
    """Two tables: packages by their own time, functions by both."""
    total = sum(stacks.values())
    own: Counter[str] = Counter()
    packages: Counter[str] = Counter()
    inclusive: Counter[str] = Counter()
    for stack, count in stacks.items():
        functions = [_function(frame) for frame in stack]
        own[functions[-1]] += count
        packages[functions[-1].rpartition(":")[0]] += count
        for function in set(functions):
            inclusive[function] += count
    by_package: Sequence[Row] = [
        {"module": module, "self": f"{count / total:.1%}"} for module, count in packages.most_common(top)
    ]
    by_function: Sequence[Row] = [
        {"function": one, "self": f"{own[one] / total:.1%}", "with callees": f"{count / total:.1%}"}
        for one, count in inclusive.most_common()
        if count / total >= 0.01
    ][: 3 * top]
    print(f"\n### {name}: {total} samples of a working process\n{circumstances(load)}\n")
    print(markdown(by_package), markdown(by_function), sep="\n\n", flush=True)


def _function(frame: str) -> str:
    """`package/module:function`, without lines and without where it is installed."""
    found = _FRAME.match(frame)
    if found is None:
        return f":{frame}"
    file = found["file"].removeprefix(f"{_ROOT}/")
    return f"{re.sub(r'^.*(site-packages|python3[.0-9]*)/', '', file)}:{found['name']}"


def main() -> int:
    """Profile and print."""
    uvloop.run(run(parse_arguments()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
