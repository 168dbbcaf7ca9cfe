"""The planner: nothing fits that does not, more is never less, and each verdict has its case."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.gpus import Gpu
from inference.hardware import Cpu, Hardware
from inference.models.catalogue import Catalogue
from inference.models.model_shape import ModelShape
from inference.placement.gpu_sum import lay_out
from inference.placement.known_gpus import KNOWN, UnknownGpu, imagined
from inference.placement.kv_cache import BLOCK_TOKENS, kv_cache
from inference.placement.measured import Measurement
from inference.placement.overheads import GIB
from inference.placement.planner import Plan, Wish, plan
from inference.placement.words import GIVEN_UP, VERDICTS, given_up_sentences, step_sentence, verdict_sentence

CARDS = Catalogue()
VERDICT_ORDER = ["fits", "less_context", "fp8_kv", "two_gpus", "quantised", "cpu", "no"]


def shape_of(name: str) -> ModelShape:
    """Of a card."""
    card = CARDS.find(name)
    assert card is not None and card.shape is not None
    return card.shape


def box(gpus: str = "", ram_gib: int = 64, used_gib: float = 0) -> Hardware:
    """A machine with these GPUs, each with so much in use."""
    found = imagined(gpus) if gpus else ()
    used = tuple(replace(gpu, memory_used_bytes=int(used_gib * GIB)) for gpu in found)
    return Hardware(used, Cpu("", 8), ram_gib * GIB, ram_gib * GIB * 9 // 10, 500 * GIB)


def planned(
    name: str, gpus: str = "", wish: Wish | None = None, *, alone: bool = False, ram_gib: int = 64
) -> Plan:
    """alone: without the same model in other quantisations."""
    shape = shape_of(name)
    others = () if alone else CARDS.alternatives(shape)
    return plan(shape, box(gpus, ram_gib), wish or Wish(), others)


@pytest.mark.parametrize(
    ("name", "gpus", "wish", "verdict"),
    [
        ("llama-3.1-8b", "A100-80GB", Wish(), "fits"),
        ("llama-3.1-8b", "RTX 4090", Wish(), "less_context"),
        ("llama-3.1-8b", "RTX 4090", Wish(context_tokens=24_576), "fp8_kv"),
        ("llama-3.1-8b", "RTX 3090", Wish(context_tokens=32_768), "quantised"),
        ("llama-3.3-70b", "H100", Wish(), "quantised"),
        ("mixtral-8x7b", "A100-80GB x2", Wish(), "two_gpus"),
        ("llama-3.1-8b", "", Wish(), "cpu"),
        ("llama-3.1-405b", "RTX 4090 x2", Wish(), "no"),
        ("gpt-oss-20b", "T4", Wish(), "cpu"),
        ("llama-3.1-8b", "V100-32GB", Wish(), "cpu"),
        ("llama-3.2-3b-q4_k_m", "", Wish(), "cpu"),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value.context_tokens),
)
def test_each_verdict_has_its_case(name: str, gpus: str, wish: Wish, verdict: str) -> None:
    """As somebody who knows the cards would say it."""
    assert planned(name, gpus, wish).verdict == verdict


def test_the_smaller_file_is_named() -> None:
    """Which quantisation to get instead: the one that loses least and holds the whole wish."""
    assert planned("llama-3.3-70b", "H100").model == "llama-3.3-70b-awq"
    assert planned("llama-3.1-8b", "RTX 3090", Wish(context_tokens=24_576)).model == "llama-3.1-8b-fp8"


def test_fp8_is_offered_only_to_cards_that_compute_with_it() -> None:
    """The cache from compute capability 8.9 on; weights from 8.0, unpacked, and it is said."""
    on_ampere = planned("llama-3.1-8b-fp8", "RTX 3090")

    assert planned("llama-3.1-8b", "RTX 3090", Wish(context_tokens=32_768), alone=True).kv_dtype == "auto"
    assert on_ampere.runs and "fp8_unpacked" in on_ampere.given_up
    assert planned("llama-3.1-8b-fp8", "T4", alone=True).given_up == ("gpu_unsuitable",)
    assert "float16" in planned("llama-3.2-3b", "T4", alone=True).given_up


def test_keys_must_divide_over_the_gpus() -> None:
    """Qwen2.5 0.5B has 14 heads: two GPUs, not four."""
    small = shape_of("qwen2.5-0.5b")
    four = plan(small, box("RTX 4090 x4"), Wish(tensor_parallel=4))

    assert plan(small, box("RTX 4090 x4"), Wish(tensor_parallel=2)).gpus == (0, 1)
    assert (four.verdict, four.given_up) == ("no", ("gpu_unsuitable",))


def test_what_others_use_is_not_there() -> None:
    """An embedder or another engine on the card; the engine's share of the card is made smaller by as much."""
    free = planned("qwen2.5-7b", "RTX 4090")
    shape = shape_of("qwen2.5-7b")
    beside = plan(shape, box("RTX 4090", used_gib=4), Wish())

    assert beside.utilisation < free.utilisation
    assert beside.kv_tokens < free.kv_tokens
    assert plan(shape, box("RTX 4090", used_gib=12), Wish()).verdict == "no"
    assert plan(shape, box("RTX 4090"), Wish(reserve_bytes=4 * GIB)).kv_tokens < free.kv_tokens


