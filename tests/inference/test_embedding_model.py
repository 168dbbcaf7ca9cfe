"""The model that is built from the weights: the same vectors as the plain network, always the same, never too much."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from inference.embedding import build_minilm
from inference.embedding.build_minilm import ensure, weights_folder
from inference.embedding.onnx_embedder import OnnxEmbedder
from inference.embedding.token_counter import TokenCounter
from inference.errors import EmbedderUnavailable
from tests.embedding_models import MODELS, built_model

TEXTS = [
    "How many days of leave do I have?",
    "¿Cuántos días de vacaciones tengo al año?",
    "Staff have thirty days of paid leave a year; part-time staff have leave in proportion to their hours.",
    "4.80 euros per parcel and 19.50 euros per pallet",
    "x",
    "The dock doors close at 18:00. " * 40,
]


@pytest.fixture(scope="module")
def embedder() -> OnnxEmbedder:
    """The built model."""
    return _shared_embedder()


class PlainNetwork:
    """BERT with mean pooling in numpy and float64, straight from the published weights."""

    def __init__(self) -> None:
        from safetensors.numpy import load_file

        source = weights_folder()
        self.config = json.loads((source / "config.json").read_text())
        self.weights = {k: v.astype(np.float64) for k, v in load_file(source / "model.safetensors").items()}

    def vector(self, ids: list[int]) -> NDArray[np.float64]:
        """Token ids of one text -> its unit vector."""
        w = self.weights
        x = w["embeddings.word_embeddings.weight"][ids]
        x = x + w["embeddings.position_embeddings.weight"][: len(ids)]
        x = self._norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for layer in range(self.config["num_hidden_layers"]):
            x = self._layer(x, f"encoder.layer.{layer}.")
        mean = x.mean(0)
        return mean / np.linalg.norm(mean)

    def _layer(self, x: NDArray[np.float64], layer: str) -> NDArray[np.float64]:
        heads = self.config["num_attention_heads"]
        query, key, value = (
            self._linear(x, f"{layer}attention.self.{part}").reshape(len(x), heads, -1).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / np.sqrt(query.shape[-1])
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        shares /= shares.sum(-1, keepdims=True)
        mixed = (shares @ value).transpose(1, 0, 2).reshape(len(x), -1)
        attended = self._linear(mixed, layer + "attention.output.dense")
        x = self._norm(x + attended, layer + "attention.output.LayerNorm")
        inner = self._linear(x, layer + "intermediate.dense")
        outer = self._linear(_gelu(inner), layer + "output.dense")
        return self._norm(x + outer, layer + "output.LayerNorm")

    def _linear(self, x: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        return x @ self.weights[name + ".weight"].T + self.weights[name + ".bias"]

    def _norm(self, x: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        centred = x - x.mean(-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(-1, keepdims=True) + self.config["layer_norm_eps"])
        return centred / spread * self.weights[name + ".weight"] + self.weights[name + ".bias"]


def _gelu(x: NDArray[np.float64]) -> NDArray[np.float64]:
    from math import erf

    return x * 0.5 * (1 + np.vectorize(erf)(x / np.sqrt(2)))


def test_the_int8_model_agrees_with_the_plain_network(embedder: OnnxEmbedder) -> None:
    """Cosine of at least .98 for short and long texts of both languages."""
    from tokenizers import Tokenizer

    plain = PlainNetwork()
    tokenizer = Tokenizer.from_file(str(built_model() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)

    cosines = [
        float(plain.vector(tokenizer.encode(text).ids).astype(np.float32) @ embedder.vector(text))
        for text in TEXTS
    ]

    assert min(cosines) >= 0.98


async def test_the_same_text_has_the_same_vector_whatever_comes_with_it(embedder: OnnxEmbedder) -> None:
    """Bit for bit, alone or in company, as question or as passage."""
    alone = [await embedder.embed_query(text) for text in TEXTS]

    together = await embedder.embed_passages(list(reversed(TEXTS)))

    assert np.array_equal(np.array(alone), together[::-1])


def test_vectors_have_unit_length_and_the_promised_shape(embedder: OnnxEmbedder) -> None:
    """dimension numbers of length 1, for an empty text too."""
    for text in ["", *TEXTS]:
        vector = embedder.vector(text)
        assert vector.shape == (embedder.dimension,) == (384,)
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_meaning_is_nearer_than_chance(embedder: OnnxEmbedder) -> None:
    """A paraphrase without a common word is nearer than a text on something else."""
    question = embedder.vector("How do I get my money back?")

    near, far = (
        embedder.vector(t) for t in ("Refunds are paid within 14 days.", "The forklift needs a licence.")
    )

    assert question @ near > question @ far + 0.1


def test_text_beyond_the_limit_is_not_seen(embedder: OnnxEmbedder) -> None:
    """A megabyte costs as much as 256 tokens, and says as much."""
    text = "dock door " * 400

    assert np.array_equal(embedder.vector(text), embedder.vector(text * 250))


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_has_a_vector(text: str) -> None:
    """Control characters, emoji, lone combining marks: no text breaks it."""
    assert np.isfinite(_shared_embedder().vector(text)).all()


@cache
def _shared_embedder() -> OnnxEmbedder:
    return OnnxEmbedder(built_model())


def test_tokens_are_counted_without_a_limit(embedder: OnnxEmbedder) -> None:
    """Both marks are in the embedder's count and not in the counter that cuts documents."""
    counter = TokenCounter(MODELS)

    assert embedder.count_tokens("hello world") == 4
    assert counter("hello world") == 2
    assert counter("word " * 5_000) == 5_000


def test_the_build_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    """Two builders at once give one model; what is left of a broken one is built anew; nothing else stays behind."""
    program = "import sys, pathlib; from inference.embedding.build_minilm import ensure; "
    command = [sys.executable, "-c", program + "print(ensure(pathlib.Path(sys.argv[1])))", str(tmp_path)]
    builders = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]

    folders = {builder.communicate(timeout=100)[0].strip() for builder in builders}

    assert len(folders) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [Path(folders.pop()).name]
    assert OnnxEmbedder(ensure(tmp_path)).model_id == OnnxEmbedder(built_model()).model_id


def test_two_builds_have_the_same_bytes(tmp_path: Path) -> None:
    """The model id stands for the vectors: the same weights and recipe give the same file."""
    other = ensure(tmp_path)

    assert (other / "model.onnx").read_bytes() == (built_model() / "model.onnx").read_bytes()


def test_missing_weights_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package the message says which one."""
    monkeypatch.setattr(build_minilm, "PACKAGE", "no_such_package")

    with pytest.raises(EmbedderUnavailable, match="no_such_package"):
        ensure(tmp_path)


def test_a_failed_build_says_why(tmp_path: Path) -> None:
    """A folder that cannot be written is a clear error and leaves nothing behind."""
    blocked = tmp_path / "models"
    blocked.write_text("a file where the folder should be")

    with pytest.raises(EmbedderUnavailable, match=str(blocked)):
        ensure(blocked)
