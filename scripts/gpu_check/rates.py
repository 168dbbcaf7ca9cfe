"""Speech and embedding by their architectures' speed, in the interpreter that has PyTorch."""

from __future__ import annotations

import asyncio
import json
import subprocess
from typing import Any, Literal

from scripts.gpu_check.options import Options
from scripts.gpu_check.report import Line


async def measure_rates(
    options: Options, kind: Literal["speech", "embedding"]
) -> tuple[list[Line], list[dict[str, Any]]]:
    """One line a model and batch. Raises RuntimeError with what went wrong."""
    process = await asyncio.create_subprocess_exec(
        *(str(options.torch_python), "-P", "-m", "scripts.gpu_check.rates_loads", kind),
        *("--device", options.device, "--seconds", str(options.seconds / 2)),
        *(() if options.is_on_gpu else ("--smallest",)),
        env=options.torch_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await process.communicate()
    if process.returncode:
        raise RuntimeError(err.decode(errors="replace")[-3000:])
    found: list[dict[str, Any]] = json.loads(out.decode().strip().splitlines()[-1])
    return [_line(kind, one) for one in found], found


def _line(kind: str, one: dict[str, Any]) -> Line:
    if kind == "speech":
        figure = f"**{one['times_real_time']:,.0f} ×** real time"
        return Line(
            kind,
            f"Whisper {one['model']}, batch {one['batch']}",
            figure,
            "random weights, 100 tokens a window",
        )
    figure = f"**{one['texts_per_s']:,.0f}** texts/s"
    return Line(kind, f"{one['model']}, batch {one['batch']}", figure, "random weights, 128 tokens")
