"""Embedding models from elsewhere: a folder with an ONNX model, sentence-transformers, an engine's /v1/embeddings."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
from aiohttp import web

from inference.embedding.batching import batches
from inference.embedding.client import EmbedderClient
from inference.embedding.engine_embedder import EngineEmbedder
from inference.embedding.model_folder import ModelFolder
from inference.embedding.onnx_embedder import OnnxEmbedder, OnnxFolder
from inference.embedding.pooling import Pooling, pooled
from inference.embedding.sentence_transformers_embedder import SentenceTransformersEmbedder
from inference.embedding.specs import BUILT_IN, EmbeddingSpec, ahead, read_specs, write_specs
from inference.errors import EmbedderUnavailable
from inference.onnx_runtime import onnxruntime
from tests.embedding_models import MODELS, built_model
from tests.waiting import until

TINY_LLAMA = Path(__file__).resolve().parent.parent / "models" / "tiny-llama.gguf"
TEXTS = ["How many days of leave?", "The dock doors close at 18:00. " * 8, "x", "Doce meses de garantía."]


@cache
def _hidden_states() -> bytes:
    """The built-in network without its pooling, as an exporter writes a model of this kind."""
    import onnx

    model = onnx.load(str(built_model() / "model.onnx"))
    last = [node for node in model.graph.node if node.op_type == "LayerNormalization"][-1].output[0]
    del model.graph.output[:]
    model.graph.output.append(
        onnx.helper.make_tensor_value_info(last, onnx.TensorProto.FLOAT, ["b", "s", 384])
    )
    return bytes(model.SerializeToString())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model as multilingual-e5-small is laid out: mean pooling, and prefixes that its files do not name."""
    made = tmp_path / "multilingual-e5-tiny"
    (made / "onnx").mkdir(parents=True)
    (made / "1_Pooling").mkdir()
    (made / "onnx" / "model.onnx").write_bytes(_hidden_states())
    shutil.copyfile(built_model() / "tokenizer.json", made / "tokenizer.json")
    _write(made / "config.json", {"max_position_embeddings": 512, "pad_token_id": 0, "model_type": "bert"})
    _write(made / "sentence_bert_config.json", {"max_seq_length": 128})
    _write(
        made / "1_Pooling" / "config.json",
        {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False},
    )
    kinds = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    _write(
        made / "modules.json", [{"path": p, "type": f"sentence_transformers.models.{k}"} for p, k in kinds]
    )
    return made


def _write(path: Path, told: object) -> None:
    path.write_text(json.dumps(told), encoding="utf-8")


def test_an_onnx_folder_gives_its_models_own_vectors(folder: Path) -> None:
    """Pooling, prefixes, padding and limit come from the folder: alone or in a batch, it is the same network."""
    same = OnnxEmbedder(built_model())
    model = OnnxFolder(ModelFolder(folder))

    alone = np.concatenate([model.vectors([text]) for text in TEXTS])
    together = model.vectors(TEXTS)
    asked = model.vectors(TEXTS[:1], is_query=True)

    expected = np.array([same.vector(f"passage: {text}") for text in TEXTS])
    assert np.allclose(alone, expected, atol=1e-4)
    assert (together * expected).sum(1).min() > 0.95  # int8 activations are quantised per batch
    assert np.allclose(asked[0], same.vector(f"query: {TEXTS[0]}"), atol=1e-4)
    assert (model.card.dimension, model.card.max_tokens, model.card.device) == (384, 128, "cpu")
    assert model.card.model_id.startswith("multilingual-e5-tiny@")


def test_what_changes_the_vectors_changes_the_name(folder: Path) -> None:
    """Another prefix or another pooling is another model; another place on the disk is not."""
    before = ModelFolder(folder).digest
    moved = folder.parent / "elsewhere"
    shutil.copytree(folder, moved / folder.name)

    assert ModelFolder(moved / folder.name).digest == before
    assert ModelFolder(folder, query_prefix="").digest != before
    _write(folder / "1_Pooling" / "config.json", {"pooling_mode_cls_token": True})
    assert ModelFolder(folder).digest != before


