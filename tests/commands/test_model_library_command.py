"""`appliance model pull · list`: what people read while a model comes, and when it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from appliance.commands import model_library
from appliance.commands.failures import CommandFailed

PULL: dict[str, Any] = {
    "name": "tiny",
    "source": "hf:acme/tiny",
    "state": "running",
    "done_bytes": 500_000_000,
    "total_bytes": 2_000_000_000,
    "bytes_per_second": 50_000_000,
    "seconds_left": 30,
    "file": "model.safetensors",
    "failure": None,
    "use_for_search": False,
}


class Answers:
    """An API that answers one after the other."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def get(self, path: str) -> dict[str, Any]:
        self.asked.append(path)
        return self._answers.pop(0)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits between two looks."""
    monkeypatch.setattr(model_library, "_LOOK_S", 0.0)


async def test_a_pull_is_followed_to_its_end() -> None:
    """By its name, until it is there; then the next step is named."""
    api = Answers(PULL, PULL | {"state": "done"})

    told = await model_library._followed(api, PULL | {"state": "waiting"})  # type: ignore[arg-type]

    assert api.asked == ["/api/models/library/pulls/tiny"] * 2
    assert model_library._ended(told) == "tiny is there. Start it: `appliance model start tiny`."
    follows = model_library._ended(told | {"use_for_search": True})
    assert follows == "tiny is there. The index follows: `appliance index status`."


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (
            {"state": "failed", "failure": {"code": "model_gated", "message": "Accept the licence."}},
            "Accept the",
        ),
        ({"state": "ending"}, "tiny was cancelled"),
    ],
    ids=["failed", "cancelled"],
)
async def test_a_pull_that_does_not_end_well_is_an_error(end: dict[str, Any], said: str) -> None:
    """With the server's sentence, so that a script notices too."""
    with pytest.raises(CommandFailed, match=said):
        await model_library._followed(Answers(PULL | end), PULL)  # type: ignore[arg-type]


def test_how_far_it_is_stands_in_one_line() -> None:
    """Share, size, pace and what is left."""
    assert model_library._how_far(PULL) == "tiny: 25% of 2.0 GB, 50.0 MB/s, 30 s left"
    assert model_library._how_far(PULL | {"state": "waiting"}) == "tiny: model.safetensors"


def test_a_folder_is_sent_as_the_appliance_sees_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole; names of a hub, of Ollama and of the catalogue stay as they are."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stick").mkdir()

    assert model_library._absolute("stick") == str(tmp_path / "stick")
    assert model_library._absolute("./nowhere") == str(tmp_path / "nowhere")
    for name in ("hf:acme/tiny", "ollama:llama3.1:8b", "llama-3.1-8b", "acme/tiny"):
        assert model_library._absolute(name) == name


def test_what_is_on_its_way_and_what_broke_off_are_told() -> None:
    """Also where nothing is there yet."""
    failure = {"code": "model_no_room", "message": "There is not enough room."}
    told = {
        "models": [],
        "pulls": [PULL, PULL | {"state": "failed", "failure": failure}],
        "searched_with": None,
    }

    lines = list(model_library._lines(told))

    assert lines[0].startswith("running  tiny: 25%")
    assert lines[1] == "failed   tiny: There is not enough room."
    assert next(model_library._lines(told | {"pulls": []})).startswith("There are no models here yet")


async def test_a_model_that_cannot_run_here_is_got_with_a_word_on_it() -> None:
    """Which file of it can; nothing is said of one that fits, nor of what is not in the catalogue."""
    other = {"plan": {"verdict": "cpu", "is_own_file": False, "model": "llama-q4"}}
    large = {"plan": {"verdict": "no", "is_own_file": True, "model": "llama"}}
    fits = {"plan": {"verdict": "fits", "is_own_file": True, "model": "llama"}}
    api = Answers(other, large, fits)

    said = [await model_library._doubt(api, "llama") for _ in range(3)]  # type: ignore[arg-type]

    assert said == [
        "llama cannot run on this machine; llama-q4 can.",
        "llama does not fit on this machine: `appliance model plan llama` shows the sum.",
        "",
    ]
    assert await model_library._doubt(Answers(), "hf:acme/tiny") == ""  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("embedding", "appliance index use tiny"),
        ("transcription", "appliance settings --set speech.model=tiny"),
        ("reranker", "appliance settings --set retrieval.reranker=tiny"),
    ],
)
def test_the_next_step_is_named_by_what_the_model_is_for(kind: str, step: str) -> None:
    """A command to copy."""
    assert step in model_library._ended(PULL | {"state": "done", "kind": kind})
