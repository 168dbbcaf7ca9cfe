"""What documents say themselves, in place of an answer that no model began to write."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

from appliance.domain.answers import AnswerEvent, Finished, TextDelta, Waiting
from inference.errors import EngineRefused, EngineStreamBroken, EngineUnavailable, InferenceError

logger = logging.getLogger(__name__)

Steps = AsyncGenerator[AnswerEvent, None]

_OF_THE_ENGINE = (EngineUnavailable, EngineStreamBroken, EngineRefused)


async def written_or_quoted(written: Steps, quoted: Callable[[], Steps]) -> Steps:
    """As it is written; where the engine fails before the first word, as it is quoted.

    Raises what breaks off after that, and what the engine objects to in the request itself.
    """
    failure: InferenceError | None = None
    has_text = False
    try:
        async with aclosing(written) as events:
            async for event in events:
                has_text = has_text or (isinstance(event, TextDelta) and bool(event.text))
                yield event
    except _OF_THE_ENGINE as error:
        if has_text or (isinstance(error, EngineRefused) and error.status in (400, 404, 413, 422)):
            raise
        failure = error
    if failure is not None:
        logger.warning("no model answers, so documents are quoted: %s", failure)
        yield Waiting(0, trying="quoted")
        async with aclosing(quoted_for_want_of_a_model(quoted())) as events:
            async for event in events:
                yield event


async def quoted_for_want_of_a_model(quoted: Steps) -> Steps:
    """The same, and its end says by which rung of the ladder it came."""
    async with aclosing(quoted) as events:
        async for event in events:
            if isinstance(event, Finished) and event.kind == "quoted":
                event = replace(event, rung="quoted")
            yield event
