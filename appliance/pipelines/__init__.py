"""Ways to answer that are offered as model names. A new one is one file and one line here."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.ports import Pipeline
    from rag.analysis import Analyzer
    from rag.quoter import Quoter

PIPELINES = {
    "answer-with-sources": "appliance.pipelines.answer_with_sources:AnswerWithSources",
}


def load_pipelines(quoter: Quoter, analyzer: Analyzer) -> dict[str, Pipeline]:
    """Every row, made with what pipelines may use."""
    loaded: dict[str, Pipeline] = {}
    for name, row in PIPELINES.items():
        module, _, attribute = row.partition(":")
        loaded[name] = getattr(importlib.import_module(module), attribute)(quoter, analyzer)
    return loaded