@pytest.mark.parametrize(
    ("told", "prefixes"),
    [
        ({"prompts": {"query": "Q: ", "document": "D: "}}, ("Q: ", "D: ")),
        ({"prompts": {"query": "Q: ", "passage": "P: "}}, ("Q: ", "P: ")),
        ({"prompts": {"all": "A: "}, "default_prompt_name": "all"}, ("A: ", "A: ")),
        ({}, ("query: ", "passage: ")),
    ],
    ids=["query and document", "query and passage", "a default", "none, of the family e5"],
)
def test_prefixes_are_read_from_the_models_own_files(
    folder: Path, told: dict[str, Any], prefixes: tuple[str, str]
) -> None:
    """As its makers wrote them; the settings have the last word."""
    _write(folder / "config_sentence_transformers.json", told)

    own = ModelFolder(folder)

    assert (own.query_prefix, own.passage_prefix) == prefixes
    assert ModelFolder(folder, query_prefix="").query_prefix == ""


@pytest.mark.parametrize("pooling", [Pooling.CLS, Pooling.MEAN, Pooling.MAX, Pooling.LAST])
def test_padding_has_no_part_in_a_text(pooling: Pooling) -> None:
    """However it is pooled, a text has the same vector with padding behind it and without."""
    hidden = np.random.default_rng(1).standard_normal((1, 5, 4)).astype(np.float32)
    mask = np.array([[1, 1, 1, 0, 0]])

    assert np.allclose(pooled(hidden, mask, pooling), pooled(hidden[:, :3], mask[:, :3], pooling), atol=1e-6)


def test_a_folder_that_cannot_serve_says_what_is_missing(folder: Path, tmp_path: Path) -> None:
    """No graph, no tokenizer, a layer behind the pooling, a folder that is not there: each by its name."""
    with pytest.raises(EmbedderUnavailable, match="not a folder"):
        ModelFolder(tmp_path / "nowhere")
    modules = json.loads((folder / "modules.json").read_text())
    _write(
        folder / "modules.json", [*modules, {"path": "3_Dense", "type": "sentence_transformers.models.Dense"}]
    )
    with pytest.raises(EmbedderUnavailable, match="Dense"):
        OnnxFolder(ModelFolder(folder))
    (folder / "onnx" / "model.onnx").unlink()
    with pytest.raises(EmbedderUnavailable, match=r"model\.onnx"):
        OnnxFolder(ModelFolder(folder))
    (folder / "tokenizer.json").unlink()
    with pytest.raises(EmbedderUnavailable, match=r"tokenizer\.json"):
        OnnxFolder(ModelFolder(folder))


def test_without_a_graphics_card_it_says_so_and_runs(folder: Path) -> None:
    """Asked for CUDA where the runtime has none, it works on the CPU and tells the remedy."""
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")

    model = OnnxFolder(ModelFolder(folder), device="cuda")

    assert model.vectors(TEXTS).shape == (4, 384)
    assert model.card.device == "cpu" and "onnxruntime-gpu" in model.card.problem


def test_on_a_graphics_card_the_vectors_are_the_same(folder: Path) -> None:
    """The same model on CUDA and on the CPU."""
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("onnxruntime has no CUDA here: onnxruntime-gpu and a graphics card are needed")

    made = OnnxFolder(ModelFolder(folder), device="cuda")

    assert made.card.device == "cuda"
    assert (made.vectors(TEXTS) * OnnxFolder(ModelFolder(folder)).vectors(TEXTS)).sum(1).min() > 0.99


def test_batches_are_of_like_length() -> None:
    """Longest first; every text once; no batch beyond its texts or, padding included, its tokens."""
    lengths = [5, 200, 6, 199, 7, 5_000, 198]

    made = batches(lengths, most=3, most_tokens=600)

    assert made == [[5], [1, 3, 6], [4, 2, 0]]


