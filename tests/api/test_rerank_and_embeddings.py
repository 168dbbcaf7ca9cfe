"""`/v1/embeddings` and `/v1/rerank` through the gateway: the real embedding process with a real cross-encoder."""

from __future__ import annotations

import base64
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from redis.asyncio import Redis
from tokenizers import Tokenizer

from appliance.api.rerank_answers import LocalReranker
from appliance.domain.people import Scopes
from appliance.storage.database import Database
from appliance.storage.roles import DatabaseRole, url_as
from inference.embedding.choosing import ModelEmbedder
from inference.embedding.client import EmbedderClient
from inference.testing.fake_engine import FakeEngine
from tests.conftest import ROLE_SECRET, Servers
from tests.cross_encoders import make_cross_encoder
from tests.embedding_models import MODELS, built_model
from tests.gateway_harness import Gateway, engine_settings, person, running_gateway, until

MODEL, RERANKER = "all-MiniLM-L6-v2", "shared-words"
MOST = 256  # tokens that it reads of a text
TEXTS = ["thirty leave days", "laptop", "canteen opens noon"]


@pytest.fixture(scope="module")
def socket() -> Iterator[Path]:
    """Where a real embedding process listens."""
    built_model()
    with tempfile.TemporaryDirectory(prefix="emb-", dir="/tmp") as name:
        folder = Path(name)
        reranker = make_cross_encoder(folder / RERANKER)
        words = ["--socket", str(folder / "e.sock"), "--models", str(MODELS), "--reranker", str(reranker)]
        process = subprocess.Popen(
            [sys.executable, "-m", "inference.embedding.server", *words], stderr=subprocess.DEVNULL
        )
        yield folder / "e.sock"
        process.kill()
        process.wait()


@dataclass
class Door:
    """The gateway, and the engine behind it."""

    gateway: Gateway
    engine: FakeEngine

    async def ask(self, route: str, key: str = "ana", **payload: object) -> dict[str, Any]:
        """A whole answer."""
        async with self.gateway.post(route, {"model": MODEL, **payload}, key) as response:
            answer: dict[str, Any] = await response.json()
            assert response.status == 200, answer
            return answer

    async def refused(self, route: str, key: str = "ana", **payload: object) -> tuple[int, str, str]:
        """(status, code, field)."""
        async with self.gateway.post(route, {"model": MODEL, **payload}, key) as response:
            error = (await response.json())["error"]
            return response.status, error["code"], error["param"]


@pytest.fixture
async def door(socket: Path, servers: Servers, valkey: Redis, owner_url: str) -> AsyncIterator[Door]:
    """In front of both, and of an engine with a reranker and an embedding model."""
    client = EmbedderClient(socket, passages_patience_s=120, query_patience_s=120)
    await client.connect_when_ready()
    async with (
        FakeEngine(models=("engine-reranker", "engine-embedder")) as engine,
        running_gateway(
            {"local": engine_settings(engine.base_url, kind="vllm")},
            valkey_url=servers.valkey.url,
            database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
            embedder=ModelEmbedder(client, None),
            reranker=LocalReranker(RERANKER, client),
            aliases={"ranker": RERANKER},
        ) as running,
    ):
        yield Door(running, engine)
    await client.close()


def own_ids(*texts: str) -> list[list[int]]:
    """As the model's own tokenizer gives them."""
    tokenizer = Tokenizer.from_file(str(built_model() / "tokenizer.json"))
    tokenizer.no_padding()
    return [tokenizer.encode(text).ids for text in texts]


async def test_usage_is_what_the_model_s_tokenizer_counts(door: Door, database: Database) -> None:
    """In the answer and in the ledger, where it is no estimate."""
    texts = ["the dock doors", "año niño"]
    answer = await door.ask("embeddings", input=texts)

    counted = sum(map(len, own_ids(*texts)))
    assert answer["usage"] == {"prompt_tokens": counted, "total_tokens": counted}

    async def is_on_record() -> bool:
        async with database.viewing(person("ana").viewer) as connection:
            cursor = await connection.execute(
                "SELECT prompt_tokens, is_estimated FROM requests WHERE status = 'completed'"
            )
            return await cursor.fetchone() == (counted, False)

    await until(is_on_record)


