"""What a hostile or broken client sends to the listening port itself: every answer is a 4xx that says what is wrong.

The fields of each route have tests of their own; here every door of a whole box gets the same bad bodies and keys.
"""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.supervisor.conftest import wait_until
from tests.whole_box import PIPELINE, WholeBox

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

DEEP = 10_000
MIB = 1024 * 1024
HUNDRED_MB = 100_000_000
# Held for a moment, whatever is refused: socket buffers, one piece of the body, what the allocator keeps.
FEW_BYTES = 24 * MIB
# A body of unknown length is read up to its limit before it is refused.
JSON_LIMIT_BYTES = 32 * MIB
POSTS = {
    "/v1/chat/completions": "messages",
    "/v1/completions": "prompt",
    "/v1/embeddings": "input",
    "/v1/vector_stores": "name",
    "/v1/vector_stores/STORE/search": "query",
    "/v1/vector_stores/STORE/files": "file_id",
    "/v1/vector_stores/STORE/file_batches": "file_ids",
    "/api/turns": "question",
    "/api/users": "email",
    "/api/sessions": "email",
}
MODELS = {
    "/v1/chat/completions": b'"model": "tiny", ',
    "/v1/completions": b'"model": "tiny", ',
    "/v1/embeddings": b'"model": "all-MiniLM-L6-v2", ',
}
BODIES = {
    "nothing": b"",
    "no JSON": b"hello",
    "cut off": b'{"FIELD": "x", "a": [',
    "a list": b"[1, 2]",
    "null": b"null",
    "10,000 deep": b'{"FIELD": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "10,000 deep, never closed": b'{"FIELD": ' + b'{"a":' * DEEP,
    "a key twice": b'{"FIELD": "x", "FIELD": "y"}',
    "NaN": b'{"FIELD": NaN}',
    "Infinity": b'{"FIELD": -Infinity}',
    "not UTF-8": b'{"FIELD": "\xff\xfe"}',
    "half a surrogate": b'{"FIELD": "\\ud800"}',
    "a number too long to read": b'{"FIELD": ' + b"9" * 5000 + b"}",
    "the wrong type": b'{MODEL"FIELD": {"a": 1}}',
}


@dataclass(frozen=True)
class Answer:
    """One answer, as it came over the socket."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        """OpenAI's error object; fails the test when it is not one."""
        error = json.loads(self.body)["error"]
        assert set(error) >= {"message", "type", "param", "code"}, error
        assert error["message"] and isinstance(error["message"], str)
        return dict(error)


def send(box: WholeBox, head: str, pieces: list[bytes], repeat: int = 1) -> Answer:
    """Send raw bytes and read the answer; a server that answers before it has read everything is fine."""
    with socket.create_connection(("127.0.0.1", box.port), timeout=60) as client:
        client.sendall(head.encode("latin-1"))
        try:
            for _ in range(repeat):
                for piece in pieces:
                    client.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return _read(client)


def _read(client: socket.socket) -> Answer:
    received = b""
    try:
        while data := client.recv(65536):
            received += data
    except ConnectionResetError:
        pass
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    assert lines[0].startswith("HTTP/1.1 "), received[:200]
    return Answer(int(lines[0].split()[1]), headers, body)


def post(box: WholeBox, path: str, body: bytes, *headers: str) -> Answer:
    """One request with a connection of its own."""
    given = headers or (f"Authorization: Bearer {box.key}",)
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: 127.0.0.1:{box.port}",
        "Content-Type: application/json",
        f"Origin: {box.url}",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *given,
    ]
    return send(box, "\r\n".join(lines) + "\r\n\r\n", [body])


@pytest.fixture(scope="module")
def store(writing_box: WholeBox) -> str:
    """A vector store of the administrator's."""
    return str(writing_box.post_json("/v1/vector_stores", {"name": "bad input"})["id"])


@pytest.mark.parametrize("path", POSTS)
def test_a_bad_body_is_refused_at_every_door(writing_box: WholeBox, store: str, path: str) -> None:
    """A 400 in OpenAI's body that names the field where there is one; the box goes on answering."""
    field = POSTS[path]
    wrong = {}
    for what, template in BODIES.items():
        body = template.replace(b"FIELD", field.encode()).replace(b"MODEL", MODELS.get(path, b""))
        answer = post(writing_box, path.replace("STORE", store), body)
        error = answer.error
        if answer.status != 400 or error["type"] != "invalid_request_error":
            wrong[what] = (answer.status, error)
        if what in ("a key twice", "the wrong type") and field not in str(error["param"]):
            wrong[what] = (answer.status, error)

    assert wrong == {}
    assert writing_box.get_json("/healthz")


@pytest.mark.parametrize("limit", [2**63, 2**64, -1, 0, 1.5, "10", True], ids=str)
@pytest.mark.parametrize("model", ["tiny", PIPELINE])
def test_a_senseless_number_of_tokens_is_named(writing_box: WholeBox, model: str, limit: object) -> None:
    """max_tokens and its newer name, for engines and pipelines alike."""
    for field in ("max_tokens", "max_completion_tokens"):
        body = {"model": model, "messages": [{"role": "user", "content": "x"}], field: limit}

        answer = post(writing_box, "/v1/chat/completions", json.dumps(body).encode())

        assert (answer.status, answer.error["param"]) == (400, field)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions", "/v1/embeddings"])
def test_an_unknown_model_is_a_404_that_lists_the_known_ones(writing_box: WholeBox, path: str) -> None:
    """And says how to add one."""
    body = {"model": "gpt-9", "messages": [{"role": "user", "content": "x"}], "input": "x", "prompt": "x"}
    wanted = {"/v1/chat/completions": "messages", "/v1/completions": "prompt", "/v1/embeddings": "input"}[
        path
    ]

    answer = post(writing_box, path, json.dumps({"model": body["model"], wanted: body[wanted]}).encode())

    assert (answer.status, answer.error["param"], answer.error["code"]) == (404, "model", "model_not_found")
    assert "gpt-9" in answer.error["message"]


@pytest.mark.parametrize("form", ["Authorization: Bearer {}", "x-api-key: {}", "api-key: {}"])
def test_a_key_that_is_no_good_opens_no_door(writing_box: WholeBox, store: str, form: str) -> None:
    """Revoked, expired, made up, or not a key at all: 401 at every door, in every form that a key may come in."""
    keys = {**_withdrawn(writing_box), "made up": "apl_" + "x" * 43, "not one of ours": "sk-123"}

    statuses = {
        (what, path): post(writing_box, path.replace("STORE", store), b"{}", form.format(key)).status
        for what, key in keys.items()
        for path in POSTS
        if path != "/api/sessions"
    }
    bodies = [post(writing_box, "/v1/embeddings", b"{}", form.format(key)) for key in keys.values()]

    assert {key: status for key, status in statuses.items() if status != 401} == {}
    assert all(answer.error["code"] == "invalid_api_key" for answer in bodies)
    assert all(key.encode() not in answer.body for answer, key in zip(bodies, keys.values(), strict=True))


def _withdrawn(box: WholeBox) -> dict[str, str]:
    """A revoked key and an expired one, both good before."""
    with box.client() as client:
        me = client.get("/api/users", params={"email": "admin@appliance.local"}).json()["data"][0]["id"]
        revoked = client.post("/api/keys", json={"user_id": me, "name": "revoked"}).json()
        soon = (datetime.now(UTC) + timedelta(seconds=1.5)).isoformat()
        expired = client.post("/api/keys", json={"user_id": me, "name": "old", "expires_at": soon}).json()
        assert client.delete(f"/api/keys/{revoked['id']}").status_code in (200, 204)
    with box.client(expired["key"]) as client:
        wait_until(lambda: client.get("/v1/models").status_code == 401, "the key has expired", 90)
    return {"revoked": revoked["key"], "expired": expired["key"]}


@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/v1/embeddings", "/v1/vector_stores", "/api/turns"]
)
@pytest.mark.parametrize("tells_length", [True, False], ids=["length told", "length not told"])
def test_a_hundred_megabytes_are_refused_in_little_memory(
    writing_box: WholeBox, path: str, tells_length: bool
) -> None:
    """413, and the gateway holds no more than a body may have."""
    with _Memory(writing_box.pid_of("gateway")) as memory:
        answer = _send_hundred_megabytes(writing_box, path, tells_length, "application/json")

    assert (answer.status, answer.error["type"]) == (413, "invalid_request_error")
    assert memory.grown_bytes < FEW_BYTES + (0 if tells_length else JSON_LIMIT_BYTES)


