"""Backed up by command while it serves, wiped, restored by command: the same box, as people meet it over HTTP."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.supervisor.conftest import wait_until
from tests.whole_box import QUESTIONS, ROOT, WholeBox, temporary_box

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ASKED = [one["text"] for one in QUESTIONS[:4]]


@pytest.fixture
def shelf() -> Iterator[Path]:
    """Where backups are kept."""
    folder = Path(tempfile.mkdtemp(prefix="backups-", dir="/tmp"))
    folder.chmod(0o755)
    (folder / "passphrase").write_text("correct horse battery\n")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def command(*words: str) -> dict[str, Any]:
    """`appliance WORDS --json` at the machine itself."""
    done = subprocess.run(
        [sys.executable, "-m", "appliance", *words, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def seen_of(box: WholeBox) -> dict[str, Any]:
    """What people see: collections, documents with their bytes' sizes, searches with scores, answers with sources."""
    seen: dict[str, Any] = {"files": box.get_json("/v1/files")["data"]}
    for store in box.get_json("/v1/vector_stores")["data"]:
        path = f"/v1/vector_stores/{store['id']}"
        seen[path] = (store["name"], store["file_counts"], box.get_json(f"{path}/files?limit=100")["data"])
        for question in ASKED:
            found = box.post_json(f"{path}/search", {"query": question})["data"]
            seen[f"{path} {question}"] = found
    for question in ASKED:
        message = box.ask(question)["choices"][0]["message"]
        seen[question] = (message["content"], message["annotations"])
    return seen


def test_a_box_restored_elsewhere_answers_as_the_one_that_was_lost(
    quoting_box: WholeBox, shelf: Path
) -> None:
    """Questions, searches and documents are identical, the first key still opens, doctor knows the backup."""
    before = seen_of(quoting_box)
    made = command(
        "backup", "--verify", "--to", str(shelf / "kept"), "--passphrase-file", str(shelf / "passphrase"),
        "--data", str(quoting_box.data),
    )  # fmt: skip
    doctor = quoting_box.command("doctor", "--json")
    restored = shelf / "data"
    done = command(
        "restore", made["folder"], "--passphrase-file", str(shelf / "passphrase"), "--data", str(restored)
    )

    assert {f["check"]: f["verdict"] for f in json.loads(doctor.stdout)["findings"]}["backup"] == "ok"
    assert done["rows"] == made["manifest"]["rows"]
    assert done["files"] == made["manifest"]["files"] == len(before["files"])
    with temporary_box(like=restored) as box:
        wait_until(lambda: box.part_is("embedder"), "the embedder is ready")
        assert box.key == quoting_box.key
        assert seen_of(box) == before
