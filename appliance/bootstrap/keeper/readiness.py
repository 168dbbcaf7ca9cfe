"""Whether an engine can really be used: it says that it is well, and gives one token. Blocks; for a thread."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path

_HEALTH_TIMEOUT_S = 2.0
_TOKEN_TIMEOUT_S = 300.0  # the first one of vLLM may still compile


class FirstAnswer:
    """A probe for `Child`. kind: `chat` or `embedding`. problem: why it is not ready yet, as far as it said."""

    def __init__(self, path: Path, model: str, key: str, kind: str) -> None:
        self._path, self._model, self._key, self._kind = path, model, key, kind
        self.problem = ""

    def __call__(self) -> bool:
        try:
            status, _ = self._ask("GET", "/health", None, _HEALTH_TIMEOUT_S)
            if status != 200:
                self.problem = f"/health answers {status}."
                return False
            return self._gives_a_token()
        except (OSError, http.client.HTTPException) as error:
            self.problem = str(error)
            return False

    def _gives_a_token(self) -> bool:
        """A model without a chat template is asked to go on with a text instead."""
        said = b""
        for route, body in self._questions():
            status, said = self._ask("POST", route, {"model": self._model, **body}, _TOKEN_TIMEOUT_S)
            if status == 200:
                return True
        self.problem = said.decode(errors="replace")[:300]
        return False

    def _questions(self) -> list[tuple[str, dict[str, object]]]:
        if self._kind == "embedding":
            return [("/v1/embeddings", {"input": "1"})]
        message = {"role": "user", "content": "1"}
        return [
            ("/v1/chat/completions", {"messages": [message], "max_tokens": 1}),
            ("/v1/completions", {"prompt": "1", "max_tokens": 1}),
        ]

    def _ask(
        self, method: str, route: str, body: dict[str, object] | None, timeout_s: float
    ) -> tuple[int, bytes]:
        connection = _UnixConnection(self._path, timeout_s)
        try:
            headers = {"content-type": "application/json", "authorization": f"Bearer {self._key}"}
            connection.request(method, route, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, answer.read(1 << 16)
        finally:
            connection.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("engine", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
