"""The step `prompt`: a model's words, checked against passages where it was given some.

Without a model, or with one that fails before its first word, a step with sources quotes them, as answers do.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from appliance.domain.answers import (
    AnswerEvent,
    AnswerRequest,
    Cited,
    Finished,
    Reasoned,
    Restarted,
    TextDelta,
)
from appliance.domain.origins import Origins, of_passages, together
from appliance.errors import AnswerMisshapen, InvalidRequest
from appliance.pipelines.answer_with_sources import AnswerWithSources
from appliance.pipelines.checking import Checking
from appliance.pipelines.declared.parts import Done, Setting
from appliance.pipelines.declared.references import Reference, parse_template
from appliance.pipelines.declared.results import Result
from appliance.pipelines.declared.schema import PromptStep
from appliance.pipelines.fitting import MAX_ANSWER_TOKENS, context_tokens, fit, overestimate
from appliance.pipelines.prompting import framed, heeding
from appliance.pipelines.standing_in import quoted_for_want_of_a_model, written_or_quoted
from appliance.pipelines.texts import text
from appliance.pipelines.widening import PASSAGES_SHARE, REACH, widened
from appliance.pipelines.writing import Writer
from appliance.ports.prompts import PromptInForce
from inference.errors import EngineUnavailable
from inference.ports import ChatEngine
from inference.types import ChatMessage
from rag.documents import Passage, SearchResult


@dataclass(slots=True)
class _Told:
    """What has come of the step so far."""

    text: str = ""
    cited: Cited | None = None
    ending: Finished = field(default_factory=lambda: Finished("written"))
    is_shown: bool = False


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the model is told and asked, and what both are made from."""

    words: str
    question: str
    origins: Origins
    temperature: float | None
    used: tuple[str, ...]
    passages: tuple[Passage, ...]


async def prompt(step: PromptStep, setting: Setting) -> Done:
    """Raises EngineUnavailable, AnswerMisshapen and what engines raise."""
    sources = setting.values.results.get(step.sources or "")
    found = sources.found if sources is not None else None
    if step.sources is not None and (found is None or not found.passages):
        return _nothing_found(found, setting)
    in_force = await _in_force(step, setting)
    asked = _asked(step, setting, in_force)
    engine = setting.engines(step.model or (in_force.model if in_force else ""))
    told = _Told()
    events = _steps(step, setting, asked, found, engine)
    async with aclosing(events):
        async for event in events:
            await _take(event, told, setting, is_streamed=setting.is_answer and step.stream)
    origins = asked.origins if found is None else together(asked.origins, of_passages(found.passages))
    fields: dict[str, Any] = {"text": told.text}
    if step.answer_schema is not None:
        fields["json"] = _shaped(step, told.text)
    usage = told.ending.usage
    figures: dict[str, int | float | str] = {"characters": len(told.text)}
    if engine is not None:
        figures["model"] = engine.name
    if told.cited is not None:
        figures |= {"citations": len(told.cited.citations), "unsupported": len(told.cited.unsupported)}
    ending = replace(told.ending, usage=usage, prompts=asked.used)
    return Done(Result("prompt", fields, origins), ending, figures, told.cited, told.is_shown)


async def _take(event: AnswerEvent, told: _Told, setting: Setting, *, is_streamed: bool) -> None:
    if isinstance(event, Finished):
        told.ending = event
    elif isinstance(event, Cited):
        told.cited = event
    elif isinstance(event, TextDelta):
        told.text += event.text
        if is_streamed:
            told.is_shown = True
            await setting.emit(event)
    elif isinstance(event, Restarted):
        told.text = ""
        if is_streamed:
            await setting.emit(event)
    elif not isinstance(event, Reasoned) or is_streamed:
        await setting.emit(event)


