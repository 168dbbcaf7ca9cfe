"""A model that Ollama gets for itself: we ask, and tell how far it is. The files stay Ollama's own.

Follows https://docs.ollama.com/api (`POST /api/pull`, `DELETE /api/delete`). It goes out by itself: what is in our
ledger is that it was asked to.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from inference.egress import EgressSession
from inference.errors import HubUnavailable, ModelSourceUnknown
from inference.getting.progress import Meter
from inference.getting.sources import OllamaSource


class OllamaPuller:
    """address: of the server, without /v1."""

    def __init__(self, session: EgressSession, address: str) -> None:
        self._session, self._address = session, address.rstrip("/").removesuffix("/v1")

    async def pull(self, source: OllamaSource) -> AsyncIterator[tuple[Meter, str]]:
        """How far it is, and in which step; ends when all is there. Leaving early makes Ollama stop.

        Raises HubUnavailable, ModelSourceUnknown, EgressRefused.
        """
        layers: dict[str, tuple[int, int]] = {}
        is_done = False
        try:
            async with self._session.post(
                f"{self._address}/api/pull",
                json.dumps({"model": source.model, "stream": True}).encode(),
                headers={"content-type": "application/json"},
            ) as answer:
                async for line in _lines(answer):
                    if line.get("error"):
                        raise _refusal(str(line["error"]), source)
                    if answer.status >= 400:
                        raise HubUnavailable(f"Ollama answered {answer.status}.")
                    if digest := line.get("digest"):
                        layers[str(digest)] = (int(line.get("completed") or 0), int(line.get("total") or 0))
                    is_done = line.get("status") == "success"
                    meter = Meter(sum(total for _, total in layers.values()))
                    meter.count(sum(done for done, _ in layers.values()))
                    yield meter, str(line.get("status") or "")
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise HubUnavailable(
                f"Ollama at {self._address} ({str(error) or type(error).__name__})."
            ) from error
        if not is_done:
            raise HubUnavailable(f"Ollama at {self._address} broke off.")


async def _lines(answer: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    """A JSON object a line."""
    async for raw in answer.content:
        if raw.strip():
            told = json.loads(raw)
            yield told if isinstance(told, dict) else {}


def _refusal(told: str, source: OllamaSource) -> HubUnavailable | ModelSourceUnknown:
    is_unknown = "not exist" in told or "not found" in told or "invalid model" in told
    return (
        ModelSourceUnknown(f"Ollama knows no {source.model!r}.") if is_unknown else HubUnavailable(told[:500])
    )
