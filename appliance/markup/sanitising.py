"""The allow-list that everything an answer shows has passed: nothing in it acts, loads or restyles."""

from __future__ import annotations

import re

import nh3

FORMULA_TAGS = frozenset(
    {"math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "msub", "msup", "msubsup", "mfrac", "msqrt", "mroot", "mover",
     "munder", "munderover", "mtable", "mtr", "mtd", "mstyle", "mpadded", "mphantom", "menclose", "mmultiscripts",
     "mprescripts", "none"}
)  # fmt: skip
FORMULA_ATTRIBUTES = frozenset(
    {"display", "mathvariant", "stretchy", "fence", "separator", "form", "accent", "accentunder", "lspace", "rspace",
     "linethickness", "columnalign", "columnspacing", "rowspacing", "columnlines", "rowlines", "displaystyle",
     "scriptlevel", "width", "height", "depth", "minsize", "maxsize", "symmetric", "largeop", "movablelimits",
     "notation"}
)  # fmt: skip
_TAGS = FORMULA_TAGS | {
    "a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "mark", "ol",
    "p", "pre", "s", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
_ATTRIBUTES = {
    **{tag: set(FORMULA_ATTRIBUTES) for tag in FORMULA_TAGS},
    "a": {"href", "title", "class", "data-citation", "role", "tabindex"},
    "code": {"class"},
    "li": {"class"},
    "mark": {"class"},
    "ol": {"start"},
    "pre": {"class"},
    "span": {"class"},
    "td": {"class"},
    "th": {"class"},
}
# The short ones are Pygments' names of what a word of a program is.
_CLASS = re.compile(
    r"(citation|picture|unsupported|match|task|task done|box|formula|plain|language-[\w+#-]{1,32}"
    r"|align-(left|right|center)|[a-z][a-z0-9]{0,2})\Z"
)
_ADDRESSES = ("https://", "http://", "mailto:")
_MEASURE = re.compile(r"[\w .,%+-]{1,40}\Z")


def _keep_attribute(tag: str, attribute: str, value: str) -> str | None:
    if attribute == "class":
        return value if _CLASS.match(value) else None
    if attribute == "href":  # no address of this appliance either: an answer has no business there
        return value if value.lower().startswith(_ADDRESSES) else None
    if tag in FORMULA_TAGS:
        return value if _MEASURE.match(value) else None
    return value


_CLEANER = nh3.Cleaner(
    tags=set(_TAGS),
    attributes=_ATTRIBUTES,
    url_schemes={"http", "https", "mailto"},
    link_rel="noopener noreferrer",
    set_tag_attribute_values={"a": {"target": "_blank"}},
    attribute_filter=_keep_attribute,
)


def sanitise(html: str) -> str:
    """The HTML with nothing left but what is on the list."""
    return _CLEANER.clean(html)
