"""Joins what answers: pipelines by name, plain models, and what both are made from."""

from __future__ import annotations

from appliance.bootstrap.data import DataRoom
from appliance.bootstrap.gate import GateRoom
from appliance.bootstrap.knowledge import KnowledgeParts
from appliance.pipelines import FOR_FILES, load_pipeline, load_pipelines
from appliance.pipelines.declared.shelf import EveryPipeline
from appliance.pipelines.history import FittedHistories
from appliance.ports import PipelineParts
from appliance.ports.prompts import Prompts
from appliance.ports.tools import Tools
from appliance.services.chat import Chat
from appliance.settings import Settings
from inference.ports import Embedder
from rag.analysis import Analyzer
from rag.quoter import Quoter


def build_chat(
    room: GateRoom,
    knowledge: KnowledgeParts,
    data: DataRoom,
    embedder: Embedder,
    settings: Settings,
    tools: Tools,
    prompts: Prompts,
) -> tuple[Chat, EveryPipeline]:
    """Whatever may be asked by a model's name, and the pipelines among it, which declared ones may join."""
    analyzer = Analyzer(settings.retrieval.languages)
    parts = PipelineParts(
        Quoter(embedder, analyzer), analyzer, knowledge.documents, data.desk, data.saved, tools, prompts
    )
    every = EveryPipeline(load_pipelines(parts))
    chat = Chat(
        room.gate,
        every,
        knowledge.search,
        default_model=settings.models.default,
        for_files=load_pipeline(FOR_FILES, parts),
        histories=FittedHistories(),
        prompts=prompts,
    )
    return chat, every
