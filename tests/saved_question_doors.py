"""The routes of results and saved questions over a desk of tests, asked by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from fastapi import Request
from numpy.typing import NDArray

from appliance.api.app import create_app
from appliance.api.data_results import data_result_routes
from appliance.api.saved_questions import saved_question_routes
from appliance.domain.people import Caller
from appliance.errors import NotAuthenticated
from appliance.fairness.accounting.ledger_rows import uuid7
from appliance.pipelines.answer_from_data.charting import chart
from appliance.services.data.choosing import Chooser
from appliance.services.data.drafting import Drafting
from appliance.services.data.results import KeptResults
from appliance.services.data.saved import SavedQuestionBook
from appliance.storage.data_results import PostgresResults
from appliance.storage.saved_questions import PostgresSavedQuestions
from inference.errors import EmbedderUnavailable
from tests.data_world import DataWorld

TODAY = date(2026, 4, 15)


class NoEmbedder:
    """An embedder that is away."""

    model_id, dimension, max_tokens = "none", 1, 256

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        raise EmbedderUnavailable("It is away.")

    async def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        raise EmbedderUnavailable("It is away.")

    async def close(self) -> None:
        pass


@dataclass
class Named:
    """Stands where the accounts' identity stands: who asks is the header `who`."""

    people: Mapping[str, Caller]

    async def caller(self, request: Request) -> Caller:
        found = self.people.get(request.headers.get("who", ""))
        if found is None:
            raise NotAuthenticated
        return found


@dataclass
class Doors:
    """A client of both rooms."""

    world: DataWorld
    results: PostgresResults
    book: SavedQuestionBook
    client: httpx.AsyncClient

    async def call(self, who: str, verb: str, path: str, body: Any = None) -> httpx.Response:
        """Below /api/data."""
        return await self.client.request(verb, f"/api/data{path}", json=body, headers={"who": who})

    async def ok(self, who: str, verb: str, path: str, body: Any = None) -> Any:
        """Its JSON."""
        answer = await self.call(who, verb, path, body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


def doors_of(world: DataWorld, chooser: Chooser, folder: Path) -> Doors:
    """client: to be closed by whoever asked for it."""
    kept = PostgresResults(world.database)
    book = SavedQuestionBook(
        PostgresSavedQuestions(world.database), world.desk, chooser, today=lambda: TODAY, new_id=uuid7
    )
    results = KeptResults(kept, world.desk)
    identity: Any = Named({"root": world.root, "ana": world.ana, "luis": world.luis})
    app = create_app(
        [
            data_result_routes(results, identity, folder),
            saved_question_routes(book, Drafting(results, world.desk), identity, chart),
        ]
    )
    transport = httpx.ASGITransport(app)
    return Doors(world, kept, book, httpx.AsyncClient(transport=transport, base_url="http://box"))
