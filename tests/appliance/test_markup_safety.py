"""Nothing that a model or a document writes acts, loads or restyles, whole or half arrived."""

from __future__ import annotations

import nh3
import pytest

from appliance.markup import GrowingMarkup, Span, render, render_blocks
from appliance.markup.sanitising import FORMULA_ATTRIBUTES, FORMULA_TAGS
from tests.markup_attacks import ATTACKS
from tests.markup_parts import Parts

TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "mark", "ol", "p",
    "pre", "s", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
} | FORMULA_TAGS  # fmt: skip
ATTRIBUTES = {"href", "title", "target", "rel", "class", "start"} | FORMULA_ATTRIBUTES
LOADS = ("src", "srcset", "style", "data", "poster", "background", "action", "xlink:href")


def _check(html: str) -> None:
    parts = Parts()
    parts.feed(html)
    names = {name for name, _ in parts.attributes}
    assert parts.tags <= TAGS
    assert names <= ATTRIBUTES
    assert not names & set(LOADS)
    assert all(
        value.startswith(("https://", "http://")) for name, value in parts.attributes if name == "href"
    )
    assert not any("citation" in value for name, value in parts.attributes if name == "class")


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_in_an_answer_can_act(attack: str) -> None:
    """What a model or a document writes is shown, not carried out, and nothing is loaded from elsewhere."""
    _check(render(attack))
    _check("".join(render_blocks(attack, [Span(0, len(attack))])))


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_half_of_it_can_act_either(attack: str) -> None:
    """Each view while it arrives is as safe as the last: closing what is open opens nothing else."""
    growing = GrowingMarkup()

    for character in f"So *be* it: {attack}":
        growing.add(character)
        for block in growing.blocks():
            _check(block.html)


@pytest.mark.parametrize("attack", ATTACKS)
def test_parsing_what_was_sanitised_changes_nothing(attack: str) -> None:
    """Mutation: HTML that becomes another tree when it is read a second time has no room here."""
    html = "".join(render_blocks(attack))
    again = nh3.clean(
        html,
        tags=TAGS,
        attributes={tag: ATTRIBUTES - {"rel"} for tag in TAGS},
        link_rel="noopener noreferrer",
        url_schemes={"http", "https", "mailto"},
    )

    assert _tree(again) == _tree(html)


def _tree(html: str) -> tuple[set[str], list[tuple[str, str]]]:
    parts = Parts()
    parts.feed(html)
    return parts.tags, sorted(parts.attributes)
