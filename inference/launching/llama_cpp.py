"""The command of our own llama.cpp server for a plan. Pure."""

from __future__ import annotations

import sys
from pathlib import Path

from inference.launching.launch import Job, Launch

_KEPT_PROMPTS_MIB = 256


def llama_cpp_launch(job: Job, socket: Path, *, threads: int = 0, packages: Path | None = None) -> Launch:
    """threads 0: half the cores. packages: folder that holds our packages."""
    plan = job.plan
    words = [sys.executable, "-P", "-m", "inference.engines.llama_cpp_server"]
    words += ["--model", str(job.path), "--name", job.names[0], "--socket", str(socket)]
    words += ["--slots", str(max(1, plan.slots)), "--context-tokens", str(plan.context_tokens)]
    words += ["--threads", str(threads), "--cache-ram-mib", str(_KEPT_PROMPTS_MIB)]
    if not plan.gpus:
        words += ["--gpu-layers", "0"]
    if job.kind == "embedding":
        words.append("--embedding")
    environment = {"PYTHONUNBUFFERED": "1", "MALLOC_ARENA_MAX": "2"}
    if packages is not None:
        environment["PYTHONPATH"] = str(packages)
    return Launch(tuple(words), socket, environment)
