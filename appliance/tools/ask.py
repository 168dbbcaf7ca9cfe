"""The tool `ask`: an answer from the caller's documents with its checked sources, or of a model that is named."""

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

WITH_SOURCES = "answer-with-sources"


class AskArguments(Arguments):
    """What `ask` takes."""

    question: Question = Field(description="The question, complete in itself.")
    model: str = Field(
        WITH_SOURCES,
        min_length=1,
        max_length=200,
        description="`answer-with-sources` answers from the documents; any other name of /v1/models is asked as it is.",
    )
    collection_ids: CollectionIds = Field(
        default_factory=list, description="Answer from these collections alone. Empty: from all."
    )
    language: AnswerLanguage | None = Field(
        None, description="Of the answer, where the question does not tell it."
    )


class Ask:
    """Fulfils ports.tools.OwnTool."""

    name = "ask"
    title = "Ask"
    description = (
        "Answers a question from the company's documents that you may see. Every source is checked on its page and "
        "told with a link; sentences that no source supports are marked."
    )
    arguments = AskArguments

    def __init__(self, answers: Answers, wire: Wire) -> None:
        self._answers, self._wire = answers, wire

    @classmethod
    def made_from(cls, parts: ToolParts) -> Ask:
        return cls(parts.answers, parts.wire)

    async def call(self, caller: Caller, asked: AskArguments, calling: Calling) -> ToolResult:
        request = AnswerRequest(
            [ChatMessage("user", asked.question)],
            asked.model,
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
