"""What a new release has to answer before it is kept: every way of not being well is told from being well."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

GATE = Path(__file__).resolve().parent.parent.parent / "deploy" / "server" / "health_gate.py"
PIPELINE = "answer-with-sources"


@dataclass
class Asked:
    """An appliance as the gate sees it: answers by path; who asked what."""

    port: int = 0
    answers: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)
    seen: list[tuple[str, str, Any]] = field(default_factory=list)

    def answer(self, path: str) -> tuple[int, Any]:
        """The next one; the last stays."""
        answers = self.answers[path]
        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture
def box() -> Iterator[Asked]:
    """All is well with it."""
    asked = Asked()
    asked.answers = {
        "/readyz": [(200, {"parts": {"gateway": "ready"}})],
        "/v1/models": [(200, {"data": [{"id": PIPELINE}]})],
        "/v1/chat/completions": [(200, {"choices": []})],
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("content-length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            asked.seen.append((self.path, self.headers.get("authorization", ""), body))
            status, answer = asked.answer(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        asked.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield asked
        server.shutdown()


@pytest.fixture
def credentials(box: Asked, tmp_path: Path) -> Path:
    """As the appliance writes them."""
    file = tmp_path / "credentials.json"
    file.write_text(
        json.dumps({"url": f"http://127.0.0.1:{box.port}", "api_key": "sk-first"}), encoding="utf-8"
    )
    return file


def gate(credentials: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """With no third-party packages, as on a server."""
    command = [sys.executable, "-S", "-E", str(GATE), "--credentials", str(credentials), *words]
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=300
    )


def test_a_well_one_is_asked_a_question_with_the_first_key(box: Asked, credentials: Path) -> None:
    """It waits while parts are not ready, and says which."""
    box.answers["/readyz"].insert(0, (503, {"parts": {"gateway": "ready", "embedder": "starting"}}))

    looked = gate(credentials)

    assert looked.returncode == 0, looked.stdout
    assert "/readyz says 503 (embedder: starting)" in looked.stdout and "a question answered" in looked.stdout
    (path, key, body) = box.seen[-1]
    assert (path, key, body["model"]) == ("/v1/chat/completions", "Bearer sk-first", PIPELINE)


@pytest.mark.parametrize(
    ("path", "answer", "reason"),
    [
        ("/readyz", (503, {"parts": {"postgres": "gone"}}), "postgres: gone"),
        ("/v1/models", (500, {}), "/v1/models says 500"),
        (
            "/v1/chat/completions",
            (503, {"error": {"message": "The engine is away."}}),
            "503 The engine is away.",
        ),
        ("/v1/chat/completions", (200, "no"), ""),
    ],
    ids=["a part", "the models", "the question", "well"],
)
def test_what_is_not_well_is_named_when_the_time_is_up(
    box: Asked, credentials: Path, path: str, answer: tuple[int, Any], reason: str
) -> None:
    """The reason stands in the log's last line."""
    box.answers[path] = [answer]

    looked = gate(credentials, "--seconds", "0.3")

    assert looked.returncode == bool(reason), looked.stdout
    assert reason in looked.stdout.splitlines()[-1]


def test_a_question_that_was_not_answered_before_need_not_be(box: Asked, credentials: Path) -> None:
    """An engine that is away is no fault of the new release; it is said."""
    box.answers["/v1/chat/completions"] = [(502, {})]

    looked = gate(credentials, "--question", "may")

    assert looked.returncode == 0 and "but a question was refused: 502" in looked.stdout


def test_a_withdrawn_key_and_no_credentials_are_no_fault_either(box: Asked, tmp_path: Path) -> None:
    """The door says 401: it is there."""
    box.answers["/v1/models"] = [(401, {})]

    looked = gate(tmp_path / "none.json", "--otherwise", f"http://127.0.0.1:{box.port}")

    assert looked.returncode == 0, looked.stdout


def test_who_has_ended_is_not_waited_for(credentials: Path, tmp_path: Path) -> None:
    """However much time there is."""
    ended = subprocess.Popen([sys.executable, "-S", "-c", ""])
    ended.wait(60)

    looked = gate(tmp_path / "none.json", "--otherwise", "http://127.0.0.1:1", "--pid", str(ended.pid))

    assert looked.returncode == 1 and "it has ended" in looked.stdout


def test_a_service_that_keeps_falling_is_not_waited_for(tmp_path: Path) -> None:
    """systemd starts it again and again; twice is enough to know."""
    systemctl = tmp_path / "systemctl"
    systemctl.write_text('#!/bin/sh\n[ "$2" = --property=NRestarts ] && echo 2\n', encoding="utf-8")
    systemctl.chmod(0o755)
    words = ("--otherwise", "http://127.0.0.1:1", "--unit", "appliance.service")

    looked = gate(tmp_path / "none.json", *words, PATH=f"{tmp_path}:{os.environ['PATH']}")

    assert looked.returncode == 1 and "it has ended" in looked.stdout
