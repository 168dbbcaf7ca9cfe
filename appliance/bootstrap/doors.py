"""The doors that are served without FastAPI: chats and vectors on the fast path, and recordings."""

from __future__ import annotations

from appliance.api.embedding_answers import EmbeddingAnswers
from appliance.api.fast_path import FastPath
from appliance.api.identity import Identity
from appliance.api.rerank_answers import RerankAnswers
from appliance.api.responses.door import ResponsesDoor
from appliance.api.speech.answers import SpeechAnswers
from appliance.api.speech.door import SpeechDoor
from appliance.bootstrap.box import Box
from appliance.bootstrap.gate import GateRoom
from appliance.bootstrap.knowledge import KnowledgeParts
from appliance.bootstrap.reranker import served_reranker
from appliance.pipelines.grounding import Grounding
from appliance.ports.prompts import Prompts
from appliance.services.accounts import LiveRequests
from appliance.services.chat import Chat
from appliance.services.responses import Responses
from appliance.settings import Settings
from inference.embedding.client import EmbedderClient
from inference.ports import Embedder, Transcriber
from rag.analysis import Analyzer


def build_fast_path(
    room: GateRoom,
    chat: Chat,
    knowledge: KnowledgeParts,
    prompts: Prompts,
    responses: Responses,
    embedder: Embedder,
    client: EmbedderClient,
    identity: Identity,
    live: LiveRequests,
    settings: Settings,
) -> FastPath:
    """client: of the embedding process, which may rerank too."""
    embeddings = EmbeddingAnswers(embedder, room.gate, settings.models.aliases)
    shows_queue = settings.gate.queue_comments
    grounding = Grounding(knowledge.search, Analyzer(settings.retrieval.languages), prompts)
    return FastPath(
        identity,
        live,
        room.gate,
        chat,
        embeddings,
        RerankAnswers(
            served_reranker(settings.retrieval, client),
            embedder,
            embeddings,
            room.gate,
            settings.models.aliases,
        ),
        ResponsesDoor(room.gate, chat, responses, grounding=grounding, shows_queue=shows_queue),
        comment_after_s=settings.gate.comment_after_s,
        shows_queue=shows_queue,
    )


def build_speech_door(
    box: Box, room: GateRoom, transcriber: Transcriber, identity: Identity, live: LiveRequests
) -> SpeechDoor:
    """transcriber: where none is installed it says so."""
    settings = box.settings
    answers = SpeechAnswers(
        transcriber, room.gate, settings.models.aliases, shows_queue=settings.gate.queue_comments
    )
    return SpeechDoor(
        identity,
        live,
        answers,
        box.data / "speech",
        max_file_bytes=settings.speech.max_file_mb * 2**20,
        comment_after_s=settings.gate.comment_after_s,
    )
