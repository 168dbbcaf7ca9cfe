"""Every tag and attribute that a browser would see in a piece of HTML, and how deep it nests."""

from __future__ import annotations

from html.parser import HTMLParser

_VOID = {"br", "hr"}


class Parts(HTMLParser):
    """feed it; then tags, attributes (name, value) and deepest are there."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.deepest = 0
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in _VOID:
            self._depth += 1
            self.deepest = max(self.deepest, self._depth)

    def handle_endtag(self, tag: str) -> None:
        self._depth -= tag not in _VOID
