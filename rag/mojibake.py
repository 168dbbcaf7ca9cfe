"""Text that was UTF-8, was read as Windows-1252 or Mac Roman and saved again: "Ã±" for "ñ". Found, and turned back.

Right text is not touched: a line is repaired only where it turns back to sense as a whole (ftfy's judgement), and only
when most lines of the text that are not plain ASCII are of that kind. A page that quotes such a line stays as it is.
"""

from __future__ import annotations

import re

# A sequence of such text is at least two characters beyond ASCII, the first of them of few.
_SUSPECT = re.compile(
    "[\u00c2-\u00f4\u0192\u201a\u201e\u221a\u2202\u00ac\u2260\u2248\u0152\u0153\u0391-\u03ff\u0410-\u042f][^\\x00-\\x7f]"
)
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_MOST = 0.5


def repaired(text: str) -> tuple[str, int]:
    """The text as it was meant, and how many lines were repaired; 0 where nothing was."""
    if not _SUSPECT.search(text):
        return text, 0
    # Imported late: the gateway, which only asks for media types, has no use for it.
    from ftfy import TextFixerConfig, fix_encoding
    from ftfy.badness import is_bad

    # Only what can be undone exactly: no guessing at lost bytes, no repairs within lines that are right elsewhere.
    config = TextFixerConfig(replace_lossy_sequences=False, decode_inconsistent_utf8=False)
    lines = text.split("\n")
    garbled = foreign = 0
    for number, line in enumerate(lines):
        if not _BEYOND_ASCII.search(line):
            continue
        foreign += 1
        if _SUSPECT.search(line) and is_bad(line):
            fixed = fix_encoding(line, config)
            garbled += fixed != line
            lines[number] = fixed
    if garbled and garbled >= _MOST * foreign:
        return "\n".join(lines), garbled
    return text, 0
