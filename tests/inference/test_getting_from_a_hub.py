"""Models from a hub: whole, checked, resumed, and never half there."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from inference.egress import Departure, Egress
from inference.errors import (
    EgressRefused,
    HubUnavailable,
    InferenceError,
    ModelFileCorrupt,
    ModelGated,
    ModelHasCode,
    ModelHasPickle,
    ModelSourceUnknown,
    NoRoomForModel,
)
from inference.getting.progress import Progress
from inference.getting.pulling import HubAccess, Pulling, Wanted
from inference.getting.sources import HubSource
from inference.library import ModelLibrary
from inference.testing.fake_hub import FakeHub, FakeRepo
from tests.inference.model_files import a_pickle, chat_model, gguf, safetensors

BIG = 3 * 2**20
GIB = 2**30


async def no_sleep(_seconds: float) -> None:
    """Attempts follow each other at once."""


class Workshop:
    """A hub, a library on a disk, and what is between them."""

    def __init__(self, folder: Path, hub: FakeHub) -> None:
        self.hub, self.ledger, self.told = hub, list[Departure](), list[Progress]()
        self.library = ModelLibrary(folder / "library")
        self.place = folder / "pulls" / "tiny"
        self.token = ""

    async def pull(self, source: HubSource, *, inside: list[str] | None = None) -> None:
        egress = Egress([], self.ledger.append, inside=self.hub.inside if inside is None else inside)
        pulling = Pulling(
            self.library,
            egress,
            HubAccess(self.hub.root_url, lambda: self.token),
            reserve_bytes=0,
            sleep=no_sleep,
        )
        await pulling.pull(Wanted("tiny", source, actor="ana@x.example"), self.place, self.told.append)

    def left(self) -> list[str]:
        """Files that the pull has on the disk, outside the library."""
        return sorted(p.name for p in self.place.rglob("*") if p.is_file()) if self.place.exists() else []


@pytest.fixture
async def workshop(tmp_path: Path) -> AsyncIterator[Workshop]:
    """A hub with a chat model of 3 MiB, and gates around another."""
    repos = {
        "acme/tiny": FakeRepo(chat_model(BIG)),
        "acme/gated": FakeRepo(chat_model(), gated=True, licence="llama3.1"),
    }
    async with FakeHub(repos) as hub:
        yield Workshop(tmp_path, hub)


TINY = HubSource("acme/tiny")


async def test_a_model_is_there_with_everything_it_needs_and_nothing_that_runs(workshop: Workshop) -> None:
    """Weights, configuration and licence; pickles and programs stay where they are."""
    await workshop.pull(TINY)

    model = workshop.library.find("tiny")
    assert model is not None
    assert (model.kind, model.format, model.licence) == ("chat", "safetensors", "apache-2.0")
    assert model.revision == workshop.hub.repos["acme/tiny"].commit
    assert {p.name for p in model.path.iterdir()} == {
        "config.json",
        "tokenizer.json",
        "README.md",
        "model.safetensors",
        "model.json",
    }
    assert (model.path / "model.safetensors").read_bytes() == safetensors(BIG)
    assert workshop.told[-1].done_bytes == workshop.told[-1].total_bytes == model.size_bytes


async def test_every_request_stands_in_the_ledger_before_it_leaves(workshop: Workshop) -> None:
    """Who wanted it, why, where it went and how much came; signatures of addresses are not written down."""
    await workshop.pull(TINY)

    assert {line.actor for line in workshop.ledger} == {"ana@x.example"}
    assert {line.purpose for line in workshop.ledger} == {"models"}
    assert {line.host for line in workshop.ledger} == set(workshop.hub.inside)
    ended = [line for line in workshop.ledger if line.happened == "ended"]
    assert len(ended) == len(workshop.ledger) / 2
    assert sum(line.received_bytes for line in ended) > BIG
    assert not any("signature" in line.path for line in workshop.ledger)


async def test_a_connection_that_breaks_is_gone_on_with_where_it_broke(workshop: Workshop) -> None:
    """The next request asks for the rest, and the whole is what it should be."""
    workshop.hub.faults.cut_at, workshop.hub.faults.cuts = BIG // 2, 2

    await workshop.pull(TINY)

    ranges = [request.headers.get("range") for request in workshop.hub.cdn.requests]
    assert ranges[0] is None
    assert all(one and one.startswith("bytes=") and one != "bytes=0-" for one in ranges[1:])
    assert workshop.library.find("tiny") is not None


async def test_a_hub_that_knows_no_ranges_is_taken_from_the_beginning(workshop: Workshop) -> None:
    """Its whole file replaces what was there, instead of following it."""
    workshop.hub.faults.cut_at, workshop.hub.faults.ignores_range = BIG // 2, True

    await workshop.pull(TINY)

    model = workshop.library.find("tiny")
    assert model is not None
    assert (model.path / "model.safetensors").read_bytes() == safetensors(BIG)
    assert workshop.told[-1].done_bytes == model.size_bytes


async def test_a_pull_that_gave_up_is_taken_up_at_the_same_commit(workshop: Workshop) -> None:
    """What has come is kept, and a hub that has moved on meanwhile does not mix two models."""
    workshop.hub.faults.cut_at, workshop.hub.faults.cuts = BIG // 2, 1000
    with pytest.raises(HubUnavailable, match=r"broke off|payload"):
        await workshop.pull(TINY)
    assert workshop.library.installed() == []
    assert "model.safetensors.part" in workshop.left()

    workshop.hub.faults.cut_at = None
    before = len(workshop.hub.cdn.requests)
    await workshop.pull(TINY)

    assert workshop.hub.cdn.requests[before].headers["range"].startswith("bytes=")
    infos = [request for request in workshop.hub.requests if request.path.startswith("/api/")]
    assert len(infos) == 1
    assert workshop.library.find("tiny") is not None


async def test_a_file_that_came_wrong_once_is_fetched_again(workshop: Workshop) -> None:
    """A cache on the way may have spoilt it."""
    workshop.hub.faults.wrong, workshop.hub.faults.wrongs = {"model.safetensors"}, 1

    await workshop.pull(TINY)

    assert workshop.library.find("tiny") is not None


@pytest.mark.parametrize("path", ["model.safetensors", "config.json"])
async def test_a_wrong_checksum_leaves_nothing(workshop: Workshop, path: str) -> None:
    """Neither a model nor its bytes: the room is given back."""
    workshop.hub.faults.wrong = {path}

    with pytest.raises(ModelFileCorrupt, match=r"checksum is [0-9a-f]+, and should be [0-9a-f]+"):
        await workshop.pull(TINY)

    assert workshop.library.installed() == []
    assert workshop.left() == []


async def test_a_gated_model_says_where_its_licence_is_and_where_the_token_goes(workshop: Workshop) -> None:
    """Without a token the whole way is told; with one that may not, the rest of it."""
    gated = HubSource("acme/gated")
    with pytest.raises(ModelGated, match=r"Accept the licence at .*/acme/gated.*models\.hub_token_file"):
        await workshop.pull(gated)

    workshop.token = "hf_wrong"
    with pytest.raises(ModelGated, match=r"may not have it: accept the licence at .*/acme/gated"):
        await workshop.pull(gated)

    workshop.token = workshop.hub.token
    await workshop.pull(gated)
    model = workshop.library.find("tiny")
    assert model is not None
    assert model.licence == "llama3.1"
    assert all("authorization" not in request.headers for request in workshop.hub.cdn.requests)


async def test_a_redirect_to_a_host_that_is_not_allowed_is_not_followed(workshop: Workshop) -> None:
    """The hub's word is not enough to leave the list, and the refusal stands in the ledger."""
    with pytest.raises(EgressRefused, match="not among the hosts"):
        await workshop.pull(TINY, inside=workshop.hub.inside[:1])

    refused = [line for line in workshop.ledger if line.happened == "refused"]
    assert [line.host for line in refused] == [workshop.hub.inside[1]]
    assert workshop.hub.cdn.requests == []
    assert workshop.left() == []


