"""An answer while it grows: nothing is shown that the next words take back, and what it costs has an end."""

from __future__ import annotations

import re
import sys
from concurrent.futures import ThreadPoolExecutor
from html import unescape

import pytest

from appliance.markup import GrowingMarkup, render, render_blocks
from appliance.markup.growing import is_words_only
from tests.markup_parts import Parts

ANSWER = """Everybody has **23 days** of *holiday* a year [1], see [the handbook](https://docs.example/a(b)) and `code`.

## How to ask

1. Open the **calendar**.
2. Write ~~nobody~~ your lead:
   - today
   - or __tomorrow__

| Country | Days |
|:--|--:|
| Spain | 23 |

```python
def f():
    return "``"
```

- [x] asked
- [ ] booked

> Quoted *words*.

Half of it is $x^2$, the end."""


def _text(html: str) -> str:
    """What a person sees, without white space."""
    return re.sub(r"\s+", "", unescape(re.sub(r"<[^>]*>", "", html)))


def _grown(text: str) -> tuple[GrowingMarkup, list[str]]:
    """Character by character; what was shown after each."""
    growing, blocks, seen = GrowingMarkup(), {}, []
    for character in text:
        growing.add(character)
        blocks.update({block.index: block.html for block in growing.blocks()})
        seen.append("".join(blocks[index] for index in sorted(blocks)))
    return growing, seen


def test_what_is_shown_is_never_taken_back() -> None:
    """No half marker, fence, link, table or formula appears as text and vanishes: each view begins the next."""
    whole = _text("".join(render_blocks(ANSWER)))

    _, seen = _grown(ANSWER)

    for html in seen:
        assert whole.startswith(_text(html)), _text(html)[-40:]


def test_little_is_held_back() -> None:
    """The text on the screen is at most a table's head or a link's address behind."""
    _, seen = _grown(ANSWER)

    for length, html in list(enumerate(seen, start=1))[::5]:
        assert len(_text(html)) >= len(_text("".join(render_blocks(ANSWER[:length])))) - 60


def test_a_formula_is_not_shown_as_its_source_between_dollars() -> None:
    """While it is written its source stands in a frame of its own, then the formula in its place."""
    _, seen = _grown("So\n\n$$\n\\frac{a}{b}\n$$\n\nthen $y$ x")

    assert not any("$" in _text(html) for html in seen)
    assert any('<pre class="formula">' in html for html in seen)
    assert "<mfrac>" in seen[-1]


def test_code_is_coloured_once_its_fence_is_closed() -> None:
    """Colouring costs far more than showing: an open fence is plain, a closed one inside a growing list is coloured."""
    _, seen = _grown("1. so:\n\n   ```python\n   x = 1\n   ```\n\n2. and")

    is_coloured = ["<span" in html for html in seen]

    assert is_coloured.index(True) > len("1. so:\n\n   ```python\n   x = 1\n")
    assert is_coloured == sorted(is_coloured)


def test_thoughts_stand_before_the_answer_in_blocks_of_their_own() -> None:
    """What was thought keeps its blocks, tells how long it took, and moves no block of the answer."""
    growing = GrowingMarkup()

    growing.think("First *this*.\n\nThen\n")
    before = growing.blocks()
    growing.end_thought(4.25)
    growing.add("Yes [1].\n\nNo.\n")
    after = growing.blocks(is_end=True)

    assert [block.index for block in before] == [0, 1]
    assert all(block.html.startswith('<div class="thought">') for block in before)
    assert [block.index for block in after] == [1, 2, 3, 4]
    assert after[1].html == '<div class="thought-end" data-seconds="4.2"></div>'
    assert growing.first_slot == 3
    assert [block.html for block in after[2:]] == render_blocks("Yes [1].\n\nNo.\n")


def test_answers_rendered_at_once_do_not_mix() -> None:
    """Long ones are rendered in threads, beside the short ones."""
    texts = [f"See https://host{n}.example/{'x' * n}, *ok* and $x^{n}$.\n\n" * 8 for n in range(24)]
    alone = [render_blocks(text) for text in texts]

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(render_blocks, texts))

    assert together == alone


MEGABYTE = 1_000_000
ENDLESS = {
    "nested lists": "\n".join(" " * (depth % 60 * 2) + "- x" for depth in range(MEGABYTE // 60)),
    "one line of markers": "- " * (MEGABYTE // 2),
    "quotes in quotes": ("> " * 300 + "\n") * (MEGABYTE // 600),
    "brackets": "[" * MEGABYTE,
    "a table": "|a|b|c|\n|-|-|-|\n" + "|1|2|3|\n" * (MEGABYTE // 8),
    "headings": "# a\n" * (MEGABYTE // 4),
    "an open fence": "```python\n" + "x = 1  # y\n" * (MEGABYTE // 11),
    "prose": ("Some words and more. " * 100 + "\n\n") * (MEGABYTE // 2102),
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_megabyte_is_shown_and_little_of_it_is_parsed(kind: str) -> None:
    """All of it arrives; beyond what a person reads, as plain text. It is cut alike however it arrived."""
    text = ENDLESS[kind]
    growing, parts = GrowingMarkup(), Parts()

    growing.add(text[:400_000])
    blocks = {block.index: block.html for block in growing.blocks()}
    growing.add(text[400_000:])
    blocks.update({block.index: block.html for block in growing.blocks(is_end=True)})

    shown = [blocks[index] for index in sorted(blocks)]
    plain = [html for html in shown if html.startswith('<pre class="plain">')]
    assert shown == render_blocks(text)
    assert sum(map(len, plain)) >= 600_000
    assert len(shown) < 2_100
    parts.feed(shown[0])
    assert parts.deepest < 150


@pytest.mark.parametrize(
    "piece", ["[", "![", "](", "*a **b ", "`", "<a:", "\\(", "$x", "http://a", "&", "|", "~~a"]
)
def test_repeating_one_piece_does_not_multiply_the_work(piece: str) -> None:
    """Twice as much text, at most a little more than twice as many calls: nothing is looked through again and again."""
    assert _steps(piece * (8_000 // len(piece))) < 3 * _steps(piece * (4_000 // len(piece))) + 20_000


def _steps(text: str) -> int:
    """Python calls that rendering takes: the same on every machine."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        render_blocks(text)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize(
    "text",
    [
        "Nobody has to ask: it's done (today), isn't it? ¡Sí, mañana! ",
        " Three spaces",
        "   before it – and a-dash at the end -",
        "    Four are code",
        "1. A list",
        "- another",
        "a_b_ and _c_",
        "www.example.com and http: alone",
        "Two  spaces   within",
        "中文 字… 23 %",
        "\u00a0Words behind a hard space",
        "Words\nin two lines",
        "\n\n Behind lines that are empty",
        "\n    Code behind one",
    ],
)
def test_plain_words_are_shown_as_the_parser_shows_them(text: str) -> None:
    """The short way for words without a mark changes nothing of what is seen, while they grow and at the end."""
    for length in range(1, len(text) + 1):
        growing = GrowingMarkup()
        growing.add(text[:length])

        shown = "".join(block.html for block in growing.blocks())

        if is_words_only(text[:length].strip("\n")):
            assert shown == render(text[:length])
