"""Prompts that fit, counted by the real llama.cpp with the small trained model, whose words are many tokens."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.domain.answers import AnswerRequest, Cited, Finished, TextDelta
from appliance.errors import QuestionTooLong
from appliance.pipelines.answer_with_sources import AnswerWithSources
from appliance.pipelines.fitting import fit, overestimate
from appliance.pipelines.prompting import MESSAGE_OVERHEAD_TOKENS, build
from inference.engines.connections import Connections
from inference.engines.llama_cpp import LlamaCppEngine
from inference.settings import LlamaCppSettings
from inference.types import ChatMessage, EngineRequest
from rag.analysis import Analyzer
from rag.documents import Passage
from rag.quoter import Quoter
from tests.appliance.test_answer_with_sources import CALLER, NoMeaning, OneBook
from tests.contracts.engines.rows import MODELS_FOLDER, llama_cpp_process

CONTEXT_TOKENS = 1024
QUESTION = "How many days of holiday does an employee have?"
LONG = "Every employee has 23 working days of holiday a year, cuándo ¿qué? 日本. "


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tiny() -> AsyncIterator[LlamaCppEngine]:
    """A model that reads 1,024 tokens."""
    with tempfile.TemporaryDirectory(prefix="fit-", dir="/tmp") as folder:
        settings = LlamaCppSettings(
            engine="llama_cpp",
            model_path=MODELS_FOLDER / "tiny-llama.gguf",
            model_name="tiny",
            socket_path=Path(folder) / "llama.sock",
            context_tokens=CONTEXT_TOKENS,
            slots=2,
            cache_ram_mib=16,
        )
        async with llama_cpp_process(settings):
            connections = Connections()
            yield LlamaCppEngine("tiny", settings, connections)
            await connections.close()


def passages(*texts: str) -> list[Passage]:
    """Pages of one document, best first."""
    return [
        Passage(
            number, uuid4(), "handbook.pdf", uuid4(), text, number, 0, len(text), ("Holidays",), "en", 1.0
        )
        for number, text in enumerate(texts, start=1)
    ]


def asked(*history: ChatMessage) -> AnswerRequest:
    """A question at the end of a conversation."""
    return AnswerRequest((*history, ChatMessage("user", QUESTION)), "answer-with-sources")


def talk(exchanges: int) -> list[ChatMessage]:
    """Questions and answers, the oldest first."""
    return [
        message
        for number in range(exchanges)
        for message in (ChatMessage("user", f"{number}? " + LONG), ChatMessage("assistant", LONG))
    ]


async def prompt_tokens(engine: LlamaCppEngine, messages: Sequence[ChatMessage], max_tokens: int) -> int:
    """What the engine itself says the prompt has; raises EngineRefused where it does not fit."""
    payload = {
        "model": "tiny",
        "messages": [{"role": message.role, "content": message.content} for message in messages],
        "max_tokens": 1,
    }
    usage = None
    async for chunk in engine.stream(EngineRequest("chat/completions", payload)):
        usage = chunk.usage or usage
    assert usage is not None
    assert usage.prompt_tokens + max_tokens <= CONTEXT_TOKENS
    return usage.prompt_tokens


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("texts", "exchanges"),
    [
        ([LONG * 40], 0),
        ([LONG * 2] * 8, 20),
        (["x" * 3000], 3),
        (["¿" * 2000, "日本" * 500], 50),
        (["Short."], 2),
    ],
    ids=["one long passage", "many passages", "a word without end", "few bytes a token", "all of it fits"],
)
async def test_no_prompt_is_too_long_for_the_model(
    tiny: LlamaCppEngine, texts: list[str], exchanges: int
) -> None:
    """Whatever passages and history are like, the engine accepts the prompt and the answer has its room."""
    fitted = await fit(asked(*talk(exchanges)), passages(*texts), "en", tiny)

    used = await prompt_tokens(tiny, fitted.prompt.messages, fitted.answer_tokens)
    assert used > 0 and fitted.prompt.passages
    assert fitted.prompt.messages[-1].content == QUESTION


@pytest.mark.asyncio(loop_scope="module")
async def test_the_room_there_is_is_used(tiny: LlamaCppEngine) -> None:
    """A long passage is cut to what fits, not to a guess: at most a tenth of the context stays empty."""
    fitted = await fit(asked(), passages(LONG * 40), "en", tiny)

    used = await prompt_tokens(tiny, fitted.prompt.messages, fitted.answer_tokens)
    assert used + fitted.answer_tokens >= 0.9 * CONTEXT_TOKENS


@pytest.mark.asyncio(loop_scope="module")
async def test_what_was_left_out_is_counted(tiny: LlamaCppEngine) -> None:
    """Earlier messages that do not fit stay out, the oldest first, and their number is told."""
    history = talk(20)

    fitted = await fit(asked(*history), passages("Short."), "en", tiny)

    kept = fitted.prompt.messages[1:-1]
    assert 0 < len(kept) < len(history)
    assert list(kept) == history[-len(kept) :]
    assert fitted.prompt.dropped_messages == len(history) - len(kept)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_question_longer_than_the_model_can_read_is_refused_by_name(tiny: LlamaCppEngine) -> None:
    """No passage would fit beside it, and an answer without one is not what this is for."""
    question = ChatMessage("user", LONG * 30)

    with pytest.raises(QuestionTooLong) as refused:
        await fit(AnswerRequest((question,), "answer-with-sources"), passages("Short."), "en", tiny)

    assert (refused.value.param, refused.value.code) == ("messages", "context_length_exceeded")
    assert "1024" in str(refused.value)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_real_model_s_answer_is_checked_sentence_by_sentence(tiny: LlamaCppEngine) -> None:
    """A model that talks nonsense is written down, told apart from the documents, and marked."""
    analyzer = Analyzer(("en", "es"))
    pipeline = AnswerWithSources(Quoter(NoMeaning(), analyzer), analyzer)

    events = [event async for event in pipeline.answer(CALLER, asked(*talk(20)), tiny, OneBook())]

    written = "".join(event.text for event in events if isinstance(event, TextDelta))
    cited, finished = events[-2], events[-1]
    assert isinstance(cited, Cited) and isinstance(finished, Finished)
    assert finished.kind == "written" and finished.usage.prompt_tokens > 0
    assert "history_cut" in finished.notes and finished.dropped_messages > 0
    supported = [(citation.start, citation.end) for citation in cited.citations]
    assert written.strip() and (cited.unsupported or supported)
    assert all(written[a:b].strip() for a, b in [*cited.unsupported, *supported])


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 4000), min_size=1, max_size=8),
    said=st.lists(st.integers(1, 2000), max_size=12),
    budget=st.integers(300, 6000),
)
def test_pieces_that_count_for_their_sum_never_exceed_the_budget(
    lengths: list[int], said: list[int], budget: int
) -> None:
    """Where a text's tokens are the sum of its parts', the prompt is within the budget or holds no passage."""
    history = [ChatMessage("user" if n % 2 == 0 else "assistant", "h" * size) for n, size in enumerate(said)]
    history = history[: len(history) // 2 * 2]

    prompt = build(
        [*history, ChatMessage("user", "q" * 30)], passages(*("p" * n for n in lengths)), "en", budget, len
    )

    if prompt.passages:
        used = sum(len(message.content) + MESSAGE_OVERHEAD_TOKENS for message in prompt.messages)
        assert used <= budget + len(prompt.passages)  # line ends between the passages
    assert prompt.dropped_messages + len(prompt.messages) - 2 == len(history)


def test_an_overestimate_is_never_nothing() -> None:
    """Even an empty text has its place."""
    assert overestimate("") == 1
