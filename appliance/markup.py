"""Markdown of an answer, as HTML that is safe to show.

Raw HTML in the answer is text, pictures are links (a picture would tell another host who reads what), and
whatever is left passes an allow-list. While an answer grows, only its unfinished last block is rendered again.
Knows nothing of turns, people or documents; a citation is a number in square brackets.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

SpanKind = Literal["unsupported", "match"]

# Private-use characters stand for the ends of a span while the text is being parsed; they are removed from whatever
# arrives, so that an answer cannot write them itself.
_SPAN_STARTS: dict[str, SpanKind] = {"\ue000": "unsupported", "\ue001": "match"}
_SPAN_END = "\ue002"
_OUR_CHARACTERS = str.maketrans("", "", "\ue000\ue001\ue002")
_SPAN = re.compile("([\ue000-\ue002])")
_BLOCK_MARKER = re.compile(r"(?:[ \t>]*(?:[-*+]|\d+[.)]|#{1,6})?[ \t]+)?")
_CITATION = re.compile(r"\[(\d{1,2})\](?!\()")
_TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "mark", "ol",
    "p", "pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
_ATTRIBUTES = {
    "a": {"href", "title", "class", "data-citation", "role", "tabindex"},
    "code": {"class"},
    "ol": {"start"},
    "td": {"class"},
    "th": {"class"},
    "mark": {"class"},
}
_CLASS = re.compile(r"(citation|unsupported|match|language-[\w+#-]{1,32}|align-(left|right|center))\Z")


@dataclass(frozen=True, slots=True)
class RenderedBlock:
    """One top-level block of an answer. index counts from 0; a final block does not change any more."""

    index: int
    html: str
    is_final: bool


class GrowingMarkup:
    """An answer that arrives in pieces: finished blocks are rendered once, the last one with every piece."""

    def __init__(self) -> None:
        self._finished = 0
        self._tail = ""
        self._shown = ("", False)

    @property
    def unfinished_characters(self) -> int:
        """Length of the part that the next `blocks` call renders: what it costs (20,000 take about 9 ms)."""
        return len(self._tail)

    def add(self, text: str) -> None:
        self._tail += text.translate(_OUR_CHARACTERS)

    def blocks(self, *, is_end: bool = False) -> list[RenderedBlock]:
        """The blocks that are new or changed since the last call."""
        changed = []
        for source in self._take_finished():
            changed.append(RenderedBlock(self._finished, render(source), is_final=True))
            self._finished += 1
            self._shown = ("", False)
        if self._tail.strip():
            html, (shown, was_final) = render(self._tail), self._shown
            if html != shown or (is_end and not was_final):
                changed.append(RenderedBlock(self._finished, html, is_final=is_end))
                self._shown = (html, is_end)
        return changed

    def _take_finished(self) -> list[str]:
        """Cut off the blocks that no later text can change.

        CommonMark decides blocks line by line, so only complete lines are asked: a half line `2` after a list
        could still become its second item.
        """
        complete = self._tail[: self._tail.rfind("\n") + 1]
        starts = _block_starts(complete)
        if len(starts) < 2:
            return []
        lines = complete.splitlines(keepends=True)
        pieces = ["".join(lines[a:b]) for a, b in pairwise(starts)]
        self._tail = "".join(lines[starts[-1] :]) + self._tail[len(complete) :]
        return pieces


def render(markdown: str) -> str:
    """One piece of Markdown as sanitised HTML."""
    return _sanitise(_MARKDOWN.render(markdown))


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the answer's text, in characters: what no source supports, or a word that matches the question."""

    start: int
    end: int
    kind: SpanKind = "unsupported"


def render_blocks(markdown: str, spans: Sequence[Span] = ()) -> list[str]:
    """A whole answer, block by block as GrowingMarkup counts them, with its spans marked; they may not overlap."""
    growing, html = GrowingMarkup(), []
    opened: SpanKind | None = None
    growing._tail = _with_spans(markdown, spans)
    for source in [*growing._take_finished(), growing._tail]:
        if source.strip():
            html.append(_sanitise(_MARKDOWN.render(source, {"opened": opened})))
            opened = _opened_after(source, opened)
    return html


