"""How it goes, joined to the ledger and to what errors mean; and the hourly adding up of how long answers took."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

from fastapi import APIRouter

from appliance.api.identity import Identity
from appliance.api.insights import insight_routes
from appliance.errors import ApplianceError, PartUnavailable
from appliance.services.insights.report import InsightsReport
from appliance.storage.database import Database
from appliance.storage.feedback import PostgresFeedback
from appliance.storage.insights import PostgresInsights, add_up_answer_times
from inference.errors import InferenceError
from querying.errors import QueryingError
from rag.analysis import Analyzer
from rag.errors import RagError

logger = logging.getLogger(__name__)

_EVERY_S = 3600.0
_MOST_DAYS = 100  # after an upgrade there are two months to be added up


def insights_router(database: Database, identity: Identity, *, shows_questions: bool = False) -> APIRouter:
    """database: of the api role. shows_questions: `insights.shows_questions`."""
    report = InsightsReport(
        PostgresInsights(database),
        PostgresFeedback(database),
        Analyzer(),
        shows_questions=shows_questions,
        sentences={error.code: _sentence(error) for error in _all_errors()},
    )
    return insight_routes(report, identity)


async def add_up_answer_times_forever(database: Database) -> None:
    """At the start, and then once an hour. database: of the worker's role."""
    while True:
        try:
            for _ in range(_MOST_DAYS):
                if not await add_up_answer_times(database, 1):  # a short transaction each
                    break
        except PartUnavailable:
            logger.warning(
                "the times of answers could not be added up; trying again in an hour", exc_info=True
            )
        await asyncio.sleep(_EVERY_S)


def _all_errors() -> Iterator[type[ApplianceError | InferenceError | QueryingError | RagError]]:
    waiting: list[type] = [ApplianceError, InferenceError, QueryingError, RagError]
    while waiting:
        error = waiting.pop()
        waiting += error.__subclasses__()
        yield error


def _sentence(error: type) -> str:
    return (error.__doc__ or "").strip().partition("\n")[0]