async def test_a_redirect_to_a_metadata_address_is_not_followed(workshop: Workshop) -> None:
    """What a cloud tells its own machines stays there."""
    workshop.hub.faults.elsewhere = "http://169.254.169.254"

    with pytest.raises(EgressRefused):
        await workshop.pull(TINY)

    assert workshop.library.installed() == []


async def test_a_model_larger_than_the_disk_is_refused_before_its_first_byte(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence has the figures: what it needs, what stays free, what is there."""
    usage = type(shutil.disk_usage(workshop.library.folder.parent))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10 * GIB, 10 * GIB - 2**20, 2**20))

    with pytest.raises(NoRoomForModel, match=r"needs 3\.1 MB and 0\.0 MB are to stay free; 1\.0 MB are free"):
        await workshop.pull(TINY)

    assert workshop.hub.cdn.requests == []
    assert workshop.left() == []


@pytest.mark.parametrize(
    ("files", "error", "said"),
    [
        ({"config.json": b"{}", "pytorch_model.bin": a_pickle()}, ModelHasPickle, "pytorch_model.bin"),
        ({"config.json": b"{}", "model.safetensors": a_pickle()}, ModelHasPickle, "model.safetensors"),
        (
            {"config.json": b"{}", "model.safetensors": b"PK\x03\x04" + bytes(99)},
            ModelHasPickle,
            "safetensors",
        ),
        ({"config.json": b"{}", "model.safetensors": safetensors()[:-1]}, ModelFileCorrupt, "not as long"),
        (
            {"config.json": b"{}", "model.safetensors": b"\xff" * 99},
            ModelFileCorrupt,
            "no safetensors header",
        ),
        ({"model-Q4_K_M.gguf": b"GGML" + bytes(99)}, ModelFileCorrupt, "not a GGUF"),
        (
            {
                "config.json": json.dumps({"auto_map": {"AutoModel": "m.M"}}).encode(),
                "model.safetensors": safetensors(),
            },
            ModelHasCode,
            "auto_map",
        ),
        (
            {
                "config.json": b"{}",
                "model.safetensors.index.json": json.dumps(
                    {
                        "weight_map": {
                            "a": "model-00001-of-00002.safetensors",
                            "b": "model-00002-of-00002.safetensors",
                        }
                    }
                ).encode(),
                "model-00001-of-00002.safetensors": safetensors(),
            },
            ModelFileCorrupt,
            "model-00002-of-00002",
        ),
        ({"README.md": b"nothing"}, ModelSourceUnknown, "no safetensors, GGUF or ONNX"),
        ({"m-Q8_0.gguf": gguf(), "m-Q5_K_S.gguf": gguf()}, ModelSourceUnknown, "There are: Q5_K_S, Q8_0"),
        (
            {"m-Q4_K_M-00001-of-00003.gguf": gguf(), "m-Q4_K_M-00003-of-00003.gguf": gguf()},
            ModelSourceUnknown,
            "Of the 3 parts of Q4_K_M, 2",
        ),
    ],
    ids=[
        "only-pickles",
        "a-pickle-renamed",
        "a-zip-renamed",
        "a-truncated-upload",
        "no-header",
        "no-gguf",
        "own-code",
        "a-missing-shard",
        "no-weights",
        "no-such-quantisation",
        "a-missing-part",
    ],
)
async def test_what_is_no_model_for_us_is_refused_with_the_reason(
    workshop: Workshop, files: dict[str, bytes], error: type[InferenceError], said: str
) -> None:
    """And nothing of it stays."""
    workshop.hub.repos["acme/bad"] = FakeRepo(files)

    with pytest.raises(error, match=said):
        await workshop.pull(HubSource("acme/bad"))

    assert workshop.library.installed() == []
    assert workshop.left() == []


async def test_one_quantisation_is_taken_with_all_its_parts(workshop: Workshop) -> None:
    """The path is the first part, where an engine begins."""
    workshop.hub.repos["acme/big-GGUF"] = FakeRepo(
        {
            "big-Q8_0.gguf": gguf(fill=1),
            "Q4_K_M/big-Q4_K_M-00001-of-00002.gguf": gguf(fill=2),
            "Q4_K_M/big-Q4_K_M-00002-of-00002.gguf": gguf(fill=3),
            "mmproj-big-F16.gguf": gguf(fill=4),
        }
    )

    await workshop.pull(HubSource("acme/big-GGUF"))

    model = workshop.library.find("tiny")
    assert model is not None
    assert model.format == "gguf"
    assert model.path.name == "big-Q4_K_M-00001-of-00002.gguf"
    assert {p.name for p in model.path.parent.iterdir()} == {
        "big-Q4_K_M-00001-of-00002.gguf",
        "big-Q4_K_M-00002-of-00002.gguf",
    }


async def test_an_embedding_model_comes_as_one_graph_with_its_tokenizer(workshop: Workshop) -> None:
    """Without torch's weights, and without the other graphs of the same model."""
    workshop.hub.repos["acme/e5"] = FakeRepo(
        {
            "config.json": b"{}",
            "tokenizer.json": b"{}",
            "modules.json": b"[]",
            "1_Pooling/config.json": b'{"pooling_mode_mean_tokens": true}',
            "onnx/model.onnx": b"\x08\x07" + bytes(99),
            "onnx/model_qint8_avx512_vnni.onnx": bytes(99),
            "onnx/config.json": b"{}",
            "model.safetensors": safetensors(),
        },
        task="sentence-similarity",
    )

    await workshop.pull(HubSource("acme/e5"))

    model = workshop.library.find("tiny")
    assert model is not None
    assert (model.kind, model.format) == ("embedding", "onnx")
    assert {p.relative_to(model.path).as_posix() for p in model.path.rglob("*") if p.is_file()} == {
        "config.json",
        "tokenizer.json",
        "modules.json",
        "1_Pooling/config.json",
        "onnx/model.onnx",
        "model.json",
    }


@pytest.mark.parametrize(
    ("source", "said"),
    [(HubSource("acme/none"), "acme/none"), (HubSource("acme/tiny", "v9"), "acme/tiny@v9")],
    ids=["no-repository", "no-revision"],
)
async def test_what_the_hub_does_not_have_is_said_by_name(
    workshop: Workshop, source: HubSource, said: str
) -> None:
    """And a private one is thought of."""
    with pytest.raises(ModelSourceUnknown, match=said):
        await workshop.pull(source)


async def test_a_cancelled_pull_is_no_model(workshop: Workshop) -> None:
    """Cancelled in the middle of a file, nothing is listed."""
    workshop.hub.faults.hold_at = BIG // 2
    pulling = asyncio.create_task(workshop.pull(TINY))
    await workshop.hub.cdn.until(lambda cdn: bool(cdn.requests))

    pulling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pulling

    assert workshop.library.installed() == []