@pytest.mark.parametrize("tells_length", [True, False], ids=["length told", "length not told"])
def test_an_upload_goes_to_disk_not_through_memory(writing_box: WholeBox, tells_length: bool) -> None:
    """A hundred megabytes in a file are written as they come; in a field that is no file they are refused."""
    pid = writing_box.pid_of("gateway")
    with _Memory(pid) as memory:
        stored = _send_hundred_megabytes(writing_box, "/v1/files", tells_length, "file")
    with _Memory(pid) as field_memory:
        refused = _send_hundred_megabytes(writing_box, "/v1/files", tells_length, "purpose")

    assert stored.status == 200 and json.loads(stored.body)["bytes"] == HUNDRED_MB
    assert 400 <= refused.status < 500 and refused.error["message"]
    assert memory.grown_bytes < FEW_BYTES and field_memory.grown_bytes < FEW_BYTES
    with writing_box.client() as client:
        assert client.delete(f"/v1/files/{json.loads(stored.body)['id']}").status_code == 200


def _send_hundred_megabytes(box: WholeBox, path: str, tells_length: bool, kind: str) -> Answer:
    piece = b"x" * 1_000_000
    before, after, content_type = b'{"messages": "', b'"}', "application/json"
    if kind in ("file", "purpose"):
        name = b'"file"; filename="big.txt"' if kind == "file" else b'"purpose"'
        content_type = "multipart/form-data; boundary=edge"
        before = b""
        if kind == "file":
            before = b'--edge\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nassistants\r\n'
        before += b"--edge\r\nContent-Disposition: form-data; name=" + name + b"\r\n\r\n"
        after = b"\r\n--edge--\r\n"
    count = HUNDRED_MB // len(piece)
    length = len(before) + count * len(piece) + len(after)
    head = [
        f"POST {path} HTTP/1.1",
        f"Host: 127.0.0.1:{box.port}",
        f"Authorization: Bearer {box.key}",
        f"Content-Type: {content_type}",
        f"Content-Length: {length}" if tells_length else "Transfer-Encoding: chunked",
        "Connection: close",
    ]
    with socket.create_connection(("127.0.0.1", box.port), timeout=60) as client:
        client.sendall(("\r\n".join(head) + "\r\n\r\n").encode())
        try:
            for part in (before, *[piece] * count, after):
                client.sendall(part if tells_length else b"%x\r\n%b\r\n" % (len(part), part))
            if not tells_length:
                client.sendall(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has heard enough
        return _read(client)


class _Memory:
    """By how much a process's largest resident memory grows inside the block, from /proc."""

    def __init__(self, pid: int) -> None:
        self._proc = Path(f"/proc/{pid}")
        self.grown_bytes = 0

    def __enter__(self) -> _Memory:
        (self._proc / "clear_refs").write_text("5")  # proc(5): the peak is now what is held now
        self._before = self._kib("VmRSS")
        return self

    def __exit__(self, *_: object) -> None:
        self.grown_bytes = (self._kib("VmHWM") - self._before) * 1024

    def _kib(self, name: str) -> int:
        lines = (self._proc / "status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
