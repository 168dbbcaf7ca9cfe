"""Stretches of an answer that are marked: what no source supports, and words that match the question.

Offsets are those of the Markdown. Private-use characters stand for the ends of a span while the text is parsed; they
are removed from whatever arrives, so that an answer cannot write them itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from markdown_it.rules_core import StateCore
from markdown_it.token import Token

SpanKind = Literal["unsupported", "match"]

_STARTS: dict[str, SpanKind] = {"\ue000": "unsupported", "\ue001": "match"}
_END = "\ue002"
_OUR_CHARACTERS = str.maketrans("", "", "\ue000\ue001\ue002")
_SPAN = re.compile("([\ue000-\ue002])")
_BLOCK_MARKER = re.compile(r"(?:[ \t>]*(?:[-*+]|\d+[.)]|#{1,6})?[ \t]+)?")
_VERBATIM = ("fence", "code_block", "formula", "formula_block")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the answer's text, in characters: what no source supports, or a word that matches the question."""

    start: int
    end: int
    kind: SpanKind = "unsupported"


def without_marks(text: str) -> str:
    """The text without the characters that are ours."""
    return text.translate(_OUR_CHARACTERS)


def with_marks(markdown: str, spans: Sequence[Span]) -> str:
    """The text with our characters at the ends of its spans; those of its own become blanks, so that nothing moves."""
    text = _SPAN.sub(" ", markdown)
    starts = {kind: character for character, kind in _STARTS.items()}
    for span in sorted(spans, key=lambda one: one.start, reverse=True):
        is_line_start = span.start == 0 or text[span.start - 1 : span.start] == "\n"
        marker = _BLOCK_MARKER.match(text, span.start) if is_line_start else None
        begin = marker.end() if marker else span.start
        # A span character at a line's start would hide a list's marker.
        end = span.start + len(text[span.start : span.end].rstrip())
        if 0 <= begin < end <= len(markdown):
            text = text[:begin] + starts[span.kind] + text[begin:end] + _END + text[end:]
    return text


def opened_after(text: str, opened: SpanKind | None) -> SpanKind | None:
    """The span that is open behind a text, given the one before it."""
    for character in _SPAN.findall(text):
        opened = _STARTS.get(character)
    return opened


def mark_spans(state: StateCore) -> None:
    """Wrap the text between the ends of a span, whatever emphasis or block stands between them."""
    opened: SpanKind | None = state.env.get("opened")
    for token in state.tokens:
        if token.type in _VERBATIM:
            opened = _verbatim(token, opened)
        children: list[Token] = []
        for child in token.children or ():
            if child.type in _VERBATIM:
                opened = _verbatim(child, opened)
            if child.type not in ("text", "code_inline"):
                children.append(child)
                continue
            for piece in _SPAN.split(child.content):
                if _SPAN.fullmatch(piece):
                    opened = _STARTS.get(piece)
                elif piece:
                    children += _wrapped(child.copy(content=piece), opened)
        if token.children is not None:
            token.children = children


def _verbatim(token: Token, opened: SpanKind | None) -> SpanKind | None:
    after = opened_after(token.content, opened)
    token.content = without_marks(token.content)
    return after


def _wrapped(token: Token, kind: SpanKind | None) -> list[Token]:
    if kind is None:
        return [token]
    return [Token("mark_open", "mark", 1, attrs={"class": kind}), token, Token("mark_close", "mark", -1)]
