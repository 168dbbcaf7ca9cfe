"""A plan in English sentences for somebody who runs a box and knows no GPU from the inside.

The codes are stable; the page has its own sentences for them, in its languages.
"""

from __future__ import annotations

from collections.abc import Iterator

from inference.placement.wish import STAFF_PER_SLOT, ArithmeticLine, Plan, Wish

VERDICTS = {
    "fits": "It fits, with nothing given up.",
    "less_context": "It fits with less than was asked for.",
    "fp8_kv": "It fits when what it remembers of a conversation is kept in half the bytes.",
    "quantised": "As it is it does not fit; a smaller file of the same model does.",
    "two_gpus": "It fits when it is divided over several GPUs.",
    "cpu": "It runs on the processor, without a GPU.",
    "no": "It does not fit on this machine.",
}
GIVEN_UP = {
    "less_context": "A conversation can be {tokens:,} tokens long, not {wanted_tokens:,}: about {words:,} words.",
    "fewer_at_once": "{slots} answers are written at the same time, not {wanted_slots}; who comes then waits.",
    "model_context": "The model was made for {tokens:,} tokens at most.",
    "fp8_kv": "What it remembers of a conversation is kept in 8 bits instead of 16; answers hardly change.",
    "other_quantisation": "{model} is the same model with its weights rounded; it answers slightly less well.",
    "several_gpus": "{gpus} GPUs are taken; nothing else can use them meanwhile.",
    "slow_cpu": "A processor writes far slower than a GPU: a few words a second for each person.",
    "float16": "This GPU is too old for bfloat16; it computes in float16, which for a few models is less exact.",
    "fp8_unpacked": "This GPU stores 8-bit weights but does not compute with them: the memory is saved, no time is.",
    "unknown_architecture": "This kind of model is not known here; its figures were taken as large as they can be.",
    "gpu_too_small": "The GPU is too small for it. A smaller model, a file with fewer bits, or a larger GPU would do.",
    "gpu_unsuitable": "The GPU cannot run it: vLLM wants compute capability 7.5 or newer, 8.0 for FP8 and FP4 "
    "weights, and a number of GPUs that divides the model's attention.",
    "no_gpu": "There is no NVIDIA GPU here. A GGUF file of it would run on the processor.",
    "ram_too_small": "There is not enough free memory for it on this machine.",
}
STEPS = {
    "gpu_memory": "memory of {gpu}",
    "gpu_used": "in use there now, by the driver and others",
    "gpu_reserve": "left free for something else",
    "gpu_kept_free": "never touched, so that it cannot run out (utilisation {utilisation})",
    "ram_memory": "memory of this machine",
    "ram_used": "in use now",
    "ram_kept_free": "left free for the appliance itself",
    "cuda_context": "CUDA's own",
    "weights": "weights: {billions} billion parameters as {kind}{divided}",
    "activations": "computing {tokens:,} tokens at once, or choosing {running} next words out of {words:,}",
    "buffers": "buffers of the kernels",
    "graphs": "recorded computing steps (CUDA graphs)",
    "compute_buffer": "computing {tokens} tokens at once",
    "conversations": "{slots} conversations of {tokens:,} tokens, {each_mib:,} MiB each",
    "windowed_layers": "{layers} layers remember only the last {window:,} tokens",
}


def verdict_sentence(plan: Plan) -> str:
    """What it comes to."""
    return VERDICTS[plan.verdict]


def step_sentence(line: ArithmeticLine) -> str:
    """One line of the sum, without its number."""
    values = dict(line.values)
    parts = values.get("parts", 1)
    values["divided"] = f", divided over {parts} GPUs" if parts != 1 else ""
    return STEPS[line.code].format_map(values)


def given_up_sentences(plan: Plan, wish: Wish) -> Iterator[str]:
    """One for each code, in its order."""
    values = {
        "tokens": plan.context_tokens,
        "wanted_tokens": wish.context_tokens,
        "words": plan.context_tokens * 3 // 4,
        "slots": plan.slots,
        "wanted_slots": wish.wanted_slots,
        "gpus": len(plan.gpus),
        "model": plan.model,
    }
    yield from (GIVEN_UP[code].format_map(values) for code in plan.given_up)


def slots_sentence(wish: Wish) -> str:
    """How people became conversations at once."""
    if wish.slots is not None:
        return f"{wish.slots} conversations at once, as asked for."
    return (
        f"Of {wish.people} people about {wish.wanted_slots} ask at the same moment: 12 questions each in the busiest "
        f"hour and 20 s an answer are 1 in 15, with half of the places kept free 1 in {STAFF_PER_SLOT:g}."
    )
