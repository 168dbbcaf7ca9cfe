"""An English sentence that knows its code and the values in it, so that it can be told in another language as well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self


class CodedText(str):
    """code: stands for the same sentence for ever. values: what stands in its places, as it is shown."""

    SENTENCES: ClassVar[Mapping[str, str]]
    """By code; places are names in braces."""
    MOST_VALUE: ClassVar[int]
    """Characters that are shown of a value."""

    __slots__ = ("code", "values")
    code: str
    values: Mapping[str, str]

    def __new__(cls, code: str, **values: object) -> Self:
        """Raises KeyError for an unknown code, or where a value is missing."""
        shown = {name: str(value)[: cls.MOST_VALUE] for name, value in values.items()}
        text = super().__new__(cls, cls.SENTENCES[code].format_map(shown))
        text.code = code
        text.values = shown
        return text
