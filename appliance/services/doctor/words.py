"""What a finding says in English, the language of the command line."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """sentence: what it means; remedy: what to do, empty where nothing is to be done. `{name}`: a value of it."""

    sentence: str
    remedy: str = ""
