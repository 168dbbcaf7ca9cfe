"""`appliance model plan`: which models fit, with the arithmetic, for this machine, another GPU or another box."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from appliance.commands.entry import run
from tests.inference.shape_files import LLAMA, llama_tensors, tiny_gguf, write_folder

Printed = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal on which no line breaks."""
    monkeypatch.setenv("COLUMNS", "200")


def _planned(printed: Printed, *words: str, status: int = 0) -> str:
    assert run(["model", "plan", *words]) == status
    told = printed.readouterr()
    return told.err if status else told.out


def test_without_a_name_every_model_has_its_verdict(capsys: Printed, tmp_path: Path) -> None:
    """For GPUs that one does not have yet; what is for search and speech stands apart."""
    told = _planned(capsys, "--gpu", "RTX 4090", "--data", str(tmp_path))
    lines = {line.split()[0]: line for line in told.splitlines() if line and not line.startswith(" ")}

    assert "RTX 4090 (24 GiB)" in told and "Of 20 people about 3 ask at the same moment" in told
    assert "fits" in lines["llama-3.2-3b"] and "yes" in lines["llama-3.2-3b"]
    assert " no " in lines["llama-3.3-70b"] and "Llama 3.3 *" in lines["llama-3.3-70b"]
    assert "smaller file" in lines["qwen2.5-14b-fp8"]
    assert "transcription" in lines["whisper-large-v3"]


def test_with_a_name_the_sum_is_shown(capsys: Printed, tmp_path: Path) -> None:
    """Line by line in GiB, what is given up in words, and what the next start would be like."""
    told = _planned(
        capsys, "llama-3.3-70b", "--gpu", "A100-80GB x2", "--people", "100", "--data", str(tmp_path)
    )

    assert (
        "llama-3.3-70b-fp8 (Llama 3.3 70B Instruct, Llama 3.3): As it is it does not fit; a smaller" in told
    )
    assert "80.00  memory of A100-80GB" in told
    assert "weights: 70.6 billion parameters as fp8, divided over 2 GPUs" in told
    assert "14 conversations of 16,384 tokens, 2,560 MiB each" in told
    assert "- 2 GPUs are taken" in told and "vllm on GPU 0, 1: 16,384 tokens for each of 14" in told


def test_programs_get_one_object(capsys: Printed, tmp_path: Path) -> None:
    """The same that the API tells."""
    told = json.loads(_planned(capsys, "phi-4", "--gpu", "L40S", "--json", "--data", str(tmp_path)))
    every = json.loads(_planned(capsys, "--gpu", "L40S", "--all", "--json", "--data", str(tmp_path)))

    assert told["plan"]["verdict"] == "fits" and told["hardware"]["gpus"][0]["name"] == "L40S"
    assert len(every["data"]) > 100 and every["others"]


def test_a_path_is_planned_by_its_files(capsys: Printed, tmp_path: Path) -> None:
    """A GGUF file or a folder; a broken one is a sentence, not a traceback."""
    file = tmp_path / "tiny.gguf"
    file.write_bytes(tiny_gguf())
    folder = write_folder(tmp_path / "folder", LLAMA, llama_tensors())

    assert "llama_cpp on the processor" in _planned(capsys, str(file), "--data", str(tmp_path))
    assert "vllm on GPU 0" in _planned(capsys, str(folder), "--gpu", "L4", "--data", str(tmp_path))
    file.write_bytes(file.read_bytes()[:99])
    assert "ends inside its header" in _planned(capsys, str(file), "--data", str(tmp_path), status=1)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["no-such-model"], "There is no model of that name here."),
        (["phi-4", "--gpu", "Voodoo 2"], "names no GPU that is known here"),
        (["phi-4", "--people", "0"], "people is a number"),
        (["phi-4", "--gpu", "L4", "--here"], "Either --here or --gpu."),
        (["whisper-base"], "is no language model"),
    ],
    ids=["model", "gpu", "people", "both", "speech"],
)
def test_what_cannot_be_planned_is_a_sentence(
    capsys: Printed, tmp_path: Path, words: list[str], told: str
) -> None:
    """With what to give instead."""
    assert told in _planned(capsys, *words, "--data", str(tmp_path), status=1)


def test_this_machine_can_be_planned_for(capsys: Printed, tmp_path: Path) -> None:
    """Whatever it has."""
    assert "processor cores" in _planned(capsys, "--here", "--data", str(tmp_path))


@contextmanager
def _box(answer: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Where something answers as an appliance would, and what it was asked."""
    asked: list[str] = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None:
            """Silent."""

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            serving.join()


def test_another_appliance_is_asked_about_its_own_gpus(capsys: Printed, tmp_path: Path) -> None:
    """With --url; what it says is shown like one's own."""
    own = json.loads(_planned(capsys, "phi-4", "--gpu", "L40S", "--json", "--data", str(tmp_path)))
    with _box(own) as (url, asked):
        told = _planned(capsys, "phi-4", "--url", url, "--key", "k", "--people", "9")

    assert asked == ["/api/models/plan?people=9&context=16384&model=phi-4"]
    assert "phi-4 (Phi-4, MIT): It fits" in told
