"""The prompt of an answer with sources, cut to what the model can really read. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from appliance.domain.answers import Citation
from appliance.domain.people import Language
from appliance.pipelines.texts import text
from inference.types import ChatMessage
from rag.documents import Passage

CountTokens = Callable[[str], int]
MESSAGE_OVERHEAD_TOKENS = 8  # role markers and separators of the usual chat templates
MIN_ANSWER_TOKENS = 64


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is sent, which passages got in, and how many earlier messages had to stay out, with their tokens."""

    messages: tuple[ChatMessage, ...]
    passages: tuple[Passage, ...]
    dropped_messages: int = 0
    dropped_tokens: int = 0


def label(place: Passage | Citation, language: Language) -> str:
    """How a place is called: document › heading · page, slide, time, or sheet and cells."""
    words, where = place.filename, place.location
    if where.heading:
        words += f" › {where.heading}"
    if where.sheet is not None:
        words += f" · {text(language, 'sheet', title=where.sheet)}"
        words += f" · {where.cells}" if where.cells else ""
    elif where.slide is not None:
        words += f" · {text(language, 'slide', number=where.slide)}"
    elif where.time is not None:
        words += f" · {where.time}"
    elif where.page is not None:
        words += f" · {text(language, 'page', number=where.page)}"
    return words


def pieces(
    history: Sequence[ChatMessage],
    passages: Sequence[Passage],
    language: Language,
    history_bytes: int,
    frame: str | None = None,
) -> list[str]:
    """The texts whose tokens `build` will ask for; of the history the last history_bytes."""
    texts = [frame or _frame(language), history[-1].content]
    texts += [numbered(number, passage, language) for number, passage in enumerate(passages, start=1)]
    for message in reversed(_spoken(history[:-1])):
        history_bytes -= len(message.content)
        if history_bytes < 0:
            break
        texts.append(message.content)
    return texts


def build(
    history: Sequence[ChatMessage],
    passages: Sequence[Passage],
    language: Language,
    budget_tokens: int,
    count_tokens: CountTokens,
    frame: str | None = None,
) -> Prompt:
    """Fill budget_tokens with the instructions and question, then passages from the best down, then recent history.

    history ends with the question. At least the first passage goes in, cut if it must be; earlier messages that do not
    fit stay out, oldest first.
    """
    question = history[-1].content
    frame = frame or _frame(language)
    left = budget_tokens - count_tokens(frame) - count_tokens(question) - 2 * MESSAGE_OVERHEAD_TOKENS
    kept: list[Passage] = []
    blocks: list[str] = []
    for number, passage in enumerate(passages, start=1):
        block = numbered(number, passage, language)
        cost = count_tokens(block)
        if cost > left:
            if kept or left < MIN_ANSWER_TOKENS:
                break
            block = block[: max(1, len(block) * left // cost)]
            cost = left
        blocks.append(block)
        kept.append(passage)
        left -= cost
    earlier, dropped, tokens = _recent(history[:-1], left, count_tokens)
    system = ChatMessage("system", frame + "\n".join(blocks))
    return Prompt((system, *earlier, ChatMessage("user", question)), tuple(kept), dropped, tokens)


def framed(instructions: str, language: Language) -> str:
    """The instructions, and the line below which passages stand."""
    return f"{instructions}\n\n{text(language, 'passages')}\n"


def _frame(language: Language) -> str:
    return framed(text(language, "system"), language)


def heeding(instructions: str, frame: str | None, language: Language) -> str:
    """What the asker wants every answer to heed, before the frame, which has the last word."""
    return f"{text(language, 'heed')}\n{instructions.strip()}\n\n{frame or _frame(language)}"


def numbered(number: int, passage: Passage, language: Language) -> str:
    """A passage as it stands in a prompt, under the number by which it is cited."""
    return f"[{number}] {label(passage, language)}\n{passage.text}\n"


def _spoken(history: Sequence[ChatMessage]) -> list[ChatMessage]:
    """What person and model said; a caller's own instructions do not replace ours."""
    return [message for message in history if message.role in ("user", "assistant")]


def _recent(
    history: Sequence[ChatMessage], left: int, count_tokens: CountTokens
) -> tuple[tuple[ChatMessage, ...], int, int]:
    spoken = _spoken(history)
    kept: list[ChatMessage] = []
    for message in reversed(spoken):
        cost = count_tokens(message.content) + MESSAGE_OVERHEAD_TOKENS
        if cost > left:
            break
        kept.append(message)
        left -= cost
    while kept and kept[-1].role != "user":  # a conversation starts with a person
        kept.pop()
    gone = spoken[: len(spoken) - len(kept)]
    tokens = sum(count_tokens(message.content) + MESSAGE_OVERHEAD_TOKENS for message in gone)
    return tuple(reversed(kept)), len(gone), tokens
