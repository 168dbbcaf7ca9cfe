"""The step `call`: another pipeline, a model as it is, or a tool; each with the caller's own permissions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from appliance.domain.answers import (
    AnswerEvent,
    Cited,
    Finished,
    Progressed,
    Reasoned,
    Restarted,
    Searched,
    Tabled,
    TextDelta,
    ToolCalled,
)
from appliance.domain.origins import Origins, of_passages, of_source, together
from appliance.domain.pipelines import Stepped
from appliance.errors import InvalidRequest, NotFound, NotPermitted, PartUnavailable
from appliance.pipelines.declared.parts import Done, Setting
from appliance.pipelines.declared.references import Reference, parse_template
from appliance.pipelines.declared.results import Result, jsonable
from appliance.pipelines.declared.schema import CallStep
from appliance.pipelines.fitting import MAX_ANSWER_TOKENS, context_tokens
from appliance.pipelines.writing import Writer
from appliance.ports.pipelines import AsksModels
from inference.errors import EngineUnavailable
from inference.types import ChatMessage


async def call(step: CallStep, setting: Setting) -> Done:
    """Raises NotFound, NotPermitted, InvalidRequest, and what the one that is called raises."""
    if step.pipeline is not None:
        return await _pipeline(step, step.pipeline, setting)
    if step.tool is not None:
        return await _tool(step, step.tool, setting)
    return await _model(step, step.model or "", setting)


@dataclass(slots=True)
class _Heard:
    """What has come of a call so far."""

    text: str = ""
    cited: Cited | None = None
    ending: Finished = field(default_factory=lambda: Finished("written"))
    origins: Origins = frozenset()
    is_shown: bool = False


async def _pipeline(step: CallStep, name: str, setting: Setting) -> Done:
    if setting.depth >= setting.parts.limits.depth:
        raise InvalidRequest(f"Pipelines call each other more than {setting.parts.limits.depth} deep.")
    called = setting.parts.pipelines.get(name)
    if called is None:
        raise NotFound(f"The pipeline {name!r} that the step {step.name} calls is not there.")
    question, of_question = setting.values.filled(step.question)
    inputs, of_inputs = _values(step, setting)
    made_from = together(of_question, of_inputs)
    request = replace(
        setting.request,
        messages=[ChatMessage("user", question)],
        model=name,
        inputs=inputs,
        partial="",
        attached=None,
        origins=together(setting.request.origins, made_from),
    )
    if isinstance(called, AsksModels):
        if not called.may_ask(setting.caller):
            raise NotPermitted(f"The pipeline {name!r} is not for this account.")
        events = called.answer_by(
            setting.caller, request, setting.engines, setting.search, depth=setting.depth + 1
        )
    else:
        events = called.answer(setting.caller, request, setting.engines(""), setting.search)
    heard = await _followed(events, setting)
    origins = together(made_from, heard.origins)
    figures: dict[str, int | float | str] = {"characters": len(heard.text)}
    figures["pipeline"] = heard.ending.pipeline or name
    result = Result("call", {"text": heard.text}, origins)
    return Done(result, heard.ending, figures, heard.cited, heard.is_shown)


async def _followed(events: AsyncIterator[AnswerEvent], setting: Setting) -> _Heard:
    """Text is told only where it is the answer; what it was made from always, so that nothing loses its label."""
    heard = _Heard()
    async with aclosing(events):  # type: ignore[type-var]
        async for event in events:
            if isinstance(event, TextDelta):
                heard.text += event.text
            elif isinstance(event, Restarted):
                heard.text = ""
            elif isinstance(event, Cited):
                heard.cited = event
            elif isinstance(event, Finished):
                heard.ending = event
            elif isinstance(event, Searched):
                event = _with_all_passages(event, heard, setting)
            elif isinstance(event, Tabled):
                label = event.origins or frozenset({of_source(event.run.source_id)})
                heard.origins = together(heard.origins, label)
                event = replace(event, slot=setting.shown.tables)
                setting.shown.tables += 1
            elif isinstance(event, Progressed | Stepped | ToolCalled):
                heard.origins = together(heard.origins, event.origins)
            await _pass_on(event, heard, setting)
    return heard


def _with_all_passages(event: Searched, heard: _Heard, setting: Setting) -> Searched:
    heard.origins = together(heard.origins, of_passages(event.passages), event.origins)
    known = {passage.chunk_id for passage in setting.shown.passages}
    setting.shown.passages += [one for one in event.passages if one.chunk_id not in known]
    return replace(event, passages=tuple(setting.shown.passages))


async def _pass_on(event: AnswerEvent, heard: _Heard, setting: Setting) -> None:
    if isinstance(event, Cited | Finished | Stepped):
        return  # told with the step
    if isinstance(event, TextDelta | Restarted | Reasoned):
        if setting.is_answer:
            heard.is_shown = heard.is_shown or isinstance(event, TextDelta)
            await setting.emit(event)
        return
    await setting.emit(event)


async def _model(step: CallStep, model: str, setting: Setting) -> Done:
    engine = setting.engines(model)
    if engine is None:
        raise EngineUnavailable(f"The step {step.name} needs the model {model!r}, and it is not there.")
    question, origins = setting.values.marked(step.question, setting.language, trusts_inputs=True)
    request = setting.request if setting.is_answer else replace(setting.request, options={})
    most = min(MAX_ANSWER_TOKENS, await context_tokens(engine) // 3)
    writer = Writer()
    messages = [ChatMessage("user", question)]
    async with aclosing(writer.stream(engine, request, messages, most, origins)) as pieces:
        async for piece in pieces:
            if setting.is_answer:
                await setting.emit(piece)
    ending = Finished("written", writer.finish_reason, writer.usage)
    figures: Mapping[str, int | float | str] = {"model": engine.name, "characters": len(writer.text)}
    result = Result("call", {"text": writer.text}, origins)
    return Done(result, ending, figures, is_told=setting.is_answer)


async def _tool(step: CallStep, name: str, setting: Setting) -> Done:
    if setting.parts.tools is None:
        raise PartUnavailable("There are no tools here.")
    arguments, made_from = _values(step, setting)
    origins = together(setting.request.origins, made_from)
    came = await setting.parts.tools.call(
        setting.caller,
        name,
        arguments,
        setting.request.request_id,
        origins,
        on_step=setting.emit,
        allowed=setting.request.allow_tools,
        may_ask=setting.request.turn_id is not None,
    )
    if came.passages:
        await setting.emit(_with_all_passages(Searched(came.passages), _Heard(), setting))
    for table in came.tables:
        await setting.emit(replace(table, slot=setting.shown.tables))
        setting.shown.tables += 1
    fields = {"text": came.text, "json": jsonable(came.structured), "is_error": came.is_error}
    figures: Mapping[str, int | float | str] = {"tool": name, "characters": len(came.text)}
    return Done(Result("call", fields, together(made_from, came.origins)), Finished("written"), figures)


def _values(step: CallStep, setting: Setting) -> tuple[dict[str, Any], Origins]:
    """A value that is one reference and nothing else keeps its type."""
    values: dict[str, Any] = {}
    origins: list[Origins] = []
    for name, given in step.values.items():
        if not isinstance(given, str):
            values[name] = given
            continue
        pieces = parse_template(given)
        if len(pieces) == 1 and isinstance(pieces[0], Reference):
            values[name] = jsonable(setting.values.value(pieces[0]))
            origins.append(setting.values.origins(pieces[0]))
        else:
            values[name], made_from = setting.values.filled(given)
            origins.append(made_from)
    return values, together(*origins)
