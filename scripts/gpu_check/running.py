"""The parts in their order, the figures as JSON, and the table."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from inference.hardware import read_hardware
from scripts.gpu_check.memory import measure_memory
from scripts.gpu_check.options import Options
from scripts.gpu_check.rates import measure_rates
from scripts.gpu_check.report import Line, table
from scripts.gpu_check.serving import make_model, serving
from scripts.gpu_check.speed import measure_fairness, measure_speed

Found = tuple[list[Line], list[dict[str, Any]]]
_VERSIONS = (
    "import json, importlib.metadata as m, torch; print(json.dumps({'torch': torch.__version__,"
    " 'cuda': torch.version.cuda, 'transformers': m.version('transformers')}))"
)


@dataclass(slots=True)
class _Check:
    """What has been measured so far; shown and written after every part, since the next may take the machine away."""

    options: Options
    heading: str
    lines: list[Line] = field(default_factory=list)
    figures: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    failed: int = 0

    async def part(self, name: str, measure: Callable[[], Awaitable[Found]], what: str = "") -> None:
        sys.stderr.write(f"{name} {what}…\n")
        try:
            lines, figures = await measure()
        except Exception as error:  # one part's failure must not cost the others' figures
            traceback.print_exc()
            self.failed += 1
            lines, figures = [Line(name, what, "failed", _said(error))], []
        self.lines += lines
        self.figures.setdefault(name, []).extend(figures)
        if self.options.out is not None:
            told = {"heading": self.heading, "table": table(self.lines), "figures": self.figures}
            (self.options.out / "gpu_check.json").write_text(json.dumps(told, indent=1), encoding="utf-8")


def run(options: Options) -> int:
    """Everything asked for; 1 when a part failed."""
    check = _Check(options, heading(options))
    asyncio.run(_run(check))
    sys.stdout.write(f"{check.heading}\n\n{table(check.lines)}\n")
    return 1 if check.failed else 0


async def _run(check: _Check) -> None:
    options = check.options
    if {"speed", "fairness"} & set(options.parts):
        for size in options.sizes:
            await _served(check, size)
    if "memory" in options.parts:
        await check.part("memory", lambda: measure_memory(options))
    if "speech" in options.parts:
        await check.part("speech", lambda: measure_rates(options, "speech"))
    if "embedding" in options.parts:
        await check.part("embedding", lambda: measure_rates(options, "embedding"))


async def _served(check: _Check, size: str) -> None:
    """Both parts that need an engine, one start for the two."""
    options = check.options
    try:
        folder = await make_model(options, size)
        async with serving(options, folder) as served:
            if "speed" in options.parts:
                await check.part("speed", lambda: measure_speed(options, served, size), size)
            if "fairness" in options.parts:
                await check.part("fairness", lambda: measure_fairness(options, served, size), size)
    except (RuntimeError, TimeoutError, OSError) as error:
        message = _said(error)

        async def fail() -> Found:
            raise RuntimeError(message)

        await check.part("speed", fail, f"{size}: the engine")


def _said(error: Exception) -> str:
    """Its last words on one line; its name where it has none, as a timeout."""
    return str(error).strip().replace("\n", " ")[-200:] or type(error).__name__


def heading(options: Options) -> str:
    """Machine, versions and date, as a sentence."""
    hardware = read_hardware()
    cards = ", ".join(
        f"{gpu.name} {(gpu.memory_bytes or 0) / 1024**3:.0f} GiB, driver {gpu.driver}"
        for gpu in hardware.gpus
    )
    told = subprocess.run(
        [str(options.torch_python), "-c", _VERSIONS],
        capture_output=True,
        text=True,
        env=options.torch_environment(),
    )
    versions = json.loads(told.stdout) if told.returncode == 0 else {"torch": "none"}
    now = datetime.now(UTC)
    named = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    return (
        f"{now.day} {now:%B %Y %H:%M} UTC; {cards or 'no GPU'}; {hardware.cpu.model or platform.machine()}, "
        f"{hardware.cpu.cores} cores, {hardware.ram_bytes / 1024**3:.0f} GiB; {named}, aiohttp "
        f"{importlib.metadata.version('aiohttp')}, Python {platform.python_version()}; load average before "
        f"{os.getloadavg()[0]:.2f}; device {options.device}."
    )
