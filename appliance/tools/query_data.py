"""The tool `query_data`: a question about the company's tables, answered with a table, its SQL and its row count."""

from __future__ import annotations

from contextlib import aclosing

from pydantic import Field

from appliance.domain.answers import AnswerRequest
from appliance.domain.people import Caller
from appliance.ports.tools import Answers, Calling, ToolResult, Wire
from appliance.tools import ToolParts
from appliance.tools.answering import Collected
from appliance.tools.arguments import AnswerLanguage, Arguments, CollectionIds, Question, collections_of
from inference.types import ChatMessage

FROM_DATA = "answer-from-data"


class DataArguments(Arguments):
    """What `query_data` takes. No SQL: what runs is written here and held against what is allowed."""

    question: Question = Field(
        description="The question in words, complete in itself: `total sales of March`. SQL is not taken."
    )
    collection_ids: CollectionIds = Field(
        default_factory=list,
        description="Ask workbooks of these collections alone, and no databases. Empty: everything.",
    )
    language: AnswerLanguage | None = Field(
        None, description="Of the answer, where the question does not tell it."
    )


class QueryData:
    """Fulfils ports.tools.OwnTool."""

    name = "query_data"
    title = "Query data"
    description = (
        "Answers a question about numbers from the company's databases and uploaded workbooks that you may ask, "
        "read-only: a sentence, the rows, the SQL that ran and how many rows it found. list_data tells what there is."
    )
    arguments = DataArguments

    def __init__(self, answers: Answers, wire: Wire) -> None:
        self._answers, self._wire = answers, wire

    @classmethod
    def made_from(cls, parts: ToolParts) -> QueryData | None:
        return None if parts.data is None else cls(parts.answers, parts.wire)

    async def call(self, caller: Caller, asked: DataArguments, calling: Calling) -> ToolResult:
        request = AnswerRequest(
            [ChatMessage("user", asked.question)],
            FROM_DATA,
            collection_ids=collections_of(asked.collection_ids, self._wire),
            language=asked.language,
            request_id=calling.request_id,
            origins=calling.origins,
            via=calling.via,
        )
        collected = Collected(self._wire, calling.origins)
        async with aclosing(self._answers.answer(caller, request)) as events:  # type: ignore[type-var]
            await collected.take_all(events, calling.on_step)
        return collected.result()