async def test_token_ids_of_its_own_are_the_text_they_stand_for(door: Door) -> None:
    """One list or several, floats or base64: the same vector as the text's."""
    of_text = await door.ask("embeddings", input="the dock doors")
    ids = own_ids("the dock doors")
    one = await door.ask("embeddings", input=ids[0])
    several = await door.ask("embeddings", input=ids * 2, encoding_format="base64")

    vector = np.array(of_text["data"][0]["embedding"], np.float32)
    assert np.allclose(one["data"][0]["embedding"], vector)
    decoded = [np.frombuffer(base64.b64decode(row["embedding"]), "<f4") for row in several["data"]]
    assert all(np.allclose(row, vector, atol=1e-6) for row in decoded)


async def test_ids_of_another_vocabulary_are_refused(door: Door) -> None:
    """Out of range, or without this tokenizer's marks as OpenAI's are: they would be other words."""
    inside = own_ids("the dock doors")[0][1:-1]
    for given in ([101, 99_999, 102], [own_ids("a")[0], inside]):
        refusal = await door.refused("embeddings", input=given)
        assert refusal == (400, "token_ids_not_supported", "input")
    of_engine = await door.refused("embeddings", model="engine-embedder", input=[1, 2])
    assert of_engine == (400, "token_ids_not_supported", "input")


async def test_a_text_that_is_too_long_is_refused_or_told(door: Door) -> None:
    """400 with the numbers; `truncation: "auto"` and Jina's `truncate` cut it and say what was not seen."""
    long = "dock " * 300
    async with door.gateway.post("embeddings", {"model": MODEL, "input": ["short", long]}) as response:
        error = (await response.json())["error"]
    assert (response.status, error["code"], error["param"]) == (400, "context_length_exceeded", "input[1]")
    assert error["detail"]["values"] == {
        "tokens": "302",
        "model": f"'{MODEL}'",
        "most": str(MOST),
        "over": "46",
    }

    for allowed in ({"truncation": "auto"}, {"truncate": True}):
        answer = await door.ask("embeddings", input=["short", long], **allowed)
        assert answer["dropped"] == {"inputs": [1], "tokens": 46}
        assert answer["usage"]["prompt_tokens"] == MOST + 3


async def test_dimensions_are_its_own_and_no_others(door: Door) -> None:
    """It was not trained to be cut, so nobody is given worse vectors without a sign."""
    answer = await door.ask("embeddings", input="a", dimensions=384)
    assert len(answer["data"][0]["embedding"]) == 384
    assert await door.refused("embeddings", input="a", dimensions=128) == (
        400,
        "invalid_request",
        "dimensions",
    )


@pytest.mark.parametrize("model", [RERANKER, "ranker"])
async def test_a_cross_encoder_ranks(door: Door, model: str) -> None:
    """Jina's shape, best first, with the texts; it counts its tokens."""
    answer = await door.ask("rerank", model=model, query="how many leave days", documents=TEXTS)

    best = answer["results"][0]
    assert best["index"] == 0
    assert best["document"] == {"text": TEXTS[0]}
    assert best["relevance_score"] == pytest.approx(1 / (1 + np.exp(-1)))
    scores = [one["relevance_score"] for one in answer["results"]]
    assert scores == sorted(scores, reverse=True)
    assert answer["usage"]["total_tokens"] == sum(4 + 3 + len(text.split()) for text in TEXTS)
    assert answer["model"] == model


