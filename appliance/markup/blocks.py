"""Where the top-level blocks of a growing text end, decided once the next one has begun.

What it costs is bounded: from a block on that is longer than anybody reads in one go, and after the first 300,000
characters or 2,000 blocks, the text is cut into plain pieces. Where it is cut does not depend on how it arrived.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from markdown_it.token import Token

from appliance.markup.parser import make_parser

_MOST_RICH = 300_000  # characters of an answer
_MOST_BLOCKS = 2000
_LONGEST_BLOCK = 32_000  # of one block that is not code
_LONGEST_CODE = 200_000
_PLAIN_PIECE = 16_000
_PARSER = make_parser()
_FENCE = re.compile(r"\n* {0,3}(`{3,}(?=[^`\n]*\n)|~{3,})")


@dataclass(frozen=True, slots=True)
class Source:
    """One block's Markdown. is_plain: too long to be read as such."""

    text: str
    is_plain: bool = False


class Blocks:
    """tail: what belongs to the last block so far. is_plain: that it is to be shown as it was written."""

    def __init__(self, text: str = "") -> None:
        self.tail = text
        self.is_plain = False
        self._taken = 0
        self._count = 0
        self._looked_for_fence = 0

    def finished(self) -> Iterator[Source]:
        """Cut off the blocks that no later text can change."""
        while pieces := self._plain_pieces() if self.is_plain else self._rich_pieces():
            for piece in pieces:
                self._taken += len(piece)
                self._count += 1
                self._looked_for_fence = 0
                if piece.strip():
                    yield Source(piece, self.is_plain)

    def _plain_pieces(self) -> list[str]:
        if len(self.tail) <= _PLAIN_PIECE:
            return []
        cut = self.tail.rfind("\n", 0, _PLAIN_PIECE) + 1 or _PLAIN_PIECE
        piece, self.tail = self.tail[:cut], self.tail[cut:]
        return [piece]

    def _rich_pieces(self) -> list[str]:
        """CommonMark decides blocks line by line, so only complete lines are asked: `2` could become an item."""
        if self._taken >= _MOST_RICH or self._count >= _MOST_BLOCKS:
            self.is_plain = True
            return self._plain_pieces()
        code = self._code_end()
        if code is None:  # a fence that is open
            return self._too_long(_LONGEST_CODE)
        limit = code + _LONGEST_BLOCK
        complete = self.tail[: self.tail.rfind("\n", 0, limit) + 1]
        starts = _starts(complete)
        if len(starts) < 2:
            return self._too_long(limit)
        lines = complete.splitlines(keepends=True)
        pieces = ["".join(lines[a:b]) for a, b in pairwise(starts)][: _MOST_BLOCKS - self._count]
        most = _MOST_RICH - self._taken
        while len(pieces) > 1 and sum(map(len, pieces[:-1])) >= most:
            pieces.pop()
        self.tail = self.tail[sum(map(len, pieces)) :]
        return pieces

    def _too_long(self, limit: int) -> list[str]:
        if len(self.tail) <= limit:
            return []
        self.is_plain = True
        return self._plain_pieces()

    def _code_end(self) -> int | None:
        """Where the fence that the tail begins with is closed: 0 where there is none, None where it is still open.

        Parsing all of a long program again and again would cost far more than looking for its end in what is new.
        """
        opening = _FENCE.match(self.tail)
        if opening is None:
            return 0
        mark = opening[1]
        closing = re.compile(rf"^ {{0,3}}{re.escape(mark[0])}{{{len(mark)},}}[ \t]*\n", re.MULTILINE)
        found = closing.search(self.tail, max(opening.end(), self._looked_for_fence))
        if found is None:
            self._looked_for_fence = self.tail.rfind("\n") + 1
            return None
        return found.end()


def _starts(text: str) -> list[int]:
    """First lines of the top-level blocks; the first block also owns the blank lines before it."""
    tokens: list[Token] = []
    _PARSER.block.parse(text, _PARSER, {"is_growing": True}, tokens)
    starts = [token.map[0] for token in tokens if token.level == 0 and token.map and token.nesting >= 0]
    return [0, *starts[1:]] if starts else []
