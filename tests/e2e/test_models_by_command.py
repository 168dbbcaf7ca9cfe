"""A model's whole life by the commands that an operator types: got from a folder, started, asked, stopped, removed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.supervisor.conftest import wait_until
from tests.whole_box import MODEL, WholeBox

NAME = "tiny-by-command"


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    """What somebody brings on a USB stick."""
    folder = tmp_path / NAME
    folder.mkdir()
    shutil.copy(MODEL, folder / "tiny.gguf")
    return folder


@pytest.fixture
def box(quoting_box: WholeBox) -> Iterator[WholeBox]:
    """Left as it was found: others use it too."""
    yield quoting_box
    quoting_box.command("model", "stop", NAME, "--now")
    quoting_box.command("model", "remove", NAME)
    wait_until(lambda: NAME not in _offered(quoting_box), "the model is not offered any more")


def test_a_model_from_a_stick_is_got_started_asked_stopped_and_removed(box: WholeBox, stick: Path) -> None:
    """Each command says what it did, and `/v1` serves the model from its start to its stop."""
    got = box.command("model", "pull", str(stick))
    assert got.returncode == 0, got.stderr
    started = box.command("model", "start", NAME, "--context", "1024", "--people", "5", "--json")
    assert started.returncode == 0, started.stderr

    answer = box.post_json(
        "/v1/chat/completions",
        {
            "model": NAME,
            "messages": [{"role": "user", "content": "How many legs has a spider?"}],
            "temperature": 0,
        },
    )
    listed = json.loads(box.command("model", "list", "--json").stdout)
    running = json.loads(box.command("model", "running", "--json").stdout)
    stopped = box.command("model", "stop", NAME)
    removed = box.command("model", "remove", NAME)

    assert answer["choices"][0]["message"]["content"] == "A spider has eight legs."
    assert json.loads(started.stdout)["state"] == "ready"
    assert NAME in json.dumps(listed)
    assert NAME in json.dumps(running)
    assert (stopped.returncode, removed.returncode) == (0, 0), stopped.stderr + removed.stderr
    assert NAME not in box.command("model", "list", "--json").stdout


def test_starting_is_for_administrators_and_a_wrong_name_says_which_there_are(box: WholeBox) -> None:
    """A person without the right is refused, an unknown model is a sentence with its remedy."""
    key = box.new_person("model-curious@example.com")

    refused = box.command("model", "start", NAME, key=key)
    unknown = box.command("model", "start", "no-such-model")

    assert refused.returncode == 1
    assert "administrator" in refused.stderr.lower()
    assert unknown.returncode == 1
    assert "no-such-model" in unknown.stderr
    assert "pull" in unknown.stderr


def test_the_exact_start_can_be_printed_and_starts_nothing(box: WholeBox, stick: Path) -> None:
    """`--print` for the engine that the plan chose."""
    assert box.command("model", "pull", str(stick)).returncode == 0

    printed = box.command("model", "start", NAME, "--print", "llama_cpp")

    assert printed.returncode == 0, printed.stderr
    assert "llama_cpp_server" in printed.stdout
    assert NAME not in json.dumps(json.loads(box.command("model", "running", "--json").stdout))


def _offered(box: WholeBox) -> set[str]:
    return {row["id"] for row in box.get_json("/v1/models")["data"]}
