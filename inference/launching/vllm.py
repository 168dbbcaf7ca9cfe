"""The exact vLLM command of a plan. Pure; vLLM itself is never installed beside us.

It answers on a unix socket in the appliance's private folder, so that nobody goes past the gate: its key guards only
/v1, while /tokenize, /metrics and others stay open (vLLM's own security page). Flags as of vLLM 0.32 and 0.33.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from inference.launching.families import tool_call_parser
from inference.launching.launch import Job, Launch

SHUTDOWN_S = 30
_QUEUE_FENCE = 8  # requests above what the gate sends, before vLLM itself refuses

ENVIRONMENT: Mapping[str, str] = {
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "VLLM_MAX_N_SEQUENCES": "8",  # answers to one request; its default of 16,384 lets one request fill the engine
    "VLLM_MEDIA_URL_ALLOW_REDIRECTS": "0",
}


def vllm_launch(
    job: Job,
    program: Path | str,
    socket: Path,
    key: str,
    *,
    shares_card: bool = False,
    cache: Path | None = None,
) -> Launch:
    """program: the `vllm` to run. shares_card: something else has memory on its GPU. cache: for compiled kernels."""
    environment = {**ENVIRONMENT, "VLLM_API_KEY": key}
    if cache is not None:
        environment["VLLM_CACHE_ROOT"] = str(cache)
    if job.plan.gpus:
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, job.plan.gpus))
        environment["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # NVML counts in this order, CUDA by itself does not
    words = [str(program), "serve", str(job.path), "--uds", str(socket)]
    return Launch((*words, *vllm_flags(job, shares_card=shares_card)), socket, environment)


def vllm_flags(job: Job, *, shares_card: bool = False) -> tuple[str, ...]:
    """All that the plan decides, whatever the way to reach it."""
    plan = job.plan
    sequences = running_at_once(job)
    words = ["--served-model-name", *job.names]
    words += ["--max-model-len", str(plan.context_tokens)]
    words += _memory(job, shares_card=shares_card)
    words += ["--kv-cache-dtype", "fp8" if plan.kv_dtype == "fp8" else "auto"]
    if len(plan.gpus) > 1:
        words += ["--tensor-parallel-size", str(len(plan.gpus))]
    words += ["--max-num-seqs", str(sequences)]
    if plan.max_batched_tokens:
        words += ["--max-num-batched-tokens", str(plan.max_batched_tokens)]
    # Whose turn it is was decided before: its own line stays near empty, and a batch request gives way in memory.
    words += ["--scheduling-policy", "priority", "--max-num-queued-reqs", str(sequences + _QUEUE_FENCE)]
    words += ["--enable-prompt-tokens-details", "--enable-force-include-usage"]
    words += ["--shutdown-timeout", str(SHUTDOWN_S), "--disable-fastapi-docs", "--no-enable-log-requests"]
    words += ["--disable-uvicorn-access-log"]
    if job.kind == "embedding":
        return (*words, "--runner", "pooling")
    words.append("--enable-prefix-caching")
    parser = tool_call_parser(job.shape, job.names[0])
    if parser is not None:
        words += ["--enable-auto-tool-choice", "--tool-call-parser", parser]
    return tuple(words)


def running_at_once(job: Job) -> int:
    """Requests the engine may run together: more than the planned full-length ones, because few are so long.

    Its cache is laid out in pages and taken whole at the start, so more of them take no more of it.
    """
    return max(1, job.plan.slots, job.plan.max_running)


def _memory(job: Job, *, shares_card: bool) -> list[str]:
    """The share of the card, or where others use it too the cache's own size: a share would count theirs as well."""
    plan = job.plan
    if not plan.gpus:
        return []
    if not shares_card or not plan.kv_tokens:
        return ["--gpu-memory-utilization", f"{plan.utilisation:.2f}"]
    per_token = job.shape.kv_bytes_per_token(1.0 if plan.kv_dtype == "fp8" else 2.0)
    return ["--kv-cache-memory-bytes", str(per_token * plan.kv_tokens // len(plan.gpus))]
