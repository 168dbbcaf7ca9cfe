"""How long a prompt can be, which turns may go, and what engines say of prompts that are too long."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from inference.engines.ollama_cuts import cut_error, least_tokens
from inference.engines.openai_compatible import OpenAiCompatibleEngine
from inference.settings import OpenAiCompatibleSettings
from inference.tokenizing.bounds import TemplateCost, has_media, most_prompt_tokens
from inference.tokenizing.prompts import counted, texts_to_count
from inference.tokenizing.refusals import ToldTooLong, told_too_long
from inference.tokenizing.turns import old_turns, without
from inference.types import EngineRequest

FREE = TemplateCost(0, 0)


def byte_level() -> Tokenizer:
    """The worst that there is: every byte a token, and letters composed first, as Qwen's tokenizer does."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=256, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator([], trainer)
    return tokenizer


WORST = byte_level()


@given(st.text())
def test_no_text_has_more_tokens_than_the_bound(text: str) -> None:
    """Whatever the letters; composed ones may grow threefold."""
    text = text.encode("utf-8", "ignore").decode()
    counted_tokens = len(WORST.encode(text).ids)

    assert counted_tokens <= (
        most_prompt_tokens({"messages": [{"role": "user", "content": text}]}, FREE) or 0
    )
    assert counted_tokens <= (most_prompt_tokens({"prompt": text}, FREE) or 0)


def test_the_letter_that_grows_most_is_within_the_bound() -> None:
    """U+1D160, four bytes, becomes twelve when it is composed."""
    note = "\U0001d160" * 10

    assert len(unicodedata.normalize("NFC", note).encode()) == 120
    assert len(WORST.encode(note).ids) <= (most_prompt_tokens({"prompt": note}, FREE) or 0)


def test_a_template_s_own_words_count_for_each_message() -> None:
    """Measured on one message and on five, taken twice."""
    cost = TemplateCost.measured(12, 52, more=4)
    messages = [{"role": "user", "content": "abc"}] * 3

    assert cost == TemplateCost(56, 28)
    assert most_prompt_tokens({"messages": messages}, cost) == 56 + 3 * (28 + 3)


def test_tools_count_with_the_blanks_and_escapes_of_a_template() -> None:
    """The bound holds for tools that a template writes with an indent of four."""
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"a": {"b": {"c": ["<", "é"]}}}}}]
    written = orjson.dumps(tools, option=orjson.OPT_INDENT_2).decode().replace("  ", "    ")
    messages: list[dict[str, Any]] = [{"role": "user", "content": ""}]

    assert (most_prompt_tokens({"messages": messages, "tools": tools}, FREE) or 0) >= len(written.encode())


def test_pictures_have_no_bound_and_ids_are_counted() -> None:
    """What bytes cannot tell is left to the engine; token ids tell it at once."""
    picture = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]
    seen = {"messages": [{"role": "user", "content": picture}]}

    assert most_prompt_tokens(seen, FREE) is None
    assert has_media(seen)
    assert not has_media({"messages": [{"role": "user", "content": "words"}]})
    assert (most_prompt_tokens({"prompt": [[1, 2, 3], [4]]}, FREE) or 0) >= 3


def test_several_prompts_are_counted_one_by_one() -> None:
    """Texts by the engine, ids by themselves; one count that is missing makes all of them unknown."""
    assert texts_to_count({"prompt": ["a", "b"]}) == ["a", "b"]
    assert counted({"prompt": ["a", "b"]}, [3, 4]) is not None
    assert counted({"prompt": ["a", "b"]}, [3, None]) is None
    ids = counted({"prompt": [[1, 2, 3], [4]]}, [])
    assert ids is not None
    assert ids.tokens == (3, 1)


CHAT: list[dict[str, Any]] = [
    {"role": "system", "content": "s"},
    {"role": "user", "content": "old"},
    {"role": "assistant", "content": None, "tool_calls": [{"id": "c1"}]},
    {"role": "tool", "tool_call_id": "c1", "content": "x"},
    {"role": "developer", "content": "d"},
    {"role": "assistant", "content": "newer"},
    {"role": "user", "content": "mid"},
    {"role": "assistant", "content": "answer"},
    {"role": "user", "content": "now"},
    {"role": "assistant", "content": "begun"},
]


