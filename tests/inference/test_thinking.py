"""Reasoning and answer told apart, however an engine sends them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.chat_chunks import parse_answer, read_chunks
from inference.thinking import Thinking, divided

ANSWERS = {
    "<think>\nTwo and two.\n</think>\n\nFour.": ("Two and two.", "Four."),
    "\n<think>a < b</think>Yes </think>": ("a < b", "Yes </think>"),
    "<thinking>Hm</thinking>\nNo": ("Hm", "No"),
    "<think>never ends": ("never ends", ""),
    "<think></think>Four.": ("", "Four."),
    "About the tag <think>: it opens.": ("", "About the tag <think>: it opens."),
    "<thin": ("", "<thin"),
    "  plain": ("", "  plain"),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_thought_at_the_beginning_is_no_part_of_the_answer(answer: str) -> None:
    """Only the tags that open an answer count; a thought that never ends is all there is."""
    assert divided(answer) == ANSWERS[answer]


@given(st.sampled_from(sorted(ANSWERS)), st.lists(st.integers(0, 40), max_size=6))
def test_where_the_pieces_are_cut_does_not_matter(answer: str, cuts: list[int]) -> None:
    """Half a tag is held back until it is known what it is."""
    edges = sorted({0, len(answer), *(cut for cut in cuts if cut < len(answer))})
    thinking, reasoning, text = Thinking(), "", ""

    for begin, end in pairwise(edges):
        thought, said = thinking.divide(answer[begin:end])
        reasoning, text = reasoning + thought, text + said
    thought, said = thinking.rest()

    assert ((reasoning + thought).rstrip(), text + said) == ANSWERS[answer]


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
async def test_reasoning_that_an_engine_sends_apart_stays_apart(name: str) -> None:
    """vLLM's and llama.cpp's names for it; the text is the answer alone."""

    async def frames() -> AsyncIterator[bytes]:
        for delta in ({name: "Two "}, {name: "and two."}, {"content": "Four."}, {}):
            yield b"data: " + orjson.dumps({"choices": [{"delta": delta}]}) + b"\n\n"
        yield b"data: [DONE]\n\n"

    chunks = [chunk async for chunk in read_chunks(frames())]

    assert "".join(chunk.reasoning for chunk in chunks) == "Two and two."
    assert "".join(chunk.text for chunk in chunks) == "Four."


def test_an_answer_that_was_not_streamed_is_divided_too() -> None:
    """The same of a whole message."""
    message = {"content": "<think>Hm</think>\n\nYes", "reasoning_content": None}

    chunk = parse_answer(orjson.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}))

    assert (chunk.reasoning, chunk.text, chunk.finish_reason) == ("Hm", "Yes", "stop")
