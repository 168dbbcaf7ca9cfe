"""What of a web page belongs to the site and not to the page: navigation, cookie banners, side bars, footers.

Says which elements to leave out; never so much that little of the page would be left. Goes by what the page says of
itself (`main`, roles), by the names that site builders give such boxes, and by how much of a box is links.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml.html import HtmlElement

_CONTENT = frozenset({"main", "article", "body", "html"})
_BOXES = frozenset({"div", "section", "aside", "ul", "ol", "header", "form", "table", "p", "details", "menu"})
_ROLES = frozenset(
    {
        "navigation",
        "banner",
        "contentinfo",
        "search",
        "dialog",
        "alertdialog",
        "menu",
        "menubar",
        "complementary",
    }
)
_CONSENT_NAME = re.compile(
    r"cookie[-_]?(?:banner|bar|consent|notice|popup|modal|law|message|warning|overlay|wall|info|policy|container|box)"
    r"|(?:consent|gdpr|privacy|lopd|rgpd)[-_]?(?:banner|bar|notice|popup|modal|overlay|manager|dialog)"
    r"|onetrust|cookiebot|cybotcookie|usercentrics|didomi|iubenda|\bcc-(?:window|banner)\b|aviso[-_]?cookies",
    re.IGNORECASE,
)
_CONSENT_WORDS = re.compile(r"cookie|consent|privacy|privacidad|RGPD|GDPR", re.IGNORECASE)
_FURNITURE_NAME = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|navigation|navegacion|menu|submenu|mainmenu|breadcrumbs?|migas|topbar|toolbar|sidebar"
    r"|side-bar|skip-?links?|share|sharing|social|newsletter|subscribe|popup|modal|advert(?:isement)?s?|promo|sponsor"
    r"|related(?:-posts)?|pagination|pager|site-?header|site-?footer|page-?footer|footer|pie|copyright)(?:$|[\s_-])",
    re.IGNORECASE,
)
_LONGEST_CONSENT = 3_000  # characters
_SHORT = 250  # of a box so named that need not be links
_MOSTLY, _PARTLY = 0.7, 0.3  # share of links
_LEAST_LINKS = 3
_LONGEST_LABEL = 40  # characters of a link in a menu, on average
_LEAST_MAIN_CHARS, _LEAST_MAIN_SHARE = 200, 0.3
_LEAST_LEFT = 0.25  # of the page's characters; else it is a page of links and boxes


@dataclass(slots=True)
class _Size:
    chars: int = 0
    linked: int = 0
    links: int = 0


def furniture(root: HtmlElement) -> frozenset[HtmlElement]:
    """The outermost elements to leave out."""
    sizes = _sizes(root)
    whole = sizes[root].chars
    main = _main(root, sizes, whole)
    found = set(_around(main, root)) if main is not None else set()
    named = {e for e in root.iter() if isinstance(e.tag, str) and _is_named(e, sizes[e], whole)}
    lists = {e for e in root.iter("ul", "ol", "div", "p") if _is_menu(e, sizes[e])} if main is None else set()
    for kind in (named, lists):
        left = whole - sum(sizes[element].chars for element in _outermost(found | kind))
        if left >= _LEAST_LEFT * whole:
            found |= kind
    return frozenset(found)


def _sizes(root: HtmlElement) -> dict[HtmlElement, _Size]:
    """Characters and links below every element, without what browsers do not show."""
    sizes: dict[HtmlElement, _Size] = {}
    for element in reversed(list(root.iter())):
        size = sizes.setdefault(element, _Size())
        if isinstance(element.tag, str) and element.tag not in (
            "script",
            "style",
            "head",
            "template",
            "noscript",
        ):
            size.chars += _length(element.text)
        else:
            size.chars = size.linked = size.links = 0
        if element.tag == "a":
            size.linked, size.links = size.chars, 1
        parent = element.getparent()
        if parent is not None and element is not root:
            above = sizes.setdefault(parent, _Size())
            above.chars += size.chars + _length(element.tail)
            above.linked += size.linked
            above.links += size.links
    return sizes


def _length(text: str | None) -> int:
    return len(" ".join(text.split())) if text else 0


def _main(root: HtmlElement, sizes: dict[HtmlElement, _Size], whole: int) -> HtmlElement | None:
    """The one element that says it is the page's matter, and holds enough to be believed."""
    mains = [
        e for e in root.iter() if e.tag == "main" or (isinstance(e.tag, str) and e.get("role") == "main")
    ]
    outer = [e for e in mains if not any(other in mains for other in e.iterancestors())]
    if len(outer) != 1:
        return None
    chars = sizes[outer[0]].chars
    return outer[0] if chars >= _LEAST_MAIN_CHARS or chars >= _LEAST_MAIN_SHARE * whole else None


def _around(main: HtmlElement, root: HtmlElement) -> Iterator[HtmlElement]:
    """Everything beside the way down to it, but for the page's own title."""
    inside: HtmlElement = main
    for ancestor in main.iterancestors():
        for child in ancestor:
            if (
                child is not inside
                and isinstance(child.tag, str)
                and child.tag != "h1"
                and child.find(".//h1") is None
            ):
                yield child
        if ancestor is root:
            return
        inside = ancestor


def _is_named(element: HtmlElement, size: _Size, whole: int) -> bool:
    if element.tag in _CONTENT or size.chars > (1 - _LEAST_LEFT) * whole:
        return False
    if element.get("role") in _ROLES:
        return element.find(".//h1") is None
    name = f"{element.get('class') or ''} {element.get('id') or ''}"
    if not name.strip() or element.tag not in _BOXES:
        return False
    if _CONSENT_NAME.search(name):
        return size.chars <= _LONGEST_CONSENT and bool(_CONSENT_WORDS.search("".join(element.itertext())))
    if not _FURNITURE_NAME.search(name) or element.find(".//h1") is not None:
        return False
    return size.linked >= _PARTLY * size.chars or (size.chars <= _SHORT and size.links > 0)


def _is_menu(element: HtmlElement, size: _Size) -> bool:
    """A run of short links with nothing to be read between them."""
    return (
        size.links >= _LEAST_LINKS
        and size.linked >= _MOSTLY * size.chars
        and size.chars <= size.links * _LONGEST_LABEL
        and not any(ancestor.tag in ("main", "article", "table") for ancestor in element.iterancestors())
    )


def _outermost(elements: set[HtmlElement]) -> Iterator[HtmlElement]:
    return (e for e in elements if not any(ancestor in elements for ancestor in e.iterancestors()))
