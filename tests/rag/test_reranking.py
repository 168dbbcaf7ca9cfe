"""A reranker orders last, within its time; a tiny real cross-encoder is made here."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from appliance.bootstrap.reranker import choose_reranking
from appliance.errors import StartupError
from inference.reranking.cross_encoder import probability
from rag.documents import Passage
from rag.rerankers.onnx_cross_encoder import OnnxCrossEncoder
from rag.reranking import RERANKER_LATE, RERANKER_UNAVAILABLE, RerankerUnavailable, Reranking
from rag.settings import RetrievalSettings
from tests.cross_encoders import make_cross_encoder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder that counts the words which question and text share: its logit is twice that, less three."""
    return make_cross_encoder(tmp_path_factory.mktemp("rerankers") / "shared-words")


def _passages(*texts: str) -> list[Passage]:
    return [Passage(n, uuid4(), "a.pdf", uuid4(), text, score=1.0 - n / 100) for n, text in enumerate(texts)]


async def test_the_model_s_order_and_scores_count(model: Path) -> None:
    """Best first by the cross-encoder; what it did not read stays behind in its order."""
    reranking = Reranking(OnnxCrossEncoder(model), candidates=3, budget_s=30)
    found = _passages("canteen opens noon", "laptop", "thirty leave days", "unread", "unread too")

    ranked, note = await reranking.reranked("how many leave days", found)

    assert note == ""
    assert [passage.text for passage in ranked[:1]] == ["thirty leave days"]
    assert ranked[0].score == pytest.approx(probability(np.array([1.0])))
    assert [passage.text for passage in ranked[3:]] == ["unread", "unread too"]
    assert [p.score for p in ranked] == sorted((p.score for p in ranked), reverse=True)


class Never:
    """A reranker that does not answer."""

    model_id = "never"

    async def scores(self, question: str, texts: Sequence[str]) -> Sequence[float]:
        """Waits for ever."""
        await asyncio.Event().wait()
        return []


class Broken:
    """A reranker that is not there."""

    model_id = "broken"

    async def scores(self, question: str, texts: Sequence[str]) -> Sequence[float]:
        """Refuses."""
        raise RerankerUnavailable


@pytest.mark.parametrize(("reranker", "note"), [(Never(), RERANKER_LATE), (Broken(), RERANKER_UNAVAILABLE)])
async def test_without_an_answer_in_time_the_order_stands(reranker: Never | Broken, note: str) -> None:
    """Passages come back untouched, with the reason."""
    found = _passages("one", "two")

    assert await Reranking(reranker, budget_s=0.01).reranked("one", found) == (found, note)


def test_a_folder_without_a_model_is_named_at_the_start(tmp_path: Path) -> None:
    """StartupError with the setting and the files that are missing; no setting, no reranker."""
    with pytest.raises(StartupError, match=r"retrieval\.reranker.*model\.onnx"):
        choose_reranking(RetrievalSettings(reranker=str(tmp_path)))

    assert choose_reranking(RetrievalSettings()) is None


async def test_the_settings_reach_the_model(model: Path) -> None:
    """What is configured is what is used."""
    settings = RetrievalSettings(reranker=str(model), reranker_candidates=2, reranker_budget_s=9)

    chosen = choose_reranking(settings)

    assert chosen is not None
    assert (chosen.reranker.model_id, chosen.candidates, chosen.budget_s) == ("shared-words", 2, 9)