async def test_fewer_results_without_texts_and_documents_as_objects(door: Door) -> None:
    """`top_n`, `return_documents: false`, and `{"text": …}`."""
    answer = await door.ask(
        "rerank",
        model=RERANKER,
        query={"text": "leave"},
        documents=[{"text": text} for text in TEXTS],
        top_n=2,
        return_documents=False,
    )

    assert len(answer["results"]) == 2
    assert all(set(one) == {"index", "relevance_score"} for one in answer["results"])


async def test_the_embedded_model_ranks_by_cosine_under_its_own_name(door: Door) -> None:
    """The scores are those of its vectors."""
    answer = await door.ask("rerank", query="a dog", documents=["tax form", "puppy"])
    rows = (await door.ask("embeddings", input=["a dog", "puppy"]))["data"]

    assert answer["model"] == MODEL
    assert answer["results"][0]["index"] == 1
    cosine = float(np.dot(rows[0]["embedding"], rows[1]["embedding"]))
    assert answer["results"][0]["relevance_score"] == pytest.approx(cosine, abs=1e-4)


async def test_what_is_not_read_of_a_document_is_told(door: Door) -> None:
    """Its place and tokens; refused where the caller wants no cut; a question without room for a text is refused."""
    documents = ["leave", "days " * 600]
    answer = await door.ask("rerank", model=RERANKER, query="leave days", documents=documents)
    assert answer["dropped"]["documents"] == [1]
    assert answer["dropped"]["tokens"] == 600 + 5 - 512
    refusal = await door.refused(
        "rerank", model=RERANKER, query="leave", documents=documents, truncation="disabled"
    )
    assert refusal == (400, "context_length_exceeded", "documents[1]")
    refusal = await door.refused("rerank", model=RERANKER, query="days " * 400, documents=["a"])
    assert refusal == (400, "context_length_exceeded", "query")


async def test_an_engine_s_reranker_answers_as_it_does(door: Door) -> None:
    """The request arrives with the engine's own name for the model, and its tokens are on record."""
    answer = await door.ask("rerank", model="engine-reranker", query="leave days", documents=TEXTS, top_n=1)

    assert answer["results"][0]["document"]["text"] == TEXTS[0]
    assert [one.path for one in door.engine.requests][-1] == "/v1/rerank"


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("documents", {"documents": []}),
        ("documents", {"documents": ["a"] * 10_000}),
        ("documents", {"documents": ["a" * 1_000_000] * 3}),
        ("documents[1]", {"documents": ["a", {"title": "b"}]}),
        ("documents[0]", {"documents": [""]}),
        ("query", {"query": None}),
        ("top_n", {"top_n": 0}),
        ("return_documents", {"return_documents": "no"}),
        ("model", {"model": ""}),
    ],
    ids=[
        "none",
        "ten thousand",
        "three of 1 MB",
        "no text",
        "empty",
        "no query",
        "top_n",
        "flag",
        "no model",
    ],
)
async def test_bad_requests_are_refused_by_field(door: Door, field: str, wrong: dict[str, Any]) -> None:
    """Before anybody's turn is taken."""
    fields = {"query": "leave", "documents": ["a"], **wrong}
    assert await door.refused("rerank", **fields) == (400, "invalid_request", field)


async def test_one_long_document_is_ranked(door: Door) -> None:
    """A megabyte is no reason to fall over; what was not read is told."""
    answer = await door.ask("rerank", model=RERANKER, query="leave", documents=["leave " * 160_000])

    assert answer["dropped"]["tokens"] > 150_000


async def test_unknown_models_and_forbidden_ones(door: Door) -> None:
    """404 that lists what there is; a key for another model is refused."""
    assert await door.refused("rerank", model="nobody", query="a", documents=["b"]) == (
        404,
        "model_not_found",
        "model",
    )
    door.gateway.identity.callers["narrow"] = person("narrow", Scopes(models=frozenset({"other"})))
    status, code, _ = await door.refused("rerank", "narrow", query="a", documents=["b"])
    assert (status, code) == (403, "not_permitted")
