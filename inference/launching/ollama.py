"""A plan as settings of an Ollama server: what it reads when it starts, and what is asked of it with every request.

Pure. By itself Ollama answers one request at a time, chooses the context by the graphics memory and cuts longer prompts
silently; all three are said explicitly here.
"""

from __future__ import annotations

from collections.abc import Mapping

from inference.launching.launch import Job

_KEEP_ALIVE = "30m"


def ollama_environment(job: Job) -> Mapping[str, str]:
    """For the server's process. Memory grows with parallel slots times context."""
    return {
        "OLLAMA_NUM_PARALLEL": str(max(1, job.plan.slots)),
        "OLLAMA_CONTEXT_LENGTH": str(job.plan.context_tokens),
        "OLLAMA_KEEP_ALIVE": _KEEP_ALIVE,
        "OLLAMA_KV_CACHE_TYPE": "q8_0" if job.plan.kv_dtype == "fp8" else "f16",
        "OLLAMA_FLASH_ATTENTION": "1",
        "OLLAMA_MAX_QUEUE": str(max(1, job.plan.slots) + 8),
        "OLLAMA_NO_CLOUD": "1",
    }


def ollama_drop_in(job: Job) -> str:
    """For /etc/systemd/system/ollama.service.d/appliance.conf."""
    lines = [f'Environment="{name}={value}"' for name, value in ollama_environment(job).items()]
    return "\n".join(["[Service]", *lines]) + "\n"


def ollama_section(job: Job, name: str) -> str:
    """The appliance.toml section that agrees with it."""
    return (
        f"[engines.{name}]\n"
        'engine = "ollama"\n'
        f"context_tokens = {job.plan.context_tokens}\n"
        f"max_running = {max(1, job.plan.slots)}\n"
        f'keep_alive = "{_KEEP_ALIVE}"\n'
    )


def ollama_load(job: Job) -> Mapping[str, object]:
    """The body of `POST /api/generate` that loads it with this context; an empty prompt makes no token."""
    return {
        "model": job.names[0],
        "prompt": "",
        "stream": False,
        "keep_alive": _KEEP_ALIVE,
        "options": {"num_ctx": job.plan.context_tokens},
    }
