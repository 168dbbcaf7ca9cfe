r"""RTF as a flat run of tokens and characters: control words, groups, and text in the code page that is on.

Rich Text Format 1.9.1. One pass with one regular expression; no recursion, whatever the depth.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from rag.errors import DocumentDangerous, DocumentTooLarge
from rag.notes import Note

_CONTROL = (
    r"\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})? ?|\\'(?P<hex>[0-9a-fA-F]{2})|\\(?P<symbol>[^a-zA-Z'])"
    r"|(?P<brace>[{}])|(?P<text>[^\\{}\r\n]+)"
)
# Languages that are no Latin ones come as long runs of \u with one character each for old programs.
_RUN = r"(?P<run>(?:\\u-?\d{1,5} ?(?:\?|\\'[0-9a-fA-F]{2})){2,})"
_SINGLE = re.compile(f"{_CONTROL}|(?P<run>(?!))", re.DOTALL)
_TOKEN = re.compile(f"{_RUN}|{_CONTROL}", re.DOTALL)
_OF_RUN = re.compile(r"\\u(-?\d{1,5})")
_MAX_TOKENS = 2_000_000  # a text of a thousand pages has a fifth of it
_MAX_DEPTH = 2_000  # groups within groups; Word writes about ten
# \fcharset → code page (RTF 1.9.1, "Font Table").
_CHARSETS = {
    0: "cp1252", 77: "mac_roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gbk", 136: "big5", 161: "cp1253",
    162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874",
    238: "cp1250", 254: "cp437", 255: "cp850",
}  # fmt: skip
_CHARACTER_SETS = {"ansi": "cp1252", "mac": "mac_roman", "pc": "cp437", "pca": "cp850"}
_SPECIAL = {
    "emdash": "—", "endash": "–", "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”", "bullet": "•",
    "tab": " ", "emspace": " ", "enspace": " ", "qmspace": " ", "line": "\n", "lbr": "\n",
}  # fmt: skip
_SYMBOLS = {"~": "\u00a0", "_": "\u2011", "{": "{", "}": "}", "\\": "\\"}

Kind = Literal["open", "close", "word", "text"]


@dataclass(frozen=True, slots=True)
class Token:
    """word: its control word, with its number; text: characters; `open` and `close`: a group."""

    kind: Kind
    text: str = ""
    number: int | None = None
    is_optional: bool = False  # after \\*: a destination to be left out by whoever does not know it


@dataclass(frozen=True, slots=True)
class _State:
    code_page: str
    fallback_chars: int = 1  # characters after \\u that stand for it in old programs
    in_fonts: bool = False


class Tokens:
    """The tokens of one file. data: its bytes as Latin-1."""

    def __init__(self, data: str) -> None:
        self._data = data
        self._default = "cp1252"
        self._fonts: dict[int, str] = {}
        self._font = 0
        self._pending = bytearray()
        self._skip = 0
        self._stack: list[_State] = []
        self._state = _State(self._default)
        self._is_optional = False
        self._at = 0

    def __iter__(self) -> Iterator[Token]:
        tokens = 0
        while match := self._pattern.search(self._data, self._at):
            self._at = match.end()
            tokens += 1
            if tokens > _MAX_TOKENS:
                raise DocumentTooLarge(Note("rtf_too_many", most=_MAX_TOKENS))
            if match["text"] is not None:
                self._bytes(match["text"])
            elif match["hex"] is not None:
                self._bytes(chr(int(match["hex"], 16)))
            else:
                yield from self._flush(self._state)
                yield from self._control(match)
        yield from self._flush(self._state)

    @property
    def _pattern(self) -> re.Pattern[str]:
        return _TOKEN if self._state.fallback_chars == 1 else _SINGLE

    def _control(self, match: re.Match[str]) -> Iterator[Token]:
        if match["run"] is not None:
            self._skip = 0
            yield Token(
                "text", "".join(chr(int(number) % 0x10000) for number in _OF_RUN.findall(match["run"]))
            )
        elif match["word"] is not None:
            yield from self._word(match["word"], int(match["number"]) if match["number"] else None)
        elif match["brace"] is not None:
            yield self._brace(match["brace"])
        elif match["symbol"] == "*":
            self._is_optional = True
        elif match["symbol"] in ("\n", "\r"):
            yield Token("word", "par")
        elif match["symbol"] in _SYMBOLS:
            yield from self._characters(_SYMBOLS[match["symbol"]])

    def _brace(self, brace: str) -> Token:
        self._skip = 0
        if brace == "{":
            if len(self._stack) >= _MAX_DEPTH:
                raise DocumentDangerous(Note("rtf_too_deep"))
            self._stack.append(self._state)
            return Token("open")
        if self._stack:
            self._state = self._stack.pop()
        return Token("close")

    def _word(self, word: str, number: int | None) -> Iterator[Token]:
        is_optional, self._is_optional = self._is_optional, False
        if word == "bin":
            self._at += max(number or 0, 0)
        elif word == "u" and number is not None:
            yield Token("text", chr(number % 0x10000))
            self._skip = self._state.fallback_chars
        elif word in _SPECIAL:
            yield from self._characters(_SPECIAL[word])
        else:
            self._state = self._state_after(self._state, word, number)
            yield Token("word", word, number, is_optional)

    def _state_after(self, state: _State, word: str, number: int | None) -> _State:
        if word == "f" and number is not None:
            self._font = number
            return (
                state if state.in_fonts else replace(state, code_page=self._fonts.get(number, self._default))
            )
        if word == "fcharset" and number in _CHARSETS:
            self._fonts[self._font] = self._default if number in (0, 1) else _CHARSETS[number]
        elif word == "fonttbl":
            return replace(state, in_fonts=True)
        elif word == "uc" and number is not None:
            return replace(state, fallback_chars=min(max(number, 0), 10))
        elif word == "ansicpg" and number is not None:
            self._default = {65001: "utf-8", 10000: "mac_roman"}.get(number, f"cp{number}")
            return replace(state, code_page=self._default)
        elif word in _CHARACTER_SETS:
            self._default = _CHARACTER_SETS[word]
            return replace(state, code_page=self._default)
        elif word == "plain":
            return replace(state, code_page=self._default)
        return state

    def _bytes(self, characters: str) -> None:
        """Keep bytes until it is sure that no second half of a character follows; leave out what stands in for \\u."""
        if self._skip:
            dropped = min(self._skip, len(characters))
            self._skip -= dropped
            characters = characters[dropped:]
        self._pending += characters.encode("latin-1", "replace")

    def _characters(self, characters: str) -> Iterator[Token]:
        if self._skip:
            self._skip -= 1
        else:
            yield Token("text", characters)

    def _flush(self, state: _State) -> Iterator[Token]:
        if not self._pending:
            return
        data = bytes(self._pending)
        self._pending.clear()
        try:
            yield Token("text", data.decode(state.code_page, "replace"))
        except LookupError:
            yield Token("text", data.decode("cp1252", "replace"))
