"""An embedding process whose list of models changes while it runs: nobody waits, and nothing is started again."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from inference.embedding.client import EmbedderClient
from inference.embedding.specs import BUILT_IN, EmbeddingSpec, ahead, read_specs, write_specs
from tests.embedding_models import MODELS, built_model
from tests.waiting import until


@pytest.fixture
def another(tmp_path: Path) -> Path:
    """The built-in network once more, as a model in a folder that somebody got."""
    folder = tmp_path / "another"
    shutil.copytree(built_model(), folder)
    return folder


@pytest.fixture
async def place() -> AsyncIterator[Path]:
    """A process with the built-in model, in a folder with its socket and its list."""
    built_model()
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        place = Path(folder)
        write_specs(place / "specs.json", [BUILT_IN])
        words = ["-m", "inference.embedding.server", "--socket", str(place / "s"), "--models", str(MODELS)]
        process = await asyncio.create_subprocess_exec(
            sys.executable, *words, "--specs", str(place / "specs.json"), stderr=asyncio.subprocess.DEVNULL
        )
        yield place
        process.send_signal(signal.SIGKILL)
        await process.wait()


async def test_a_new_model_is_loaded_beside_the_old_one_and_then_wanted(place: Path, another: Path) -> None:
    """Who was connected before goes on with the old model by its id, and learns of the new one."""
    client = EmbedderClient(place / "s", passages_patience_s=300.0)
    try:
        old = (await client.connect_when_ready()).model_id
        before = await client.embed_query("hello", old)

        specs = ahead(EmbeddingSpec("onnx", str(another)), read_specs(place / "specs.json"))
        write_specs(place / "specs.json", specs)

        async def is_first() -> bool:
            return [one.name for one in await client.served()] == ["another", "built in"]

        await until(is_first, timeout_s=300.0)
        assert (await client.embed_query("hello", old) == before).all()
        new = client.card().model_id
        assert new.startswith("another@")
        assert (await client.embed_query("hello", new)).shape == (384,)
        assert (await client.embed_query("hello")).shape == (384,)

        write_specs(place / "specs.json", ahead(BUILT_IN, specs))

        async def is_back() -> bool:
            return [one.name for one in await client.served()] == ["built in", "another"]

        await until(is_back, timeout_s=300.0)
    finally:
        await client.close()


async def test_a_model_that_cannot_be_opened_changes_nothing(
    place: Path, tmp_path: Path, another: Path
) -> None:
    """The one that is served stays the first; the next in the list is tried all the same."""
    client = EmbedderClient(place / "s", passages_patience_s=300.0)
    try:
        old = (await client.connect_when_ready()).model_id
        (tmp_path / "empty").mkdir()
        write_specs(place / "specs.json", [EmbeddingSpec("onnx", str(tmp_path / "empty")), BUILT_IN])
        assert (await client.embed_query("hello")).shape == (384,)

        (place / "specs.json").write_text("nonsense")
        write_specs(place / "specs.json", [EmbeddingSpec("onnx", str(another)), BUILT_IN])

        async def is_first() -> bool:
            return (await client.served())[0].name == "another"

        await until(is_first, timeout_s=300.0)
        assert (await client.embed_query("hello", old)).shape == (384,)
    finally:
        await client.close()
