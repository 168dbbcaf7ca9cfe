"""Ways to answer that are offered as model names. A new one is one file and one line here."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.ports import Pipeline, PipelineParts

PIPELINES = {
    "answer-with-sources": "appliance.pipelines.answer_with_sources:AnswerWithSources",
    "answer-from-data": "appliance.pipelines.answer_from_data.pipeline:AnswerFromData",
    "answer-with-tools": "appliance.pipelines.answer_with_tools.pipeline:AnswerWithTools",
    "summarise": "appliance.pipelines.summarise:Summarise",
}
# Not a model name: what answers in a chat that has files of its own, whichever model is asked.
FOR_FILES = "appliance.pipelines.answer_from_files:AnswerFromFiles"


def load_pipelines(parts: PipelineParts) -> dict[str, Pipeline]:
    """Every row, made with what pipelines may use."""
    return {name: load_pipeline(row, parts) for name, row in PIPELINES.items()}


def load_pipeline(row: str, parts: PipelineParts) -> Pipeline:
    """row: `module:class`, whose `made_from` takes the parts."""
    module, _, attribute = row.partition(":")
    made: Pipeline = getattr(importlib.import_module(module), attribute).made_from(parts)
    return made