def test_only_whole_old_turns_may_go() -> None:
    """A call goes with its output; what was said to the system and the last question stay."""
    turns = old_turns(CHAT)

    assert turns == [(1, 2, 3, 5), (6, 7)]
    assert [m["content"] for m in without(CHAT, turns[:1])] == ["s", "d", "mid", "answer", "now", "begun"]
    assert [m["content"] for m in without(CHAT, turns)] == ["s", "d", "now", "begun"]


@given(st.lists(st.sampled_from(["system", "user", "assistant", "tool"]), max_size=12))
def test_turns_never_hold_the_last_question_or_a_system_line(roles: list[str]) -> None:
    """Whatever the order of a chat."""
    messages = [{"role": role, "content": str(place)} for place, role in enumerate(roles)]
    gone = [place for turn in old_turns(messages) for place in turn]

    assert gone == sorted(set(gone))
    assert all(roles[place] != "system" for place in gone)
    if "user" in roles:
        last = len(roles) - 1 - roles[::-1].index("user")
        assert all(place < last for place in gone)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (
            {
                "error": {
                    "code": 400,
                    "message": "request (600 tokens) exceeds the available context size (512 tokens)",
                    "type": "exceed_context_size_error",
                    "n_prompt_tokens": 600,
                    "n_ctx": 512,
                }
            },
            ToldTooLong(600, 512),
        ),
        (
            {
                "object": "error",
                "message": "This model's maximum context length is 512 tokens. However, you requested 612 tokens (600 "
                "in the messages, 12 in the completion). Please reduce the length of the messages or completion.",
                "type": "BadRequestError",
                "code": 400,
            },
            ToldTooLong(600, 512),
        ),
        ({"error": "the input length exceeds the context length"}, ToldTooLong()),
        ({"error": {"code": "context_length_exceeded", "message": "no"}}, ToldTooLong()),
        ({"error": {"code": 400, "message": "temperature must be positive"}}, None),
        ([1], None),
    ],
)
def test_every_engine_s_way_of_saying_too_long_is_understood(said: object, meant: ToldTooLong | None) -> None:
    """With the numbers where it tells them."""
    assert told_too_long(orjson.dumps(said)) == meant


def test_what_is_no_json_is_no_length() -> None:
    """A web page says nothing."""
    assert told_too_long(b"<html>maximum context length") is None


def test_a_prompt_that_ollama_cut_is_seen_in_its_own_count() -> None:
    """A run of one letter is no sign of length, and a count of zero means that all was kept from before."""
    prose = {"messages": [{"role": "user", "content": "the quick brown fox jumps " * 1000}]}
    least = least_tokens(prose)

    assert 1000 < least < 5000
    assert least_tokens({"messages": [{"role": "user", "content": "a" * 100_000}]}) == 0
    error = cut_error({"done": True, "prompt_eval_count": 512}, least, 512)
    assert error is not None
    assert error["code"] == "context_length_exceeded"
    assert cut_error({"done": True, "prompt_eval_count": least}, least, 512) is None
    assert cut_error({"done": True, "prompt_eval_count": 0}, least, 512) is None
    assert cut_error({"done": False}, least, 512) is None


async def test_a_tokenizer_file_counts_where_a_server_cannot(tmp_path: Path) -> None:
    """The texts alone, so the count says the least that the engine reads."""
    WORST.save(str(tmp_path / "tokenizer.json"))
    settings = OpenAiCompatibleSettings(
        engine="openai_compatible", base_url="http://127.0.0.1:1/v1", tokenizer=tmp_path / "tokenizer.json"
    )
    engine = OpenAiCompatibleEngine("e", settings, connections=None)  # type: ignore[arg-type]
    chat = {"messages": [{"role": "user", "content": " abc "}, {"role": "user", "content": [{"text": "de"}]}]}

    count = await engine.count_prompt(EngineRequest("chat/completions", chat))

    assert count is not None
    assert (count.tokens, count.is_exact) == ((5,), False)


async def test_a_tokenizer_that_cannot_be_read_counts_nothing(tmp_path: Path) -> None:
    """The request goes on, and the engine decides."""
    settings = OpenAiCompatibleSettings(
        engine="openai_compatible", base_url="http://127.0.0.1:1/v1", tokenizer=tmp_path / "missing.json"
    )
    engine = OpenAiCompatibleEngine("e", settings, connections=None)  # type: ignore[arg-type]

    assert await engine.count_prompt(EngineRequest("completions", {"prompt": "a"})) is None