def test_the_emptier_gpu_is_taken() -> None:
    """And named by its own number."""
    gpus = [replace(gpu, memory_used_bytes=(20 - 19 * gpu.index) * GIB) for gpu in imagined("RTX 4090 x2")]
    made = plan(shape_of("llama-3.2-3b"), replace(box(), gpus=tuple(gpus)), Wish())

    assert made.gpus == (1,)


def test_room_can_be_left_for_another_model() -> None:
    """takes_all=False asks vLLM for what the wish needs."""
    shape = shape_of("llama-3.2-3b")
    all_of_it, enough = (plan(shape, box("L40S"), Wish(takes_all=takes)) for takes in (True, False))

    assert enough.utilisation < all_of_it.utilisation / 2
    assert enough.slots * enough.context_tokens <= enough.kv_tokens < all_of_it.kv_tokens


def test_people_become_conversations_at_once() -> None:
    """One in fifteen is being answered in the busiest hour, and half of the places are kept free."""
    assert [Wish(people=people).wanted_slots for people in (1, 7, 8, 20, 100)] == [1, 1, 2, 3, 14]
    assert Wish(people=100, slots=4).wanted_slots == 4


def test_a_model_made_for_less_says_so() -> None:
    """Nobody is promised a context that the model never learned."""
    made = planned("phi-4", "A100-80GB", Wish(context_tokens=100_000))

    assert (made.context_tokens, "model_context" in made.given_up) == (16_384, True)


def test_windows_make_long_conversations_cheap() -> None:
    """gpt-oss keeps half of its layers only 128 tokens deep; Gemma 3 five of six, handed out in groups of ten."""
    windowed, full = shape_of("gpt-oss-20b"), replace(shape_of("gpt-oss-20b"), windowed_layers=0)
    gemma = kv_cache(shape_of("gemma-3-27b"), "auto")

    long = 131_072
    assert kv_cache(windowed, "auto").conversation_bytes(long) < 0.6 * kv_cache(
        full, "auto"
    ).conversation_bytes(long)
    assert (gemma.full, gemma.windowed) == (10, 60)


def test_a_latent_is_on_every_gpu_whole() -> None:
    """Dividing DeepSeek over eight GPUs divides its weights, not what it remembers."""
    latent = replace(shape_of("llama-3.1-70b"), latent_dim=576)

    assert kv_cache(latent, "auto", 8) == kv_cache(latent, "auto", 1)
    assert kv_cache(latent, "fp8").token_bytes == 576


def test_a_gguf_runs_on_the_gpu_where_the_engine_does() -> None:
    """Ollama's may; the llama.cpp of the appliance computes on the processor."""
    shape = shape_of("llama-3.1-8b-q4_k_m")
    there = plan(shape, box("RTX 4090"), Wish(gguf_on_gpu=True, engine="ollama"))

    assert (there.verdict, there.engine, there.gpus) == ("fits", "ollama", (0,))
    assert plan(shape, box("RTX 4090"), Wish()).verdict == "cpu"


def test_too_little_ram_is_a_no_with_the_sum() -> None:
    """Also on the processor nothing is promised that does not fit."""
    made = planned("llama-3.1-70b-q4_k_m", ram_gib=32)

    assert (made.verdict, "ram_too_small" in made.given_up) == ("no", True)
    assert made.needed_bytes > made.available_bytes


def test_a_measured_start_replaces_the_estimate() -> None:
    """For the same model, GPU and settings; anything else is estimated on."""
    shape = shape_of("llama-3.1-8b")
    guessed = plan(shape, box("A100-80GB"), Wish())
    known = Measurement(
        "llama-3.1-8b",
        "A100-80GB",
        1,
        guessed.max_batched_tokens,
        guessed.max_running,
        weight_bytes=int(15.0 * GIB),
        overhead_bytes=int(1.2 * GIB),
        outside_bytes=int(0.7 * GIB),
    )
    learned = plan(shape, box("A100-80GB"), Wish(), measured=[known])
    other = plan(shape, box("H100"), Wish(), measured=[known])

    assert (learned.is_measured, other.is_measured, guessed.is_measured) == (True, False, False)
    assert learned.weight_bytes == known.weight_bytes
    assert learned.needed_bytes < guessed.needed_bytes


wishes = st.builds(
    Wish,
    context_tokens=st.integers(256, 300_000),
    people=st.integers(1, 500),
    max_running=st.none() | st.integers(1, 512),
    takes_all=st.booleans(),
    reserve_bytes=st.integers(0, 8 * GIB),
)
models = st.sampled_from([card.name for card in CARDS.cards if card.shape is not None])
gpu_sets = st.sampled_from(
    ["", "RTX 3060", "T4", "RTX 4090", "L40S", "A100-80GB", "H200", "RTX 3090 x2", "A100-80GB x4"]
)


