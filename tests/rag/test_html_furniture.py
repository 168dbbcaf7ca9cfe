"""A web page is read without what its site puts around it, and never emptied by that."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.limits import ParsingLimits
from rag.parsers.html import HtmlParser

BANNER = '<div id="cookie-banner" class="cc-window">We use cookies. <a href="p">Read our policy</a></div>'
TOP = '<div class="topbar"><a href="a">Home</a> <a href="b">Products</a></div>'
MENU = "<ul>" + "".join(f'<li><a href="{n}">Topic {n}</a></li>' for n in range(5)) + "</ul>"
MATTER = (
    '<h1>Rates</h1><p>Shipping up to 10 kg costs 12 €. See the <a href="c">conditions</a>.</p>'
    '<div class="cookie-recipe">Cookies need butter and an oven.</div>'
    '<ul class="menu"><li>Soup of the day</li><li>Roast with potatoes</li></ul>'
)
SHARE = '<div class="share-buttons"><a>Facebook</a><a>Mail</a></div>'
SIDE = '<div class="sidebar"><h3>Related</h3><a href="o">Other rates</a></div>'
FOOT = '<div class="site-footer">© 2026 Example. <a>Imprint</a> <a>Privacy</a></div>'
READ = [
    "Rates",
    "Shipping up to 10 kg costs 12 €. See the conditions.",
    "Cookies need butter and an oven.",
    "Soup of the day",
    "Roast with potatoes",
]


def _lines(path: Path, body: str) -> list[str]:
    path.write_text(f"<!doctype html><html><body>{body}</body></html>", encoding="utf-8")
    return [line for line in HtmlParser(ParsingLimits()).parse(path).pages[0].text.split("\n") if line]


@pytest.mark.parametrize("wrapper", ["main", "div", 'div role="main"', "article"])
def test_only_the_matter_of_a_page_is_read(wrapper: str, tmp_path: Path) -> None:
    """Banner, menus, side bar, buttons and footer go; boxes that only sound like them stay."""
    page = BANNER + TOP + MENU + f"<{wrapper}>{MATTER}{SHARE}</{wrapper.split()[0]}>" + SIDE + FOOT
    assert _lines(tmp_path / "x", page) == READ


def test_a_title_that_stands_before_the_matter_is_kept(tmp_path: Path) -> None:
    """Many sites put the heading into the header."""
    page = f"{MENU}<header><h1>Rates</h1></header><main><p>{'Shipping costs twelve. ' * 10}</p></main>"
    assert _lines(tmp_path / "x", page)[0] == "Rates"


@pytest.mark.parametrize(
    "page",
    [
        MENU,
        f'<div class="sidebar">{MENU}</div>',
        f"{MENU}<main></main>",
        '<div class="modal"><a href="x">All there is</a></div>',
    ],
)
def test_a_page_of_nothing_but_links_is_not_emptied(page: str, tmp_path: Path) -> None:
    """A list of contents is the page."""
    assert _lines(tmp_path / "x", page)


def test_links_within_running_text_are_no_menu(tmp_path: Path) -> None:
    """A paragraph that cites much is a paragraph."""
    text = (
        "As <a>Ana</a> says, <a>Luis</a> writes and <a>Eva</a> proves at length, weights are weighed twice."
    )
    assert _lines(tmp_path / "x", f"<p>{text}</p><p>{'More words follow here. ' * 5}</p>")[0].startswith(
        "As Ana says"
    )


def test_consent_dialogs_of_known_makers_are_left_out(tmp_path: Path) -> None:
    """In Spanish as well; they speak of cookies or privacy."""
    for name in ("onetrust-banner-sdk", "CybotCookiebotDialog", "aviso-cookies", "gdpr-banner"):
        box = f'<div id="{name}"><h2>Su privacidad</h2><p>Usamos cookies propias y de terceros.</p></div>'
        assert _lines(tmp_path / "x", box + f"<div>{MATTER}</div>") == READ
