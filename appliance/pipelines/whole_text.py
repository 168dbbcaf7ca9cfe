"""All of a text in one prompt, where the model's context holds it: in numbered sections, so that it can be cited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.domain.answers import AnswerRequest
from appliance.domain.people import Language
from appliance.errors import QuestionTooLong
from appliance.pipelines.checking import Locate
from appliance.pipelines.fitting import context_tokens, fit
from appliance.pipelines.sections import Section, cut
from appliance.pipelines.summary_texts import summary_text
from appliance.ports.prompts import PromptInForce
from inference.ports import ChatEngine
from inference.types import ChatMessage
from rag.documents import Passage, WholeDocument

_MOST_SECTIONS = 80  # markers have two digits, and a section is not filled to the brim
_LEAST_SECTION = 1_000  # characters
_BYTES_PER_TOKEN = 6  # no prose needs so few tokens; what is longer is not worth counting


@dataclass(frozen=True, slots=True)
class WholeText:
    """A prompt with every word of some documents. dropped_messages: of the conversation, for want of room."""

    messages: tuple[ChatMessage, ...]
    sections: tuple[Section, ...]
    answer_tokens: int
    words: PromptInForce
    dropped_messages: int = 0
    dropped_tokens: int = 0

    @classmethod
    async def fitting(
        cls,
        documents: Sequence[WholeDocument],
        request: AnswerRequest,
        language: Language,
        engine: ChatEngine,
        words: PromptInForce,
    ) -> WholeText | None:
        """None: it does not fit. words: the instructions."""
        size = sum(len(passage.text.encode()) for document in documents for passage in document.passages)
        if size > await context_tokens(engine) * _BYTES_PER_TOKEN:
            return None
        most = max(_LEAST_SECTION, size // _MOST_SECTIONS + 1)
        sections = tuple(section for document in documents for section in cut(document, most))
        passages = [section.as_passage() for section in sections]
        frame = f"{words.instructions}\n\n{summary_text(language, 'file_below')}\n"
        try:
            fitted = await fit(request, passages, language, engine, frame)
        except QuestionTooLong:
            return None
        prompt = fitted.prompt
        # the first passage goes in even if it had to be cut
        if len(prompt.passages) < len(sections) or sections[0].text not in prompt.messages[0].content:
            return None
        return cls(
            prompt.messages,
            sections,
            fitted.answer_tokens,
            words,
            prompt.dropped_messages,
            prompt.dropped_tokens,
        )

    def sections_of(self, document: WholeDocument) -> list[Section]:
        """Those of one document."""
        return [section for section in self.sections if section.file_id == document.file_id]


def located(sections: Sequence[Section]) -> Locate:
    """From a section as it stood in the prompt to the passage that is cited."""

    def locate(index: int, start: int, end: int) -> tuple[Passage, int, int]:
        return sections[index].locate(start, end)

    return locate