def _steps(
    step: PromptStep, setting: Setting, asked: _Asked, found: SearchResult | None, engine: ChatEngine | None
) -> AsyncGenerator[AnswerEvent, None]:
    if found is None:
        if engine is None:
            raise EngineUnavailable(f"The step {step.name} needs a language model, and none is connected.")
        return _written(step, setting, asked, engine)
    quoter = AnswerWithSources(setting.parts.quoter, setting.parts.analyzer)

    def quoted(said: str) -> AsyncGenerator[AnswerEvent, None]:
        return quoter.quoted(
            setting.caller, asked.question, found, setting.language, setting.search, said=said
        )

    if engine is None:
        return quoted_for_want_of_a_model(quoted("quoting_only"))
    written = _written_from(step, setting, asked, found, engine)
    return written_or_quoted(written, lambda: quoted("quoting_meanwhile"))


async def _written(
    step: PromptStep, setting: Setting, asked: _Asked, engine: ChatEngine
) -> AsyncGenerator[AnswerEvent, None]:
    """From what the template holds; passages in it are checked, but nothing is left out to make it fit."""
    request = _request(step, setting, asked)
    system = asked.words
    if setting.is_answer and request.instructions.strip():
        system = heeding(request.instructions, system, setting.language)
    earlier = [message for message in request.messages[:-1] if message.role in ("user", "assistant")]
    messages = [ChatMessage("system", system), *earlier, request.messages[-1]]
    most = step.max_tokens or min(MAX_ANSWER_TOKENS, await context_tokens(engine) // 3)
    writer = Writer()
    steps = writer.stream(
        engine, request, messages, most, asked.origins, asked.temperature, also=_wanted_shape(step)
    )
    async with aclosing(steps) as pieces:
        async for piece in pieces:
            yield piece
    notes: list[str] = []
    if asked.passages and step.answer_schema is None:
        async with aclosing(_checked(writer.text, asked.passages, setting)) as events:
            async for event in events:
                if isinstance(event, Cited) and event.unsupported:
                    notes.append("unsupported")
                yield event
    yield Finished("written", writer.finish_reason, writer.usage, notes=tuple(notes))


async def _written_from(
    step: PromptStep, setting: Setting, asked: _Asked, found: SearchResult, engine: ChatEngine
) -> AsyncGenerator[AnswerEvent, None]:
    """From as many passages as the model's context holds, each with what stands around it while there is room."""
    request = _request(step, setting, asked)
    if not setting.is_answer:
        request = replace(request, instructions="")
    grown = await setting.search.surroundings(setting.caller, found.passages, REACH)
    budget = int(await context_tokens(engine) * PASSAGES_SHARE)
    passages = widened(found.passages, grown, budget, overestimate)
    fitted = await fit(request, passages, setting.language, engine, framed(asked.words, setting.language))
    most = min(step.max_tokens or fitted.answer_tokens, fitted.answer_tokens)
    writer = Writer()
    made_from = together(asked.origins, of_passages(passages))
    steps = writer.stream(
        engine,
        request,
        fitted.prompt.messages,
        most,
        made_from,
        asked.temperature,
        also=_wanted_shape(step),
    )
    async with aclosing(steps) as pieces:
        async for piece in pieces:
            yield piece
    notes = list(found.notes)
    if step.answer_schema is None:
        async with aclosing(_checked(writer.text, fitted.prompt.passages, setting)) as events:
            async for event in events:
                if isinstance(event, Cited) and event.unsupported:
                    notes.append("unsupported")
                yield event
    if fitted.prompt.dropped_messages:
        notes.append("history_cut")
    yield Finished(
        "written",
        writer.finish_reason,
        writer.usage,
        notes=tuple(notes),
        dropped_messages=fitted.prompt.dropped_messages,
        dropped_tokens=fitted.prompt.dropped_tokens,
    )


async def _checked(
    written: str, passages: Sequence[Passage], setting: Setting
) -> AsyncGenerator[AnswerEvent, None]:
    checking = Checking(setting.parts.analyzer)
    cited = await checking.checked(setting.caller, written, passages, setting.search)
    if cited.unsupported:
        yield TextDelta(f"\n\n_{text(setting.language, 'unsupported')}_")
    yield cited


def _nothing_found(found: SearchResult | None, setting: Setting) -> Done:
    """No model is asked about nothing."""
    notes = () if found is None else found.notes
    is_empty = "no_documents" in notes
    said = text(setting.language, "no_documents" if is_empty else "nothing_found")
    notes = tuple(dict.fromkeys((*notes, "no_documents" if is_empty else "nothing_found")))
    return Done(
        Result("prompt", {"text": f"_{said}_"}, together()), Finished("refused", notes=notes), cited=Cited(())
    )


# What is said -----------------------------------------------------------------------------------------


async def _in_force(step: PromptStep, setting: Setting) -> PromptInForce | None:
    if step.purpose is None:
        return None
    if setting.parts.prompts is None:
        raise InvalidRequest(f"The step {step.name} names a purpose, and there is no prompt catalogue here.")
    return await setting.parts.prompts.in_force(step.purpose, setting.language)


def _asked(step: PromptStep, setting: Setting, in_force: PromptInForce | None) -> _Asked:
    values, language = setting.values, setting.language
    if in_force is not None:
        words, of_words = in_force.instructions, values.filled("")[1]
    else:
        words, of_words = values.marked(step.text or "", language)
    question, of_question = values.marked(step.question, language, trusts_inputs=True)
    temperature = step.temperature
    if temperature is None and in_force is not None:
        temperature = in_force.temperature
    return _Asked(
        words,
        question,
        together(of_words, of_question),
        temperature,
        () if in_force is None else (in_force.used,),
        _passages_in(step, setting),
    )


def _passages_in(step: PromptStep, setting: Setting) -> tuple[Passage, ...]:
    """Passages that the template itself holds, in the order of their numbers; of one step only, whose numbers count."""
    for piece in (*parse_template(step.text or ""), *parse_template(step.question)):
        if isinstance(piece, Reference) and piece.root == "steps" and piece.path == ("text",):
            result = setting.values.results.get(piece.name)
            if result is not None and result.found is not None:
                return tuple(result.found.passages)
    return ()


def _request(step: PromptStep, setting: Setting, asked: _Asked) -> AnswerRequest:
    """The request with the step's own question; what was said before only where the step wants it."""
    said = list(setting.request.messages[:-1]) if step.history else []
    options = setting.request.options if setting.is_answer else {}
    if step.max_tokens is not None:
        options = {name: value for name, value in options.items() if not name.startswith("max_")}
    return replace(
        setting.request,
        messages=[*said, ChatMessage("user", asked.question)],
        options=options,
        partial="",
    )


# JSON -------------------------------------------------------------------------------------------------


def _wanted_shape(step: PromptStep) -> Mapping[str, Any]:
    if step.answer_schema is None:
        return {}
    schema = {"name": step.name, "schema": step.answer_schema, "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def _shaped(step: PromptStep, written: str) -> Any:  # noqa: ANN401 - JSON of the author's schema
    """Raises AnswerMisshapen: not every engine keeps to a schema."""
    from jsonschema import Draft202012Validator  # here: with its formats it takes a second to load

    bare = written.strip()
    if bare.startswith("```"):
        bare = bare.strip("`").removeprefix("json").strip()
    try:
        value = orjson.loads(bare)
    except orjson.JSONDecodeError as error:
        raise AnswerMisshapen(f"Step {step.name}: {error}.") from error
    problem = next(iter(Draft202012Validator(step.answer_schema or {}).iter_errors(value)), None)
    if problem is not None:
        where = ".".join(map(str, problem.absolute_path)) or "the whole"
        raise AnswerMisshapen(f"Step {step.name}: {where}: {problem.message[:200]}.")
    return value
