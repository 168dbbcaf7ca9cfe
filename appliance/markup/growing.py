"""An answer that arrives in pieces: finished blocks are rendered once, only the last one again and again.

Knows nothing of turns, people or documents; a citation is a number in square brackets.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from appliance.markup.blocks import Blocks, Source
from appliance.markup.parser import make_parser
from appliance.markup.sanitising import sanitise
from appliance.markup.spans import Span, SpanKind, opened_after, with_marks, without_marks
from appliance.markup.unfinished import as_shown, is_in_fence

# One line of words that no rule of Markdown looks at. Most of what is written is that, and it is rendered again with
# every few words, which by the parser takes many times as long.
_WORDS_ONLY = re.compile(r" {0,3}[^\W\d_][\w ,.;:'()?!¿¡%–—’…-]*")
_MOST_WORDS = 5000  # characters
_PARSERS = threading.local()  # linkify-it keeps its place in the text in itself


@dataclass(frozen=True, slots=True)
class RenderedBlock:
    """One top-level block of an answer. index counts from 0; a final block does not change any more."""

    index: int
    html: str
    is_final: bool


def render(markdown: str) -> str:
    """One piece of Markdown as sanitised HTML."""
    return sanitise(_rendered(markdown))


def render_blocks(markdown: str, spans: Sequence[Span] = ()) -> list[str]:
    """A whole answer, block by block as GrowingMarkup counts them, with its spans marked; they may not overlap."""
    blocks, html = Blocks(with_marks(markdown, spans)), []
    opened: SpanKind | None = None
    for source in [*blocks.finished(), Source(blocks.tail, blocks.is_plain)]:
        if source.text.strip():
            env = {"opened": opened}
            html.append(_plain(source.text) if source.is_plain else sanitise(_rendered(source.text, env)))
            opened = opened_after(source.text, opened)
    return html


class GrowingMarkup:
    """The blocks of an answer that grows; before them, in blocks of their own, what the model thought.

    `add` and `think` may be called while another thread is in `advance`.
    """

    def __init__(self) -> None:
        self._thoughts: _Section | None = None
        self._thought_s: float | None = None
        self._is_thought_over = False
        self._answer = _Section()
        self._ready: list[RenderedBlock] = []
        self._rendering = threading.Lock()

    @property
    def unfinished_characters(self) -> int:
        """Length of the part that the next `advance` renders: what it costs (20,000 take about 9 ms)."""
        return self._answer.unfinished + (self._thoughts.unfinished if self._thoughts is not None else 0)

    @property
    def first_slot(self) -> int:
        """The index of the answer's own first block: how many are taken by thoughts."""
        return self._thoughts.total + 1 if self._thoughts is not None else 0

    def add(self, text: str) -> None:
        """More of the answer."""
        self._answer.add(text)

    def think(self, text: str) -> None:
        """More of what is thought before the answer; `end_thought` before the answer's first words."""
        if self._thoughts is None:
            self._thoughts = _Section()
        self._thoughts.add(text)

    def end_thought(self, seconds: float) -> None:
        """The thinking is over, and took so long."""
        self._thought_s = seconds

    def advance(self, *, is_end: bool = False) -> None:
        """Render what is new; `take` has it then. May run in a thread of its own."""
        with self._rendering:
            if self._thoughts is not None and not self._is_thought_over:
                self._is_thought_over = is_end or self._thought_s is not None or self._answer.unfinished > 0
                for block in self._thoughts.blocks(is_end=self._is_thought_over):
                    html = f'<div class="thought">{block.html}</div>'
                    self._ready.append(RenderedBlock(block.index, html, block.is_final))
                if self._is_thought_over:
                    took = "" if self._thought_s is None else f' data-seconds="{self._thought_s:.1f}"'
                    html = f'<div class="thought-end"{took}></div>'
                    self._ready.append(RenderedBlock(self._thoughts.total, html, is_final=True))
            for block in self._answer.blocks(is_end=is_end):
                self._ready.append(RenderedBlock(self.first_slot + block.index, block.html, block.is_final))

    def take(self) -> list[RenderedBlock]:
        """The blocks that are new or changed since the last call, in the order in which they became so."""
        ready, self._ready = self._ready, []
        return ready

    def blocks(self, *, is_end: bool = False) -> list[RenderedBlock]:
        """`advance` and `take`."""
        self.advance(is_end=is_end)
        return self.take()


class _Section:
    """Text that grows, and how far it has been rendered. count: of its finished blocks."""

    def __init__(self) -> None:
        self.count = 0
        self._blocks = Blocks()
        self._incoming: deque[str] = deque()
        self._shown = ("", False)
        self._is_stale = False
        self._colours: dict[tuple[str, str], str] = {}

    @property
    def total(self) -> int:
        """The blocks there are, the last one included."""
        return self.count + bool(self._blocks.tail.strip())

    @property
    def unfinished(self) -> int:
        return len(self._blocks.tail) + sum(map(len, tuple(self._incoming)))

    def add(self, text: str) -> None:
        self._incoming.append(without_marks(text))

    def blocks(self, *, is_end: bool) -> list[RenderedBlock]:
        while self._incoming:
            self._blocks.tail += self._incoming.popleft()
            self._is_stale = True
        if not self._is_stale and not is_end:
            return []
        self._is_stale = False
        changed = []
        for source in self._blocks.finished():
            changed.append(RenderedBlock(self.count, self._final(source), is_final=True))
            self.count += 1
            self._shown = ("", False)
            self._colours.clear()
        if self._blocks.tail.strip():
            html = (
                self._final(Source(self._blocks.tail, self._blocks.is_plain)) if is_end else self._growing()
            )
            if html and (html != self._shown[0] or (is_end and not self._shown[1])):
                changed.append(RenderedBlock(self.count, html, is_final=is_end))
                self._shown = (html, is_end)
        return changed

    def _final(self, source: Source) -> str:
        if source.is_plain:
            return _plain(source.text)
        return sanitise(_rendered(source.text, {"colours": self._colours}))

    def _growing(self) -> str:
        if self._blocks.is_plain:
            return _plain(self._blocks.tail)
        words = self._blocks.tail.strip("\n")
        if is_words_only(words):
            return f"<p>{words.strip(' ')}</p>\n"
        shown = as_shown(self._blocks.tail)
        if not shown.strip():
            return ""
        env = {"is_growing": True, "is_closed": not is_in_fence(shown), "colours": self._colours}
        return sanitise(_rendered(shown, env))


def is_words_only(markdown: str) -> bool:
    """Whether it is a paragraph as it stands, without a mark that would have to be escaped, kept or left out."""
    is_short = len(markdown) < _MOST_WORDS
    return is_short and "_" not in markdown and _WORDS_ONLY.fullmatch(markdown) is not None


def _rendered(markdown: str, env: dict[str, Any] | None = None) -> str:
    """By this thread's own parser."""
    if not hasattr(_PARSERS, "parser"):
        _PARSERS.parser = make_parser()
    html: str = _PARSERS.parser.render(markdown, env)
    return html


def _plain(text: str) -> str:
    return f'<pre class="plain">{escape(without_marks(text))}</pre>'
