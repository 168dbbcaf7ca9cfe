"""Another embedding model while everything runs: the worker is killed in the middle, documents come, search goes on."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from appliance.bootstrap.box import Box, open_box
from appliance.bootstrap.embedding import keep_specs, specs_path
from inference.embedding.specs import read_specs
from tests.embedding_models import MODELS, built_model
from tests.inference.test_embedding_sources import _hidden_states
from tests.knowledge_harness import WorkerProcess, data, make_box, open_room
from tests.waiting import until

__all__ = ["data"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

DOCUMENTS = 12
RULE = "Rule {0}. Pallets of kind {0} are stacked {0} high, and the yard keeper signs list {0}."
QUESTION = "how high are pallets of kind 7 stacked"


class Embedder:
    """The embedding process of a box, with the models that its settings and its past ask for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, specs: Path | None = None) -> None:
        words = [
            "-m",
            "inference.embedding.server",
            "--socket",
            str(self.folder / "e.sock"),
            "--models",
            str(MODELS),
        ]
        words += ["--specs", str(specs)] if specs else []
        self._process = subprocess.Popen([sys.executable, *words], stderr=subprocess.DEVNULL)

    def end(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)


@pytest.fixture
def embedder() -> Iterator[Embedder]:
    """Not started yet; ended with the test."""
    built_model()
    with tempfile.TemporaryDirectory(prefix="emb-", dir="/tmp") as folder:
        made = Embedder(Path(folder))
        (made.folder / "models").symlink_to(MODELS)
        yield made
        made.end()


def _second_model(folder: Path) -> Path:
    """A folder with a model that has other vectors than the built-in one: its last token's instead of the mean."""
    made = folder / "second"
    (made / "1_Pooling").mkdir(parents=True)
    (made / "model.onnx").write_bytes(_hidden_states())
    shutil.copyfile(built_model() / "tokenizer.json", made / "tokenizer.json")
    (made / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_lasttoken": True}))
    (made / "config.json").write_text(json.dumps({"max_position_embeddings": 512}))
    return made


def _ask(box: Box, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(box.owner_url) as connection:
        return connection.execute(query).fetchall()  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize("kills", [1, pytest.param(5, marks=pytest.mark.battery)])
async def test_the_index_goes_over_although_its_worker_is_killed(
    owner_url: str, data: Path, embedder: Embedder, tmp_path: Path, kills: int
) -> None:
    """Every passage has the new vectors exactly once, the old ones are gone, and no search failed on the way."""
    embedder.start()
    box = make_box(owner_url, embedder.folder, data)
    worker = WorkerProcess(box)
    worker.start()
    try:
        async with open_room(box) as room:
            store = await room.store()
            files = [
                await room.upload(RULE.format(number).encode(), f"rule-{number}.md")
                for number in range(DOCUMENTS)
            ]
            for file in files:
                await room.call("POST", f"/vector_stores/{store}/files", json={"file_id": file})
            for file in files:
                assert (await room.settled(store, file))["status"] == "completed"
            worker.kill()
            with (data / "appliance.toml").open("a", encoding="utf-8") as settings:
                settings.write(
                    f'[embedding]\nsource = "onnx"\nmodel = "{_second_model(tmp_path)}"\nbatch = 1\n'
                )
            embedder.end()
            changed = open_box(data)
            embedder.start(keep_specs(changed))
            worker = WorkerProcess(changed)
            late: list[str] = []
            for kill in range(kills):
                worker.start()
                made = 2 * (kill + 1)
                new = "SELECT count(*) FROM embeddings WHERE model_id LIKE 'second@%'"
                await until(lambda: int(str(_ask(box, new)[0][0])) >= made)  # noqa: B023 - awaited here
                worker.kill()
                late.append(await room.upload(RULE.format(100 + kill).encode(), f"late-{kill}.md"))
                status, _ = await room.call(
                    "POST", f"/vector_stores/{store}/files", json={"file_id": late[-1]}
                )
                assert status == 200
                assert "kind 7" in str(await room.found(store, QUESTION))
            worker.start()
            for file in late:
                assert (await room.settled(store, file))["status"] == "completed"
            states = "SELECT state, split_part(model_id, '@', 1) FROM embedding_models"
            await until(lambda: _ask(box, states) == [("active", "second")])
            await until(lambda: len(read_specs(specs_path(changed))) == 1)

            assert "kind 7" in str(await room.found(store, QUESTION))
            assert "kind 100" in str(await room.found(store, "how high are pallets of kind 100 stacked"))
    finally:
        worker.kill()
    vectors = "SELECT count(*), count(DISTINCT chunk_id), count(DISTINCT model_id) FROM embeddings"
    assert _ask(box, vectors) == [(DOCUMENTS + kills, DOCUMENTS + kills, 1)]
    assert _ask(box, "SELECT count(*) FROM chunks") == [(DOCUMENTS + kills,)]
