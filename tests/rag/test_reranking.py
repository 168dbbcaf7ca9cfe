"""A reranker orders last, within its time; a tiny real cross-encoder is made here."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from appliance.bootstrap.reranker import choose_reranking
from appliance.errors import StartupError
from rag.documents import Passage
from rag.rerankers.onnx_cross_encoder import OnnxCrossEncoder, probability
from rag.reranking import RERANKER_LATE, RERANKER_UNAVAILABLE, RerankerUnavailable, Reranking
from rag.settings import RetrievalSettings

WORDS = [
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "leave",
    "days",
    "laptop",
    "canteen",
    "opens",
    "noon",
    "how",
    "many",
    "thirty",
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder that counts the words which question and text share: its logit is twice that, less three."""
    folder = tmp_path_factory.mktemp("rerankers") / "shared-words"
    folder.mkdir()
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 1), ("[SEP]", 2)],
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["b", "n"]) for name in names]
    output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["b", 1])
    numbers = {"columns": [2], "rows": [1], "ends": [2], "one": [1]}
    constants = [helper.make_tensor(name, TensorProto.INT64, [1], value) for name, value in numbers.items()]
    constants += [
        helper.make_tensor("two", TensorProto.FLOAT, [], [2.0]),
        helper.make_tensor("three", TensorProto.FLOAT, [], [3.0]),
        helper.make_tensor("sides", TensorProto.INT64, [2], [1, 2]),
    ]
    steps = [
        ("Unsqueeze", ["input_ids", "columns"], "as_column", {}),
        ("Unsqueeze", ["input_ids", "rows"], "as_row", {}),
        ("Equal", ["as_column", "as_row"], "equal", {}),
        ("Greater", ["input_ids", "ends"], "is_word", {}),
        ("Equal", ["token_type_ids", "one"], "is_text", {}),
        ("Not", ["is_text"], "is_question", {}),
        ("And", ["is_word", "is_question"], "asked", {}),
        ("Unsqueeze", ["asked", "columns"], "asked_column", {}),
        ("Unsqueeze", ["is_text", "rows"], "text_row", {}),
        ("And", ["asked_column", "text_row"], "across", {}),
        ("And", ["equal", "across"], "shared", {}),
        ("Cast", ["shared"], "counted", {"to": TensorProto.FLOAT}),
        ("ReduceSum", ["counted", "sides"], "sum", {"keepdims": 0}),
        ("Mul", ["sum", "two"], "doubled", {}),
        ("Sub", ["doubled", "three"], "less", {}),
        ("Unsqueeze", ["less", "one"], "logits", {}),
    ]
    nodes = [helper.make_node(kind, given, [made], **more) for kind, given, made, more in steps]
    graph = helper.make_graph(nodes, "shared-words", inputs, [output], constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(made, str(folder / "model.onnx"))
    return folder


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
