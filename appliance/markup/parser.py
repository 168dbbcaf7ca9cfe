"""The Markdown that answers are written in: CommonMark with tables, strike-through, tasks, formulas and citations.

Raw HTML is text, and a picture is a link that says where it leads: loading it would tell another host who reads what.
Work is bounded by length: what is too long for words or a table is shown as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_core.linkify import linkify as link_addresses
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.link import link
from markdown_it.rules_inline.linkify import linkify as link_address
from markdown_it.token import Token

from appliance.markup.code import coloured
from appliance.markup.formulas import add_formulas
from appliance.markup.spans import mark_spans, without_marks

_CITATION = re.compile(r"\[(\d{1,2})\](?!\()")
_TASK = re.compile(r"\[([ xX])\][ \t]+")
_LINK_SCHEMES = ("ftp:", "//", "mailto:")
_LONGEST_LABEL = 1000
_LONGEST_WORDS = 10_000  # of one paragraph or cell: finding emphasis in more would take half a second
_MOST_ADDRESSES = 100
_MOST_CELLS = 6000
_DELIMITERS = re.compile(r"[\s|:-]*-[\s|:-]*\Z")


def make_parser() -> MarkdownIt:
    """A parser; its `env` may hold `opened` (a SpanKind), `is_growing` and `colours` (a dict kept between calls)."""
    parser = MarkdownIt("commonmark", {"html": False, "linkify": True})
    parser.enable(["table", "strikethrough", "linkify"])
    # A reference definition would be invisible and could turn a later [1] into somebody else's link.
    parser.disable(["image", "reference", "html_block", "html_inline"])
    _link_addresses_only(parser)
    add_formulas(parser)
    parser.block.ruler.before("table", "wide_table", _wide_table, {"alt": ["paragraph", "reference"]})
    parser.inline.ruler.before("link", "citation", _citation)
    parser.inline.ruler.before("link", "picture", _picture)
    parser.inline.ruler.at("link", _bounded_link)
    parser.core.ruler.before("inline", "too_long", _leave_long_words)
    parser.core.ruler.after("inline", "tasks", _tasks)
    parser.core.ruler.push("spans", mark_spans)
    parser.core.ruler.push("alignment", _name_alignment)
    parser.add_render_rule("citation", _render_citation)
    parser.add_render_rule("fence", _render_code)
    parser.add_render_rule("long_words", _render_long_words)
    return parser


def _link_addresses_only(parser: MarkdownIt) -> None:
    """https://… becomes a link; "see notes.md" and "12.5.2026" do not."""
    assert parser.linkify is not None
    parser.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
    for scheme in _LINK_SCHEMES:
        parser.linkify.add(scheme, None)
    parser.inline.ruler.at("linkify", _link_address)
    parser.core.ruler.at("linkify", _link_addresses)


def _link_address(state: StateInline, silent: bool) -> bool:
    if not state.src.startswith("://", state.pos) or state.src.count("://") > _MOST_ADDRESSES:
        return False
    return link_address(state, silent)


def _link_addresses(state: StateCore) -> None:
    if 0 < state.src.count("://") <= _MOST_ADDRESSES:
        link_addresses(state)


# Words ------------------------------------------------------------------------------------------------


def _leave_long_words(state: StateCore) -> None:
    for token in state.tokens:
        if token.type == "inline" and len(token.content) > _LONGEST_WORDS:
            token.type, token.children = "long_words", None


def _render_long_words(
    self: object, tokens: Sequence[Token], index: int, options: object, env: object
) -> str:
    return escape(without_marks(tokens[index].content))


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


def _bounded_link(state: StateInline, silent: bool) -> bool:
    """A link whose label ends soon: without a limit, every `[` of a thousand would be sought an end to."""
    if state.src[state.pos] != "[":
        return False
    if state.src.find("](", state.pos, state.pos + _LONGEST_LABEL) < 0:
        return False
    return link(state, silent)


def _picture(state: StateInline, silent: bool) -> bool:
    """`![plan](https://host/plan.png)` becomes a link to it whose words name the host."""
    if not state.src.startswith("![", state.pos):
        return False
    start, before = state.pos, len(state.tokens)
    state.pos += 1
    if not _bounded_link(state, silent):
        state.pos = start
        return False
    if not silent:
        opening = next(token for token in state.tokens[before:] if token.type == "link_open")
        address = str(opening.attrs.get("href", ""))
        opening.attrs["class"] = "picture"
        opening.attrs["title"] = address
        host = urlsplit(address).netloc or address[:60]
        has_words = any(token.content.strip() for token in state.tokens[before:])
        words = Token("text", "", 0, content=f" ({host})" if has_words else host)
        state.tokens.insert(len(state.tokens) - 1, words)
    return True


# Blocks -----------------------------------------------------------------------------------------------


def _wide_table(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """A table of more cells than anybody reads, most of them perhaps empty: shown as it was written."""
    if start_line + 2 > end_line or not _DELIMITERS.match(_line(state, start_line + 1)):
        return False
    columns, last = _line(state, start_line).count("|"), start_line + 2
    while last < end_line and not state.isEmpty(last):
        last += 1
    if columns * (last - start_line) <= _MOST_CELLS:
        return False
    if not silent:
        token = state.push("code_block", "code", 0)
        token.content, token.map = state.getLines(start_line, last, state.blkIndent, True), [start_line, last]
    state.line = last
    return True


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _tasks(state: StateCore) -> None:
    """`- [x] done`: the item gets a class, and a box that is drawn before its words."""
    for index in range(2, len(state.tokens)):
        token, item = state.tokens[index], state.tokens[index - 2]
        if token.type != "inline" or item.type != "list_item_open" or not token.children:
            continue
        first = token.children[0]
        match = _TASK.match(first.content) if first.type == "text" else None
        if match is None:
            continue
        is_done = match[1] != " "
        item.attrs["class"] = "task done" if is_done else "task"
        first.content = first.content[match.end() :]
        box = Token("text", "", 0, content="☑" if is_done else "☐")
        token.children[:0] = [
            Token("box_open", "span", 1, attrs={"class": "box"}),
            box,
            Token("box_close", "span", -1),
        ]


def _name_alignment(state: StateCore) -> None:
    """A table cell's alignment as a class: style attributes do not pass the allow-list."""
    for token in state.tokens:
        style = token.attrs.pop("style", None)
        if isinstance(style, str) and style.startswith("text-align:"):
            token.attrs["class"] = "align-" + style.removeprefix("text-align:")


def _render_code(
    self: object, tokens: Sequence[Token], index: int, options: object, env: dict[str, object]
) -> str:
    """A fence; coloured once it is closed. `colours` keeps what was coloured while the block around it still grows."""
    token = tokens[index]
    language = token.info.strip().split(maxsplit=1)[0] if token.info.strip() else ""
    opening = f'<pre><code class="language-{escape(language)}">' if language else "<pre><code>"
    if (
        env.get("is_growing")
        and not any(later.map for later in tokens[index + 1 :])
        and not env.get("is_closed")
    ):
        return f"{opening}{escape(token.content)}</code></pre>\n"
    colours = env.get("colours")
    kept = colours if isinstance(colours, dict) else {}
    key = (language, token.content)
    if key not in kept:
        kept[key] = coloured(token.content, language)
    return f"{opening}{kept[key]}</code></pre>\n"
