"""What a parser may use up before a document is refused; plain values, so that the parsing child needs no pydantic."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ParsingLimits:
    """Checked by the parsers themselves; memory, CPU and wall-clock time are checked from outside.

    max_inflation: how many times larger than its packed form a ZIP member may become. max_children,
    max_children_bytes: files inside of one archive or mail, and what they add up to. max_nesting: archives within
    archives, the outermost counted.
    """

    max_pages: int = 5_000
    max_text_chars: int = 20_000_000
    max_rows: int = 200_000
    max_cells: int = 2_000_000
    max_members: int = 10_000
    max_inflated_bytes: int = 256 * 2**20
    max_inflation: int = 100
    max_children: int = 2_000
    max_children_bytes: int = 60 * 2**20
    max_nesting: int = 3