def _with_spans(markdown: str, spans: Sequence[Span]) -> str:
    # Offsets are those of the text as given, so our characters in it become blanks and nothing moves.
    text = _SPAN.sub(" ", markdown)
    starts = {kind: character for character, kind in _SPAN_STARTS.items()}
    for span in sorted(spans, key=lambda one: one.start, reverse=True):
        is_line_start = span.start == 0 or text[span.start - 1 : span.start] == "\n"
        marker = _BLOCK_MARKER.match(text, span.start) if is_line_start else None
        begin = marker.end() if marker else span.start
        # A span character at a line's start would hide a list's marker.
        end = span.start + len(text[span.start : span.end].rstrip())
        if 0 <= begin < end <= len(markdown):
            text = text[:begin] + starts[span.kind] + text[begin:end] + _SPAN_END + text[end:]
    return text


def _opened_after(text: str, opened: SpanKind | None) -> SpanKind | None:
    for character in _SPAN.findall(text):
        opened = _SPAN_STARTS.get(character)
    return opened


def _block_starts(text: str) -> list[int]:
    """First lines of the top-level blocks; the first block also owns the blank lines before it."""
    tokens: list[Token] = []
    _MARKDOWN.block.parse(text, _MARKDOWN, {}, tokens)
    starts = [token.map[0] for token in tokens if token.level == 0 and token.map and token.nesting >= 0]
    return [0, *starts[1:]] if starts else []


def _citation(state: StateInline, silent: bool) -> bool:
    """`[3]` becomes the chip that opens source 3."""
    match = _CITATION.match(state.src, state.pos)
    if match is None or int(match[1]) == 0:
        return False
    if not silent:
        token = state.push("citation", "a", 0)
        token.content = str(int(match[1]))
    state.pos = match.end()
    return True


def _render_citation(self: object, tokens: Sequence[Token], index: int, options: object, env: object) -> str:
    number = tokens[index].content
    return f'<a class="citation" role="button" tabindex="0" data-citation="{number}">{number}</a>'


def _mark_spans(state: StateCore) -> None:
    """Wrap the text between the ends of a span, whatever emphasis or block stands between them."""
    opened: SpanKind | None = state.env.get("opened")
    for token in state.tokens:
        if token.type in ("fence", "code_block"):
            opened = _opened_after(token.content, opened)
            token.content = token.content.translate(_OUR_CHARACTERS)
        children: list[Token] = []
        for child in token.children or ():
            if child.type not in ("text", "code_inline"):
                children.append(child)
                continue
            for piece in _SPAN.split(child.content):
                if _SPAN.fullmatch(piece):
                    opened = _SPAN_STARTS.get(piece)
                elif piece:
                    children += _wrapped(child.copy(content=piece), opened)
        if token.children is not None:
            token.children = children


def _wrapped(token: Token, kind: SpanKind | None) -> list[Token]:
    if kind is None:
        return [token]
    return [Token("mark_open", "mark", 1, attrs={"class": kind}), token, Token("mark_close", "mark", -1)]


def _name_alignment(state: StateCore) -> None:
    """A table cell's alignment as a class: style attributes do not pass the allow-list."""
    for token in state.tokens:
        style = token.attrs.pop("style", None)
        if isinstance(style, str) and style.startswith("text-align:"):
            token.attrs["class"] = "align-" + style.removeprefix("text-align:")


def _keep_attribute(tag: str, attribute: str, value: str) -> str | None:
    return value if attribute != "class" or _CLASS.match(value) else None


def _sanitise(html: str) -> str:
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer",
        set_tag_attribute_values={"a": {"target": "_blank"}},
        attribute_filter=_keep_attribute,
    )


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    # A reference definition would be invisible and could turn a later [1] into somebody else's link.
    parser.disable(["image", "reference", "html_block", "html_inline"])
    parser.inline.ruler.before("link", "citation", _citation)
    parser.core.ruler.push("spans", _mark_spans)
    parser.core.ruler.push("alignment", _name_alignment)
    parser.add_render_rule("citation", _render_citation)
    return parser


_MARKDOWN = _parser()
