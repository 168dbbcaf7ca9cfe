"""What is asked of a check, and where it runs."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from scripts.gpu_check.shapes import SIZES

ROOT = Path(__file__).resolve().parent.parent.parent
PARTS = ("speed", "fairness", "memory", "speech", "embedding")


@dataclass(frozen=True, slots=True)
class Options:
    """seconds: that each part may take, about. folder: for models, emptied by nobody. out: for the figures as JSON."""

    device: str
    sizes: tuple[str, ...]
    parts: tuple[str, ...]
    engine: str
    torch_python: Path
    vllm: Path | None
    folder: Path
    out: Path | None
    wheels: Path | None
    seconds: float
    loads: int
    is_quick: bool

    @property
    def is_on_gpu(self) -> bool:
        return self.device.startswith("cuda")

    def torch_environment(self) -> dict[str, str]:
        """For the processes that compute: our own modules, and nothing of the appliance's packages."""
        return {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "HF_HUB_OFFLINE": "1",
            "TOKENIZERS_PARALLELISM": "false",
        }


def parse(arguments: list[str] | None = None) -> Options:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python scripts/gpu_check.py", description=__doc__)
    parser.add_argument("--part", action="append", choices=PARTS, help="only this one; may be repeated")
    parser.add_argument(
        "--size", action="append", choices=SIZES, help="of the chat models (default: 1b and 8b)"
    )
    parser.add_argument("--device", default="cuda", help="cuda, or cpu to try it out (default: %(default)s)")
    parser.add_argument(
        "--engine", choices=("auto", "vllm", "own"), default="auto", help="auto: vLLM if it is there"
    )
    parser.add_argument("--vllm", type=Path, help="its command (default: found on PATH)")
    parser.add_argument(
        "--torch-python", type=Path, default=Path(sys.executable), help="interpreter with PyTorch"
    )
    parser.add_argument("--folder", type=Path, default=Path("/tmp/gpu-check-models"), help="for the models")
    parser.add_argument("--wheels", type=Path, help="folder of wheels that this machine lacks")
    parser.add_argument(
        "--seconds", type=float, default=90.0, help="of each part, about (default: %(default)s)"
    )
    parser.add_argument("--loads", type=int, default=200, help="of the memory check (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="a fifth of it")
    told = parser.parse_args(arguments)
    out = os.environ.get("OUT")
    return Options(
        device=told.device,
        sizes=tuple(told.size or ("1b", "8b")),
        parts=tuple(told.part or PARTS),
        engine=told.engine,
        torch_python=told.torch_python,
        vllm=told.vllm,
        folder=told.folder,
        out=Path(out) if out else None,
        wheels=told.wheels,
        seconds=told.seconds / (5 if told.quick else 1),
        loads=max(4, told.loads // (10 if told.quick else 1)),
        is_quick=told.quick,
    )
