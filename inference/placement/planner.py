"""Whether a model fits on a machine, with how much context for how many at once: the arithmetic, and what is given up.

Pure: takes values and returns values. What cannot be known before a start is rounded up (see overheads.py for the
figures and where they come from); what a start really used replaces it (measured.py). An engine must never die
of memory.

The attempts are tried in one order, from nothing given up to hardly usable; the first that fits is the plan. A larger
GPU makes every attempt easier, so it never makes a plan worse.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from inference.gpus import Gpu
from inference.hardware import Hardware
from inference.models.model_shape import ModelShape
from inference.placement import cpu_sum, gpu_sum
from inference.placement.gpu_sum import Layout, lay_out
from inference.placement.measured import Measurement
from inference.placement.wish import ArithmeticLine, KvWish, Plan, Verdict, Wish

__all__ = ["ArithmeticLine", "Plan", "Wish", "plan"]

USEFUL_TOKENS = 8192
"""Of a conversation with passages from documents; less context than this, or than half the wish, is a last resort."""
LEAST_TOKENS = 2048
_PARTS = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """least: tokens below which it does not count. may_queue: fewer at once are taken rather than less context."""

    shape: ModelShape
    parts: int
    kv_dtype: KvWish
    least: int
    may_queue: bool = False


def plan(
    shape: ModelShape,
    hardware: Hardware,
    wish: Wish,
    alternatives: Sequence[ModelShape] = (),
    measured: Sequence[Measurement] = (),
) -> Plan:
    """The best way to run this model here.

    alternatives: the same model in other quantisations; only these can make the verdict "quantised", and only a GGUF
    file among them lets a model of safetensors run on the processor. measured: what starts here used.
    """
    asked = wish
    wish = replace(wish, context_tokens=min(wish.context_tokens, shape.longest_context))
    if shape.format == "gguf":
        return _in_one_piece(shape, shape, hardware, asked)
    gpus = sorted(
        (gpu for gpu in hardware.gpus if gpu.memory_bytes), key=lambda gpu: (-_free(gpu), gpu.index)
    )
    others = [other for other in alternatives if other.name != shape.name] if wish.may_quantise else []
    best: Layout | None = None
    for attempt in _attempts(shape, [other for other in others if other.format != "gguf"], gpus, wish):
        group = gpus[: attempt.parts]
        for batched_tokens in gpu_sum.batch_sizes(group, wish):
            layout = lay_out(attempt.shape, group, wish, attempt.kv_dtype, measured, batched_tokens)
            found = _fitted(attempt, layout, wish)
            if found is not None:
                return _made(shape, layout, asked, *found)
            if attempt.shape is shape and (best is None or layout.room_bytes > best.room_bytes):
                best = layout
    for other in sorted((other for other in others if other.format == "gguf"), key=_smallest_first):
        on_cpu = _in_one_piece(shape, other, hardware, asked)
        if on_cpu.runs:
            return on_cpu
    return _refusal(shape, best, gpus, wish)


def _attempts(
    shape: ModelShape, others: Sequence[ModelShape], gpus: Sequence[Gpu], wish: Wish
) -> Iterator[_Attempt]:
    """From nothing given up to hardly usable."""
    own = list(_ways(shape, gpus, wish))
    quantised = [way for other in sorted(others, key=_largest_first) for way in _ways(other, gpus, wish)]
    full = wish.context_tokens
    most, useful = (min(full, max(USEFUL_TOKENS, full * part // 4)) for part in (3, 2))
    for shape_, parts, kv_dtype in own:
        if parts == own[0][1] and kv_dtype == own[0][2]:
            yield _Attempt(shape_, parts, kv_dtype, full)
            yield _Attempt(shape_, parts, kv_dtype, most)
    for least in (full, useful):
        yield from (_Attempt(*way, least) for way in own)
        yield from (_Attempt(*way, least) for way in quantised)
    for least in (min(full, USEFUL_TOKENS), min(full, LEAST_TOKENS)):
        yield from (_Attempt(*way, least, may_queue=True) for way in own)
        yield from (_Attempt(*way, least, may_queue=True) for way in quantised)


def _ways(shape: ModelShape, gpus: Sequence[Gpu], wish: Wish) -> Iterator[tuple[ModelShape, int, KvWish]]:
    """GPUs and cache that are possible at all: one GPU first, its cache halved before a second GPU is taken."""
    for parts in _PARTS if wish.tensor_parallel is None else (wish.tensor_parallel,):
        group = gpus[:parts]
        if len(group) < parts or not gpu_sum.divides(shape, parts):
            continue
        if not all(gpu_sum.runs_on(shape, gpu) for gpu in group):
            continue
        if wish.kv_dtype == "auto":
            yield shape, parts, "auto"
        if all(gpu_sum.has_fp8_cache(gpu) for gpu in group):
            yield shape, parts, "fp8"


def _fitted(attempt: _Attempt, layout: Layout, wish: Wish) -> tuple[int, int] | None:
    """(slots, tokens) of an attempt that fits."""
    slots = wish.wanted_slots
    if attempt.may_queue:
        there = layout.cache.conversations(layout.room_bytes, attempt.least)
        return (min(slots, there), attempt.least) if there else None
    tokens = layout.cache.longest(layout.room_bytes, slots, wish.context_tokens)
    return (slots, tokens) if tokens >= attempt.least else None


def _made(asked: ModelShape, layout: Layout, wish: Wish, slots: int, tokens: int) -> Plan:
    shape, parts = layout.shape, len(layout.gpus)
    given_up = _given_up(asked, layout, wish, slots, tokens)
    needed = layout.needed_bytes(slots, tokens)
    utilisation = layout.utilisation
    if not wish.takes_all:
        usable = layout.budget_bytes / layout.utilisation
        utilisation = min(utilisation, -(-(needed - layout.outside_bytes) * 100 // int(usable)) / 100)
    room = int(layout.budget_bytes * utilisation / layout.utilisation) - layout.fixed_bytes
    return Plan(
        model=shape.name,
        verdict=_verdict(given_up),
        engine="vllm",
        gpus=tuple(gpu.index for gpu in layout.gpus),
        context_tokens=tokens,
        slots=slots,
        kv_dtype=layout.kv_dtype,
        utilisation=utilisation,
        max_batched_tokens=layout.batched_tokens,
        max_running=layout.running,
        needed_bytes=needed,
        available_bytes=layout.available_bytes,
        weight_bytes=layout.weight_bytes * parts,
        kv_tokens=max(slots * tokens, room * tokens // layout.cache.conversation_bytes(tokens)),
        steps=layout.steps(slots, tokens),
        given_up=given_up,
        is_measured=layout.is_measured,
    )


def _given_up(asked: ModelShape, layout: Layout, wish: Wish, slots: int, tokens: int) -> tuple[str, ...]:
    shape, gpu = layout.shape, layout.gpus[0]
    capability = gpu.compute_capability or gpu_sum.BF16_CAPABILITY
    codes = {
        "other_quantisation": shape is not asked,
        "several_gpus": len(layout.gpus) > 1,
        "fp8_kv": layout.kv_dtype == "fp8" and wish.kv_dtype != "fp8",
        "less_context": tokens < min(wish.context_tokens, shape.longest_context),
        "fewer_at_once": slots < wish.wanted_slots,
        "model_context": shape.longest_context < wish.context_tokens,
        "float16": shape.quantisation == "bf16" and capability < gpu_sum.BF16_CAPABILITY,
        "fp8_unpacked": shape.quantisation == "fp8" and capability < gpu_sum.FP8_CAPABILITY,
        "unknown_architecture": not shape.is_known,
    }
    return tuple(code for code, is_so in codes.items() if is_so)


def _verdict(given_up: Sequence[str]) -> Verdict:
    """By what weighs most of what is given up."""
    order: tuple[tuple[str, Verdict], ...] = (
        ("other_quantisation", "quantised"),
        ("several_gpus", "two_gpus"),
        ("less_context", "less_context"),
        ("fewer_at_once", "less_context"),
        ("fp8_kv", "fp8_kv"),
    )
    return next((verdict for code, verdict in order if code in given_up), "fits")


def _in_one_piece(asked: ModelShape, shape: ModelShape, hardware: Hardware, wish: Wish) -> Plan:
    """A GGUF file: whole on one GPU where llama.cpp or Ollama computes there, else on the processor."""
    full = min(wish.context_tokens, shape.longest_context)
    least = min(full, LEAST_TOKENS)
    gpus = sorted(
        (gpu for gpu in hardware.gpus if gpu.memory_bytes), key=lambda gpu: (-_free(gpu), gpu.index)
    )
    refused: Plan | None = None
    for gpu in (gpus[0] if gpus and wish.gguf_on_gpu else None, None):
        there = cpu_sum.reside(shape, wish, hardware.ram_bytes, hardware.ram_free_bytes, gpu)
        slots = wish.wanted_slots if gpu is not None else min(wish.wanted_slots, cpu_sum.MOST_SLOTS)
        tokens = there.cache.longest(there.room_bytes, slots, full)
        if tokens < least:
            slots, tokens = 1, there.cache.longest(there.room_bytes, 1, least)
        fits = tokens >= least
        told = tokens if fits else least
        codes = {
            "other_quantisation": shape is not asked,
            "less_context": fits and tokens < full,
            "fewer_at_once": fits and slots < wish.wanted_slots,
            "model_context": fits and shape.longest_context < wish.context_tokens,
            "slow_cpu": gpu is None,
            "unknown_architecture": not shape.is_known,
            "ram_too_small": not fits,
        }
        given_up = tuple(code for code, is_so in codes.items() if is_so)
        made = Plan(
            model=shape.name,
            verdict="no" if not fits else "cpu" if gpu is None else _verdict(given_up),
            engine=wish.engine or "llama_cpp",
            gpus=() if gpu is None else (gpu.index,),
            context_tokens=tokens if fits else 0,
            slots=slots if fits else 0,
            needed_bytes=there.needed_bytes(slots, told),
            available_bytes=there.available_bytes,
            weight_bytes=there.weight_bytes,
            kv_tokens=slots * tokens if fits else 0,
            steps=there.steps(slots, told),
            given_up=given_up,
        )
        if fits:
            return made
        refused = refused or made
    assert refused is not None
    return refused


def _refusal(shape: ModelShape, best: Layout | None, gpus: Sequence[Gpu], wish: Wish) -> Plan:
    """With the arithmetic of what came nearest."""
    if best is None:
        why = "no_gpu" if not gpus else "gpu_unsuitable"
        return Plan(shape.name, "no", "vllm", weight_bytes=shape.weight_bytes, given_up=(why,))
    tokens = min(wish.context_tokens, LEAST_TOKENS)
    return Plan(
        model=shape.name,
        verdict="no",
        engine="vllm",
        kv_dtype=best.kv_dtype,
        needed_bytes=best.needed_bytes(1, tokens),
        available_bytes=best.available_bytes,
        weight_bytes=best.weight_bytes * len(best.gpus),
        steps=best.steps(1, tokens),
        given_up=("gpu_too_small",),
        is_measured=best.is_measured,
    )


def _free(gpu: Gpu) -> int:
    return (gpu.memory_bytes or 0) - (gpu.memory_used_bytes or 0)


def _smallest_first(shape: ModelShape) -> int:
    """A processor writes the faster the fewer bytes it has to read for each word."""
    return shape.weight_bytes


def _largest_first(shape: ModelShape) -> int:
    return -shape.weight_bytes
