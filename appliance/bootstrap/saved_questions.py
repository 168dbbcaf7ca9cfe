"""Joins saved questions and kept results: what the desk keeps, what is chosen, and their routes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from appliance.fairness.accounting.ledger_rows import uuid7
from appliance.ports.data import DataDesk
from appliance.services.data.choosing import Chooser
from appliance.services.data.saved import SavedQuestionBook
from appliance.storage.data_results import PostgresResults
from appliance.storage.database import Database
from appliance.storage.saved_questions import PostgresSavedQuestions
from rag.analysis import Analyzer


@dataclass(frozen=True, slots=True)
class SavedRoom:
    """What the gateway needs of this room."""

    book: SavedQuestionBook


def build_results(database: Database) -> PostgresResults:
    """What the desk keeps results in; database: as the api role."""
    return PostgresResults(database)


def build_saved(database: Database, desk: DataDesk, analyzer: Analyzer) -> SavedRoom:
    """database: as the api role. Days are the machine's own."""
    book = SavedQuestionBook(
        PostgresSavedQuestions(database),
        desk,
        Chooser(analyzer),
        today=lambda: datetime.now().astimezone().date(),
        new_id=uuid7,
    )
    return SavedRoom(book)
