"""Joins saved questions and kept results: what the desk keeps, what is chosen, and their routes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fastapi import APIRouter

from appliance.api.data_results import data_result_routes
from appliance.api.identity import Identity
from appliance.api.saved_questions import saved_question_routes
from appliance.fairness.accounting.ledger_rows import uuid7
from appliance.ports.data import DataDesk
from appliance.services.data.choosing import Chooser
from appliance.services.data.drafting import Drafting
from appliance.services.data.results import KeptResults
from appliance.services.data.saved import SavedQuestionBook
from appliance.storage.data_results import PostgresResults
from appliance.storage.database import Database
from appliance.storage.saved_questions import PostgresSavedQuestions
from inference.ports import Embedder
from rag.analysis import Analyzer


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
            saved_question_routes(self.book, self.drafting, identity),
        ]


def build_results(database: Database) -> PostgresResults:
    """What the desk keeps results in; database: as the api role."""
    return PostgresResults(database)


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