def test_a_model_that_brings_programs_is_not_opened(tmp_path: Path) -> None:
    """Weights in a pickle, or Python files beside them: refused before anything is read."""
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(EmbedderUnavailable, match="safetensors"):
        SentenceTransformersEmbedder(ModelFolder(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"")
    (tmp_path / "modeling_own.py").write_text("raise SystemExit")
    with pytest.raises(EmbedderUnavailable, match="code of its own"):
        SentenceTransformersEmbedder(ModelFolder(tmp_path))


def test_sentence_transformers_by_path() -> None:
    """The built-in model's weights through sentence-transformers: near the int8 graph's vectors."""
    if find_spec("sentence_transformers") is None:
        pytest.skip("the optional extra `sentence-transformers` is not installed")
    from inference.embedding.build_minilm import weights_folder

    model = SentenceTransformersEmbedder(ModelFolder(weights_folder()))

    same = OnnxEmbedder(built_model()).vectors(TEXTS)
    assert (model.vectors(TEXTS) * same).sum(1).min() > 0.97


class Clock:
    """Seconds, by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class LlamaServer:
    """llama.cpp's own server with the tiny model, serving /v1/embeddings on a unix socket."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "llama.sock"
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        words = [
            "-m",
            "inference.engines.llama_cpp_server",
            "--model",
            str(TINY_LLAMA),
            "--socket",
            str(self.socket),
        ]
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, *words, "--embedding", "--name", "tiny", stdout=asyncio.subprocess.DEVNULL
        )
        await until(self._listens, 60)

    async def _listens(self) -> bool:
        """Its model is loaded, too: it listens before."""
        assert self.process is not None and self.process.returncode is None
        try:
            connector = aiohttp.UnixConnector(path=str(self.socket))
            async with (
                aiohttp.ClientSession(connector=connector) as session,
                session.get("http://llama/health") as answer,
            ):
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def kill(self) -> None:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)
        await self.process.wait()


