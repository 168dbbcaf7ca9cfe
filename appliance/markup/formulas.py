r"""Formulas: `$…$`, `\(…\)`, and `$$…$$` or `\[…\]` on lines of their own, as MathML that the browser draws.

What latex2mathml makes is written anew from its elements, tag by tag: its own text form lets `\text{<b>}` through. A
formula that it does not understand is shown as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape, unescape
from xml.etree.ElementTree import Element

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from appliance.markup.sanitising import FORMULA_ATTRIBUTES, FORMULA_TAGS

_MOST_CHARACTERS = 3000
_MOST_LINES = 60
_ENDS = {"$$": "$$", "\\[": "\\]"}
# Definitions could double what they stand for again and again.
_DEFINES = re.compile(
    r"\\(re|provide)?newcommand|\\[egx]?def\b|\\let\b|\\Declare|\\(re)?newenvironment|\\csname"
)
# A dollar opens a formula where no space follows, and closes one where none stands before and no digit follows:
# "between $5 and $10" is about money.
_DOLLARS = re.compile(r"\$(?![\s$])((?:\\.|[^\\$\n]|\n(?!\n)){1,600}?)(?<![\s\\])\$(?![\d$])")
_DOUBLE_DOLLARS = re.compile(r"\$\$(?!\$)((?:\\.|[^\\$]){1,3000}?)\$\$")
_PARENTHESES = re.compile(r"\\\(((?:\\[^()]|[^\\]){1,600}?)\\\)", re.DOTALL)
_BRACKETS = re.compile(r"\\\[((?:\\[^\[\]]|[^\\]){1,3000}?)\\\]", re.DOTALL)
# How it opens, how it closes, the whole of it, how it is shown.
_INLINE = (
    ("$$", "$$", _DOUBLE_DOLLARS, "block"),
    ("$", "$", _DOLLARS, "inline"),
    ("\\(", "\\)", _PARENTHESES, "inline"),
    ("\\[", "\\]", _BRACKETS, "block"),
)


def add_formulas(parser: MarkdownIt) -> None:
    """Let the parser know them; before `escape`, which would take the backslash."""
    parser.inline.ruler.before("escape", "formula", _formula)
    parser.block.ruler.before(
        "fence", "formula_block", _formula_block, {"alt": ["paragraph", "blockquote", "list"]}
    )
    parser.add_render_rule("formula", _render_formula)
    parser.add_render_rule("formula_block", _render_block)


def as_mathml(latex: str, display: str) -> str:
    """A formula as MathML, or as code where it is not understood. display: "inline" or "block"."""
    try:
        if len(latex) > _MOST_CHARACTERS or _DEFINES.search(latex):
            raise ValueError("too long, or it defines something")
        # Here: it takes a tenth of a second to load, and most answers have no formula.
        from latex2mathml.converter import Converter

        return _written(Converter(display=display).convert_to_element(latex.strip()))
    except Exception:  # the library's own errors, and IndexError or RecursionError for what it did not expect
        return f'<code class="formula">{escape(latex.strip())}</code>'


def _written(element: Element) -> str:
    inside = _text(element.text) + "".join(_written(child) + _text(child.tail) for child in element)
    if element.tag not in FORMULA_TAGS:
        return inside
    attributes = "".join(
        f' {name}="{escape(value)}"' for name, value in element.attrib.items() if name in FORMULA_ATTRIBUTES
    )
    return f"<{element.tag}{attributes}>{inside}</{element.tag}>"


def _text(text: str | None) -> str:
    return escape(unescape(text)) if text else ""


def _formula(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "$\\":
        return False
    for opening, end, pattern, display in _INLINE:
        if not state.src.startswith(opening, state.pos) or state.src.find(end, state.pos + len(opening)) < 0:
            continue
        match = pattern.match(state.src, state.pos, state.posMax)
        if match is not None:
            if not silent:
                token = state.push("formula", "math", 0)
                token.content, token.info = match[1], display
            state.pos = match.end()
            return True
    return False


def _formula_block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Ends with its closing mark; a blank line means that it was none. While the text grows, its end may be to come."""
    opening = _line(state, start_line)
    end = _ENDS.get(opening[:2])
    if end is None or state.is_code_block(start_line):
        return False
    last, content = start_line, opening[2:]
    while not content.rstrip().endswith(end):
        last += 1
        is_over = last >= end_line or last - start_line > _MOST_LINES
        if is_over and state.env.get("is_growing") and last - start_line <= _MOST_LINES:
            break
        if is_over or state.isEmpty(last) or state.sCount[last] < state.blkIndent:
            return False
        content += "\n" + _line(state, last)
    if end in content.rstrip()[:-2]:
        return False  # `$$a$$ and $$b$$` is a line of text
    if silent:
        return True
    token = state.push("formula_block", "math", 0)
    token.block = True
    token.content, token.map = content.rstrip().removesuffix(end), [start_line, last + 1]
    token.meta = {"is_open": not content.rstrip().endswith(end)}
    state.line = last + 1
    return True


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _render_formula(self: object, tokens: Sequence[Token], index: int, options: object, env: object) -> str:
    return as_mathml(tokens[index].content, tokens[index].info)


def _render_block(self: object, tokens: Sequence[Token], index: int, options: object, env: object) -> str:
    token = tokens[index]
    if token.meta.get("is_open"):
        return f'<pre class="formula"><code>{escape(token.content.strip())}</code></pre>\n'
    return f"<p>{as_mathml(token.content, 'block')}</p>\n"
