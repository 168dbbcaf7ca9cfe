"""The saved questions of the sample sales: each is found by its own words and by each of its other wordings."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from uuid import uuid4

import pytest

from appliance.domain.data import OfferedSource, SavedQuestion
from appliance.services.data.choosing import Chooser
from appliance.services.data.sample_sales import QUESTIONS, write_sample_sales
from inference.egress import Neighbours
from querying.connectors.opening import open_connector
from rag.analysis import Analyzer
from tests.saved_question_doors import NoEmbedder

TODAY = date(2026, 11, 22)
SOURCE = uuid4()
SAVED = [
    SavedQuestion(uuid4(), SOURCE, one.question, one.sql, one.language, one.wordings, one.parameters)
    for one in QUESTIONS
]


@pytest.fixture
async def sources(tmp_path: Path) -> list[OfferedSource]:
    """The sample as it is offered."""
    path = tmp_path / "sales.sqlite"
    write_sample_sales(path, TODAY)
    connector = open_connector("sqlite", {"path": str(path)}, Neighbours())
    schema = await connector.schema()
    await connector.close()
    return [OfferedSource(SOURCE, "Tramontel: ventas", "sqlite", schema)]


@pytest.mark.parametrize("one", SAVED, ids=lambda one: one.question)
async def test_its_own_words_find_it(one: SavedQuestion, sources: list[OfferedSource]) -> None:
    """To the letter, without the gap in braces; in the other language too."""
    chooser = Chooser(Analyzer(("en", "es")), NoEmbedder())
    for wording in (one.question.replace(" en {periodo}", "").replace(" de {año}", ""), *one.wordings):
        chosen = await chooser.chosen(wording, SAVED, sources, TODAY)
        assert chosen is not None and chosen.saved.id == one.id, wording


async def test_what_none_of_them_answers_is_answered_by_none(sources: list[OfferedSource]) -> None:
    """Near misses over the same tables."""
    chooser = Chooser(Analyzer(("en", "es")), NoEmbedder())
    for question in ("¿cuántos empleados tenemos?", "beneficio de marzo", "which suppliers are late?"):
        assert await chooser.chosen(question, SAVED, sources, TODAY) is None, question