@pytest.fixture
async def llama() -> AsyncIterator[LlamaServer]:
    """A running one."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        server = LlamaServer(Path(folder))
        await server.start()
        yield server
        await server.kill()


async def test_llama_cpp_embeds_and_is_waited_for(llama: LlamaServer) -> None:
    """Its dimension is learned, a text beyond its context is cut; killed it is told at once, and found again later."""
    clock = Clock()
    spec = EmbeddingSpec("engine", "tiny", "http://llama/v1", str(llama.socket), batch=3)
    engine = EngineEmbedder(spec, clock)
    try:
        vectors = await engine.vectors([*TEXTS, "warehouse " * 4_000], is_query=False)
        again = await engine.vectors(TEXTS[:1], is_query=True)
        await llama.kill()
        with pytest.raises(EmbedderUnavailable, match="tiny"):
            await engine.vectors(TEXTS, is_query=True)
        assert engine.problem
        await llama.start()
        with pytest.raises(EmbedderUnavailable):  # its pause is not over: nobody waits for it
            await engine.vectors(TEXTS, is_query=True)
        clock.now += 60

        assert np.allclose(await engine.vectors(TEXTS[:1], is_query=True), again, atol=1e-3)
    finally:
        await engine.close()

    assert engine.card is not None and vectors.shape == (5, engine.card.dimension)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.allclose(vectors[0], again[0], atol=1e-2)


async def _serving(answer: Any) -> tuple[web.AppRunner, str]:
    app = web.Application()
    app.router.add_post("/v1/embeddings", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/v1"  # type: ignore[union-attr]


async def test_an_engine_that_asks_for_patience_gets_it() -> None:
    """429 with Retry-After: it is left alone that long; its key is sent; rows out of order are put in order."""
    clock, seen = Clock(), []

    async def answer(request: web.Request) -> web.Response:
        body = await request.json()
        seen.append((request.headers["Authorization"], len(body["input"])))
        if len(seen) == 1:
            return web.json_response({"error": "busy"}, status=429, headers={"Retry-After": "7"})
        rows = [{"index": i, "embedding": [float(len(text)), 1.0]} for i, text in enumerate(body["input"])]
        return web.json_response({"data": rows[::-1]})

    runner, url = await _serving(answer)
    engine = EngineEmbedder(EmbeddingSpec("engine", "m", url, api_key="k-1", batch=2), clock)
    try:
        with pytest.raises(EmbedderUnavailable, match="429"):
            await engine.vectors(["a"], is_query=True)
        clock.now = 6.9
        with pytest.raises(EmbedderUnavailable, match="429"):
            await engine.vectors(["a"], is_query=True)
        clock.now = 7.1
        vectors = await engine.vectors(["aaaa", "a", "aaa"], is_query=False)
    finally:
        await engine.close()
        await runner.cleanup()

    assert {key for key, _ in seen} == {"Bearer k-1"}
    assert [count for _, count in seen] == [1, 1, 2, 1]  # the dimension is asked for first
    assert vectors[:, 0] == pytest.approx([4 / 17**0.5, 1 / 2**0.5, 3 / 10**0.5])


@pytest.mark.parametrize(
    "body",
    [
        {"data": []},
        {"data": [{"index": 0, "embedding": ["x"]}]},
        {"error": "no"},
        [],
        {"data": [{"index": 0}]},
    ],
    ids=["none", "no numbers", "an error with status 200", "a list", "no embedding"],
)
async def test_an_answer_that_makes_no_sense_counts_as_away(body: object) -> None:
    """Never a wrong vector in the index: what is not n vectors of one length is no answer."""

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(body)

    runner, url = await _serving(answer)
    engine = EngineEmbedder(EmbeddingSpec("engine", "m", url), Clock())
    try:
        with pytest.raises(EmbedderUnavailable):
            await engine.vectors(["a"], is_query=True)
    finally:
        await engine.close()
        await runner.cleanup()


async def test_the_old_model_serves_while_the_wanted_one_is_away(tmp_path: Path) -> None:
    """The process starts without its engine, says what is the matter with it, and embeds with the model before."""
    specs = tmp_path / "specs.json"
    write_specs(specs, ahead(EmbeddingSpec("engine", "gone", "http://127.0.0.1:9/v1"), []))
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        socket = Path(short) / "e.sock"
        words = ["-m", "inference.embedding.server", "--socket", str(socket), "--models", str(MODELS)]
        built = OnnxEmbedder(built_model())
        process = await asyncio.create_subprocess_exec(
            sys.executable, *words, "--specs", str(specs), stderr=asyncio.subprocess.DEVNULL
        )
        client = EmbedderClient(socket, query_patience_s=60, passages_patience_s=60)
        try:
            vector = await client.embed_query("hello", built.model_id)
            gone, old = await client.served()
            with pytest.raises(EmbedderUnavailable, match="gone"):
                await client.embed_query("hello")
            await client.keep_only([])
            with pytest.raises(EmbedderUnavailable):
                await client.embed_query("hello", built.model_id)
        finally:
            await client.close()
            process.kill()
            await process.wait()

    assert np.array_equal(vector, built.vector("hello"))
    assert gone.card is None and "gone" in gone.problem
    assert old.card is not None and old.card.languages == ("en",)


def test_the_list_of_models_is_kept_privately(tmp_path: Path) -> None:
    """Mode 0600, because of an engine's key; the wanted one first, the built-in one behind a first change."""
    path = tmp_path / "models.json"
    engine = EmbeddingSpec("engine", "m", "http://a/v1", api_key="secret")
    moved = EmbeddingSpec("engine", "m", "http://b/v1", api_key="other")

    write_specs(path, ahead(engine, read_specs(path)))
    first = read_specs(path)
    second: Sequence[EmbeddingSpec] = ahead(moved, first)

    assert path.stat().st_mode & 0o777 == 0o600
    assert first == [engine, BUILT_IN]
    assert second == [moved, BUILT_IN]