@settings(max_examples=300, deadline=None)
@given(name=models, gpus=gpu_sets, wish=wishes, used=st.integers(0, 20), alone=st.booleans())
def test_a_plan_that_runs_fits(name: str, gpus: str, wish: Wish, used: int, alone: bool) -> None:
    """Its lines add up, the sum is within what there is, and every code has its words."""
    shape = shape_of(name)
    machine = box(gpus, used_gib=used)
    made = plan(shape, machine, wish, () if alone else CARDS.alternatives(shape))

    need = sum(line.size_bytes for line in made.steps if line.kind == "need")
    have = sum(line.size_bytes for line in made.steps if line.kind == "have")
    assert need == made.needed_bytes and (not made.steps or max(0, have) == made.available_bytes)
    if made.runs:
        assert made.needed_bytes <= made.available_bytes
        assert made.slots >= 1 and made.kv_tokens >= made.slots * made.context_tokens
        assert 1 <= made.context_tokens <= min(wish.context_tokens, shape.longest_context)
    else:
        assert made.given_up and (not made.steps or made.needed_bytes > made.available_bytes)
    for index in made.gpus:
        gpu = machine.gpus[index]
        assert made.needed_bytes <= (gpu.memory_bytes or 0) - (gpu.memory_used_bytes or 0)
    if made.engine == "vllm" and made.runs:
        assert 0 < made.utilisation <= wish.max_utilisation
    assert all(list(given_up_sentences(made, wish))) and all(step_sentence(line) for line in made.steps)
    assert made.verdict in VERDICTS and verdict_sentence(made) and set(made.given_up) <= set(GIVEN_UP)


@settings(max_examples=150, deadline=None)
@given(name=models, wish=wishes, more=st.integers(1, 100_000), people=st.integers(0, 200))
def test_more_never_needs_less(name: str, wish: Wish, more: int, people: int) -> None:
    """More context or more people, on the same GPU, in the same way."""
    shape = shape_of(name)
    longer = replace(wish, context_tokens=wish.context_tokens + more, people=wish.people + people)
    gpus = imagined("A100-80GB")

    less, greater = (
        lay_out(shape, gpus, one).needed_bytes(one.wanted_slots, one.context_tokens) for one in (wish, longer)
    )
    assert less <= greater


@settings(max_examples=150, deadline=None)
@given(
    name=models,
    wish=wishes,
    memory_mib=st.integers(4_000, 150_000),
    more_mib=st.integers(0, 80_000),
    alone=st.booleans(),
)
def test_a_larger_gpu_never_makes_a_plan_worse(
    name: str, wish: Wish, memory_mib: int, more_mib: int, alone: bool
) -> None:
    """Neither the verdict, nor what a conversation gets where the verdict stays the same."""
    shape = shape_of(name)
    others = () if alone else CARDS.alternatives(shape)
    card = Gpu(0, "GPU", "", memory_bytes=0, memory_used_bytes=0, compute_capability=(9, 0))
    before, after = (
        plan(shape, replace(box(), gpus=(replace(card, memory_bytes=mib << 20),)), wish, others)
        for mib in (memory_mib, memory_mib + more_mib)
    )

    def rank(made: Plan) -> int:
        return VERDICT_ORDER.index(made.verdict)

    if before.verdict in ("fits", "fp8_kv") or before.runs != after.runs:
        assert rank(after) <= rank(before)
    if (before.model, before.kv_dtype, before.slots) == (
        after.model,
        after.kv_dtype,
        after.slots,
    ) and before.runs:
        assert after.context_tokens >= before.context_tokens


@settings(max_examples=200, deadline=None)
@given(
    room=st.integers(0, 60 * GIB),
    slots=st.integers(1, 64),
    name=st.sampled_from(["llama-3.1-8b", "gpt-oss-20b", "gemma-3-27b"]),
)
def test_the_longest_context_is_the_longest(room: int, slots: int, name: str) -> None:
    """It fits, and one block more would not."""
    cache = kv_cache(shape_of(name), "auto")
    tokens = cache.longest(room, slots, 131_072)

    assert slots * cache.conversation_bytes(tokens) <= room or tokens == 0
    if 0 < tokens < 131_072 - BLOCK_TOKENS:
        assert slots * cache.conversation_bytes(tokens + BLOCK_TOKENS) > room


@pytest.mark.parametrize(
    "words", ["A100-80GB x2", "2x A100 80GB", "2 × NVIDIA A100-SXM4-80GB", "a100 80gb x 2"]
)
def test_gpus_are_known_by_the_names_people_use(words: str) -> None:
    """However they write it."""
    assert [(gpu.name, gpu.index) for gpu in imagined(words)] == [("A100-80GB", 0), ("A100-80GB", 1)]


def test_every_known_gpu_is_found_by_its_own_name() -> None:
    """And nobody else's."""
    assert all(imagined(name)[0].name == name for name in KNOWN)
    for words in ("", "Voodoo 2", "x2", "RTX 4090 x0", "RTX 4090 x99", "é" * 100):
        with pytest.raises(UnknownGpu, match="names no GPU"):
            imagined(words)
