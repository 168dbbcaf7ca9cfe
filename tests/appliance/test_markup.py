"""Answers as safe HTML, whole and while they grow."""

from __future__ import annotations

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


def test_formulas_become_mathml_and_money_does_not() -> None:
    """All four ways to write one; a price is a price, and what is not understood is shown as it was written."""
    inline = render("$\\frac{a}{b}$ and \\(x^2\\) cost $5 or $10.")
    block = render("\\[ \\sum_{i=1}^n i \\]\n\n$$\nE = mc^2\n$$")

    assert inline.count("<math") == 2
    assert "<mfrac>" in inline and "<msup>" in inline
    assert "cost $5 or $10." in inline
    assert block.count('<math display="block">') == 2
    assert "<code" in render("$\\begin{nothing}$")


def test_code_is_coloured_by_classes() -> None:
    """No styles; a language that is not known stays plain, and so does code that nobody would read."""
    assert '<span class="k">def</span>' in render("```python\ndef f(): pass\n```")
    assert "<span" not in render("```klingon\ndef f(): pass\n```")
    assert "<span" not in render("```python\n" + "x = 1\n" * 5000 + "```")


def test_tasks_have_a_box_and_pictures_are_links_that_name_their_host() -> None:
    """`[x]` is done; a picture is not loaded, and one sees where it would have come from."""
    tasks = render("- [x] asked\n- [ ] booked")
    picture = render("![plan](https://maps.example/a/plan.png)")

    assert '<li class="task done"><span class="box">☑</span>asked</li>' in tasks
    assert '<li class="task"><span class="box">☐</span>booked</li>' in tasks
    assert "<img" not in picture
    assert ">plan (maps.example)</a>" in picture


def test_an_address_in_the_text_is_a_link_and_a_file_name_is_not() -> None:
    """Only what begins with http:// or https://."""
    html = render("See https://docs.example/a, notes.md and www.example.org.")

    assert html.count("<a ") == 1
    assert 'href="https://docs.example/a"' in html
