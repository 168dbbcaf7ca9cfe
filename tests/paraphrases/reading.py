"""The paraphrases beside this file, split in halves by their text alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal
from uuid import UUID, uuid5

from ruamel.yaml import YAML

from appliance.domain.data import OfferedSource, SavedParameter, SavedQuestion
from querying.testing.shop import shop_schema
from querying.types import Column, Schema, Table
from rag.analysis import Analyzer

Half = Literal["development", "held-out"]
SOURCE = UUID(int=9)
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Asked:
    """wanted: the id of the saved question it asks; None: none of them."""

    text: str
    wanted: str | None
    language: str


@dataclass(frozen=True)
class Paraphrases:
    """saved: by id."""

    today: date
    saved: dict[str, SavedQuestion]
    asked: Sequence[Asked]
    source: OfferedSource

    def half(self, wanted: Half) -> list[Asked]:
        """Which one a text is in follows from its hash."""
        return [one for one in self.asked if half_of(one.text) == wanted]


def half_of(text: str) -> Half:
    """The same on every machine, and decided before anything was tuned."""
    return "development" if sha256(text.encode()).digest()[0] % 2 else "held-out"


def paraphrases(path: Path = HERE / "shop.yaml") -> Paraphrases:
    """All of a file."""
    read = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    analyzer = Analyzer()
    saved = {one["id"]: _saved(one, analyzer) for one in read["saved"]}
    asked = [
        Asked(text, one["id"], _language(text, analyzer)) for one in read["saved"] for text in one["right"]
    ]
    asked += [Asked(text, None, _language(text, analyzer)) for text in read["wrong"]]
    tables = tuple(
        Table(name, tuple(Column(column, "other") for column in columns.split()))
        for name, columns in read.get("tables", {}).items()
    )
    schema = Schema("sqlite", tables) if tables else shop_schema("sqlite")
    return Paraphrases(read["today"], saved, asked, OfferedSource(SOURCE, path.stem, "sqlite", schema))


def _saved(one: dict[str, Any], analyzer: Analyzer) -> SavedQuestion:
    parameters = tuple(
        SavedParameter(gap["name"], gap["kind"], "", gap["default"], tuple(gap.get("choices", ())))
        for gap in one.get("p", ())
    )
    language: Literal["en", "es"] = "es" if analyzer.language(one["q"]) == "es" else "en"
    return SavedQuestion(
        uuid5(SOURCE, one["id"]), SOURCE, one["q"], one["sql"], language, tuple(one.get("w", ())), parameters
    )


def _language(text: str, analyzer: Analyzer) -> str:
    return analyzer.language(text) or "?"
