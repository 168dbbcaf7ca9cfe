"""What a model thinks aloud in its answer, `<think>…</think>`, told apart from the answer itself.

Engines with a parser for it send reasoning apart; others leave the tags in the text. They count at its very
beginning only, so an answer about the tags stays whole.
"""

from __future__ import annotations

_OPENS = ("<think>", "<thinking>")
_ENDS = {"<think>": "</think>", "<thinking>": "</thinking>"}


class Thinking:
    """Divides the pieces of one streamed answer. Pieces may be cut anywhere."""

    def __init__(self) -> None:
        self._held = ""
        self._end = ""
        self._is_over = False
        self._is_first = False
        self._has_thought = False

    def divide(self, piece: str) -> tuple[str, str]:
        """(reasoning, text) that are certain now; what may be half a tag is held back."""
        if self._is_over and not self._is_first:
            return "", piece
        self._held += piece
        if not self._end and not self._is_over and not self._begins():
            return "", ""
        reasoning = self._thought() if self._end and not self._is_over else ""
        return reasoning, self._text() if self._is_over else ""

    def rest(self) -> tuple[str, str]:
        """What was held back when the stream ended."""
        held, self._held = self._held, ""
        if self._is_over or not self._end:
            return "", held
        return held, ""

    def _begins(self) -> bool:
        """Whether it is known how the answer begins."""
        start = self._held.lstrip()
        for tag in _OPENS:
            if start.startswith(tag):
                self._end, self._held = _ENDS[tag], start.removeprefix(tag)
                return True
        if any(tag.startswith(start) for tag in _OPENS):
            return False
        self._is_over = True
        return True

    def _thought(self) -> str:
        if not self._has_thought:
            self._held = self._held.lstrip("\n")
        thought, end, after = self._held.partition(self._end)
        if end:
            self._is_over = self._is_first = True
            self._held = after
            return thought.rstrip()
        safe = len(self._held) - max(
            (n for n in range(1, len(self._end)) if self._held.endswith(self._end[:n])), default=0
        )
        thought, self._held = self._held[:safe], self._held[safe:]
        self._has_thought = self._has_thought or bool(thought)
        return thought

    def _text(self) -> str:
        """The blank lines between the thought and the answer belong to neither."""
        text = self._held.lstrip("\n") if self._is_first else self._held
        self._held = ""
        self._is_first = self._is_first and not text
        return text


def divided(answer: str) -> tuple[str, str]:
    """A whole answer as (reasoning, text)."""
    thinking = Thinking()
    reasoning, text = thinking.divide(answer)
    more_reasoning, more_text = thinking.rest()
    return reasoning + more_reasoning, text + more_text
