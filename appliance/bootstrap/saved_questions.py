"""Joins saved questions and kept results: what the desk keeps, what is chosen, and their routes."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fastapi import APIRouter

from appliance.api.data_results import data_result_routes
from appliance.api.identity import Identity
from appliance.api.saved_questions import saved_question_routes
from appliance.errors import PartUnavailable
from appliance.fairness.accounting.ledger_rows import uuid7
from appliance.pipelines.answer_from_data.charting import chart
from appliance.ports.data import DataDesk
from appliance.services.data.choosing import Chooser
from appliance.services.data.drafting import Drafting
from appliance.services.data.results import KeptResults
from appliance.services.data.saved import SavedQuestionBook
from appliance.storage.data_results import PostgresResults, remove_results_without_turn
from appliance.storage.database import Database
from appliance.storage.saved_questions import PostgresSavedQuestions
from inference.ports import Embedder
from rag.analysis import Analyzer

logger = logging.getLogger(__name__)

_EVERY_S = 3600.0
_KEPT_WITHOUT_TURN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SavedRoom:
    """What the gateway needs of this room. folder: for workbooks while they are written."""

    book: SavedQuestionBook
    results: KeptResults
    drafting: Drafting
    folder: Path

    def routers(self, identity: Identity) -> list[APIRouter]:
        """Every route of this room."""
        return [
            data_result_routes(self.results, identity, self.folder),
            saved_question_routes(self.book, self.drafting, identity, chart),
        ]


async def remove_results_forever(database: Database) -> None:
    """Results that belong to no turn, a day after they came; once an hour. database: as the worker's role."""
    while True:
        try:
            removed = await remove_results_without_turn(database, datetime.now(UTC) - _KEPT_WITHOUT_TURN)
        except PartUnavailable:
            logger.warning(
                "results that are over could not be removed; trying again in an hour", exc_info=True
            )
        else:
            if removed:
                logger.info("%d results of queries were removed", removed)
        await asyncio.sleep(_EVERY_S)


def build_saved(
    database: Database, desk: DataDesk, analyzer: Analyzer, embedder: Embedder, folder: Path
) -> SavedRoom:
    """database: as the api role. folder: for workbooks while they are written. Days are the machine's own."""
    book = SavedQuestionBook(
        PostgresSavedQuestions(database),
        desk,
        Chooser(analyzer, embedder),
        today=lambda: datetime.now().astimezone().date(),
        new_id=uuid7,
    )
    results = KeptResults(PostgresResults(database), desk)
    return SavedRoom(book, results, Drafting(results, desk), folder)
