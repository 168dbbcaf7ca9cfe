"""Answers as safe HTML, whole and while they grow."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.markup import GrowingMarkup, Span, render, render_blocks

PIECES = st.sampled_from(
    ["word ", "**bold** ", "[1]", "\n", "\n\n", "- item\n", "1. one\n", "2", ". two\n", "# Title\n", "> quoted\n",
     "```\n", "code\n", "|a|b|\n", "|-|-|\n", "|1|2|\n", "    indented\n", "---\n", "===\n", "`x` ", "* ", "<b>"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=40))
def test_an_answer_that_grew_is_the_answer_rendered_whole(pieces: list[str]) -> None:
    """Whatever the cuts, the blocks a page was sent add up to what a later reader is sent."""
    growing, shown = GrowingMarkup(), {}

    for piece in pieces:
        growing.add(piece)
        shown.update({block.index: block.html for block in growing.blocks()})
    shown.update({block.index: block.html for block in growing.blocks(is_end=True)})

    assert [shown[index] for index in sorted(shown)] == render_blocks("".join(pieces))


@given(st.lists(PIECES, max_size=30))
def test_a_finished_block_is_sent_once(pieces: list[str]) -> None:
    """Only the last block is rendered again and again."""
    growing, final = GrowingMarkup(), []

    for piece in pieces:
        growing.add(piece)
        final += [block.index for block in growing.blocks() if block.is_final]

    assert final == sorted(set(final))


ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![pixel](https://elsewhere.example/x.png)",
    "[click](javascript:alert(1))",
    "[click](JaVaScRiPt:alert(1))",
    "[click](data:text/html;base64,PHNjcmlwdD4=)",
    "[click](vbscript:x)",
    "<https://ok.example\" onclick=alert(1)>",
    "[a](https://ok.example \"x\\\" onmouseover=alert(1) y=\\\"\")",
    "<a class=citation data-citation=1 href=/x>1</a>",
    "<style>*{display:none}</style>",
    "<iframe src=//elsewhere.example>",
    "<svg/onload=alert(1)>",
    "<form action=/api/turns><button>",
    "<base href=//elsewhere.example>",
    "<!--\n--><b>x</b>",
    "```html\"><script>alert(1)</script>\n</code><script>\n```",
    "[ref]: javascript:alert(1)\n\n[ref]",
    "| a |\n|---|\n| <script> |",
    "\ue000\ue001\ue002<script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<math><mtext><style><img src=x onerror=alert(1)>",
]  # fmt: skip


class _Parts(HTMLParser):
    """Every tag and attribute that a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_in_an_answer_can_act(attack: str) -> None:
    """What a model or a document writes is shown, not carried out, and nothing is loaded from elsewhere."""
    parts = _Parts()

    parts.feed(render(attack) + "".join(render_blocks(attack, [Span(0, len(attack))])))

    assert parts.tags <= {
        "p",
        "a",
        "code",
        "pre",
        "blockquote",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "mark",
    }
    assert {name for name, _ in parts.attributes} <= {"href", "title", "target", "rel", "class"}
    assert all(value.startswith("https://") for name, value in parts.attributes if name == "href")
    assert "citation" not in dict(parts.attributes).get("class", "")


def test_links_open_elsewhere_and_tell_nothing() -> None:
    """A link leaves the page alone and hands over neither window nor address."""
    html = render("[docs](https://docs.example/a)")

    assert 'href="https://docs.example/a"' in html
    assert 'target="_blank"' in html
    assert 'rel="noopener noreferrer"' in html


def test_a_number_in_brackets_is_a_citation_but_not_in_code() -> None:
    """[2] in prose opens source 2; in code it is an index."""
    html = render("Yes [2][3], `list[2]`, [0] and [4](https://x.example).")

    assert 'data-citation="2"' in html
    assert 'data-citation="3"' in html
    assert html.count("data-citation") == 2
    assert "<code>list[2]</code>" in html


def test_spans_are_marked_across_emphasis_and_blocks() -> None:
    """An unsupported sentence keeps its emphasis, its list and its code."""
    text = "Fine. *Not* `so` fine.\n\n- point one\n- point two\n"

    first, second = render_blocks(text, [Span(text.index("*Not"), text.index("two") + 3)])

    assert '<em><mark class="unsupported">Not</mark></em>' in first
    assert '<mark class="unsupported"><code>so</code></mark>' in first
    assert '<li><mark class="unsupported">point one</mark></li>' in second
    assert "Fine. <em>" in first


def test_a_long_unfinished_block_costs_its_own_length_only() -> None:
    """What is finished is not rendered again: the part left to render stays short in a long answer."""
    growing = GrowingMarkup()

    for number in range(200):
        growing.add(f"Paragraph {number} with some words.\n\n")
        growing.blocks()

    assert growing.unfinished_characters < 100
