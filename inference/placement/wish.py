"""What is asked of a placement, and what is answered: values only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Verdict = Literal["fits", "less_context", "fp8_kv", "quantised", "two_gpus", "cpu", "no"]
Engine = Literal["vllm", "llama_cpp", "ollama", "own"]
"""own: a process of the appliance itself, for embedders, rerankers and speech."""
KvWish = Literal["auto", "fp8"]

STAFF_PER_SLOT = 7.5
"""Of so many people one asks at the same moment, with half of the places kept free for a rush.

In the busiest hour everybody asks 12 questions and an answer takes 20 s: 12 x 20 / 3600 = 1 in 15 is being answered on
average. Assumed, not measured; the same as in deploy/fits.awk.
"""


@dataclass(frozen=True, slots=True)
class Wish:
    """context_tokens: of one conversation, question and answer together. people: who use the box, not all at once.

    slots: conversations answered together where that is known; None: by the number of people. kv_dtype: "fp8"
    asks for the halved cache, "auto" takes the model's own unless that does not fit. max_batched_tokens: of
    prompts, in one step; None: as vLLM chooses, by the GPU. max_running: requests that vLLM may run at once
    (--max-num-seqs); None: four for each slot, since most conversations are shorter than the longest.
    max_utilisation: the part of each GPU's memory that may be taken at most. reserve_bytes: to be left free on
    each GPU besides, for a model that comes later. takes_all: the cache gets what is left of the GPU; False:
    what the wish needs and no more. may_quantise: whether another file of the same model may be suggested.
    gguf_on_gpu: whether the llama.cpp or Ollama here computes on the GPU (the llama.cpp of this appliance does
    not). engine: for a GGUF file "llama_cpp" or "ollama"; safetensors are always vLLM's. tensor_parallel: so
    many GPUs and no other number; None: as few as do.
    """

    context_tokens: int = 16_384
    people: int = 20
    slots: int | None = None
    kv_dtype: KvWish = "auto"
    max_batched_tokens: int | None = None
    max_running: int | None = None
    max_utilisation: float = 0.92
    reserve_bytes: int = 0
    takes_all: bool = True
    may_quantise: bool = True
    gguf_on_gpu: bool = False
    engine: Engine | None = None
    tensor_parallel: int | None = None

    @property
    def wanted_slots(self) -> int:
        """Conversations that are to be answered together."""
        return self.slots or max(1, math.ceil(self.people / STAFF_PER_SLOT))


@dataclass(frozen=True, slots=True)
class ArithmeticLine:
    """One line of the sum. code: what it is, stable; values: the numbers of its sentence.

    size_bytes: of each GPU, or of RAM. kind: "have", what there is, negative where something is taken off it; "need",
    what the model takes (these add up to the plan's needed_bytes); "note", only told.
    """

    code: str
    size_bytes: int
    kind: Literal["have", "need", "note"] = "need"
    values: Mapping[str, int | float | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a model is to run here, or that it cannot.

    model: of which the figures are; another than was asked for where the verdict is "quantised". gpus: their
    indexes, as many as the model is divided over (tensor parallel); none: on the CPU. context_tokens: of each of
    the `slots` conversations. utilisation: for vLLM's --gpu-memory-utilization; 0 elsewhere. needed_bytes: of
    each GPU, or of RAM; available_bytes: what is free there for it. kv_tokens: that the cache holds at least.
    given_up: codes, `words.py` has their sentences. is_measured: a start on this GPU gave the figures.
    """

    model: str
    verdict: Verdict
    engine: Engine
    gpus: tuple[int, ...] = ()
    context_tokens: int = 0
    slots: int = 0
    kv_dtype: KvWish = "auto"
    utilisation: float = 0.0
    max_batched_tokens: int = 0
    max_running: int = 0
    needed_bytes: int = 0
    available_bytes: int = 0
    weight_bytes: int = 0
    kv_tokens: int = 0
    steps: tuple[ArithmeticLine, ...] = ()
    given_up: tuple[str, ...] = ()
    is_measured: bool = False

    @property
    def runs(self) -> bool:
        """Whether it can be started as it stands."""
        return self.verdict != "no"
