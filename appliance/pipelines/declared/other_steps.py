"""The steps `sql` and `transcribe`: rows of a source, and the words of a recording; both as the caller may see them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from appliance.domain.answers import Finished, Progressed, Tabled
from appliance.domain.data import Asking, OfferedSource
from appliance.domain.origins import Origins, of_collection, of_source, together
from appliance.errors import InvalidRequest, NotFound, PartUnavailable
from appliance.pipelines.declared.parts import Done, Setting
from appliance.pipelines.declared.references import Reference, parse_template
from appliance.pipelines.declared.results import Result, as_text, table_text
from appliance.pipelines.declared.schema import SqlStep, TranscribeStep
from appliance.ports.data import DataDesk
from appliance.ports.pipelines import Heard, Recordings
from querying.types import Value

_LOOK_S = 0.5
_KEPT_QUESTION = 2_000


async def sql(step: SqlStep, setting: Setting) -> Done:
    """One query through the desk: permission, guard, caps and audit line are its. Raises what querying.errors has."""
    desk = setting.parts.data
    if desk is None:
        raise PartUnavailable("No data source is connected here.")
    source = await _source(desk, step.source, setting)
    values, made_from = _values(step, setting)
    query, saved_id = step.query or "", None
    if step.saved_question is not None:
        if setting.parts.saved is None:
            raise PartUnavailable("No questions are saved here.")
        saved = await setting.parts.saved.worded(setting.caller, source.id, step.saved_question)
        if saved is None:
            raise NotFound(f"The saved question {step.saved_question!r} of {step.source!r} is gone.")
        query, saved_id = saved.sql, saved.id
        defaults: dict[str, Value] = {one.name: one.default for one in saved.parameters}
        values = {**defaults, **values}
    label = of_source(source.id) if source.collection_id is None else of_collection(source.collection_id)
    await setting.emit(Progressed("querying", 0, 1, source.name, origins=frozenset({label})))
    asking = Asking(
        "pipeline",
        setting.request.question[:_KEPT_QUESTION],
        setting.request.request_id,
        setting.request.turn_id,
        saved_id,
    )
    run = await desk.run(setting.caller, source.id, query, asking, values)
    if step.show:
        tabled = Tabled(run, slot=setting.shown.tables, saved_id=saved_id, origins=frozenset({label}))
        setting.shown.tables += 1
        await setting.emit(tabled)
    first = run.rows.rows[0][0] if run.rows.rows and run.rows.rows[0] else None
    names = [column.name for column in run.rows.columns]
    fields = {
        "text": table_text(run.rows),
        "rows": [dict(zip(names, row, strict=True)) for row in run.rows.rows],
        "count": len(run.rows.rows),
        "value": first,
        "sql": run.sql,
    }
    origins = together(made_from, frozenset({label}))
    figures = {"rows": len(run.rows.rows), "query_ms": round(run.rows.elapsed_ms, 1)}
    return Done(Result("sql", fields, origins), Finished("quoted"), figures)


async def _source(desk: DataDesk, name: str, setting: Setting) -> OfferedSource:
    for source in await desk.offered(setting.caller):
        if source.name == name:
            return source
    raise NotFound(f"No data source named {name!r} is shared with you.")


def _values(step: SqlStep, setting: Setting) -> tuple[Mapping[str, Value], Origins]:
    """A value that is one reference and nothing else keeps its type."""
    values: dict[str, Value] = {}
    origins: list[Origins] = []
    for name, given in step.values.items():
        if not isinstance(given, str):
            values[name] = given
            continue
        pieces = parse_template(given)
        only = pieces[0] if len(pieces) == 1 else None
        if isinstance(only, Reference):
            found = setting.values.value(only)
            is_plain = found is None or isinstance(found, bool | int | float | str)
            values[name] = found if is_plain else as_text(found)
            origins.append(setting.values.origins(only))
        else:
            values[name], made_from = setting.values.filled(given)
            origins.append(made_from)
    return values, together(*origins)


async def transcribe(step: TranscribeStep, setting: Setting) -> Done:
    """Waits while the recording is being heard, within the step's time."""
    recordings = setting.parts.recordings
    if recordings is None:
        raise PartUnavailable("No recording can be heard here.")
    file_id, _ = setting.values.filled(step.file)
    if not file_id.strip():
        raise InvalidRequest("No recording was given.", param="inputs.file")
    heard = await _settled(recordings, file_id.strip(), setting)
    if heard.status != "completed":
        raise InvalidRequest(f"{heard.filename!r} could not be read. Look at it among the documents.")
    if not heard.text:
        raise InvalidRequest(
            f"{heard.filename!r} is no recording, or nothing is said in it.", param="inputs.file"
        )
    origins = frozenset(of_collection(one) for one in heard.collection_ids)
    fields = {
        "text": heard.timed_text if step.times else heard.text,
        "filename": heard.filename,
        "duration_s": round(heard.duration_s, 1),
        "language": heard.language or "",
    }
    figures = {"seconds": round(heard.duration_s, 1), "characters": len(heard.text)}
    return Done(Result("transcribe", fields, origins or None), Finished("quoted"), figures)


async def _settled(recordings: Recordings, file_id: str, setting: Setting) -> Heard:
    told: Progressed | None = None
    while True:
        heard = await recordings.heard(setting.caller, file_id)
        if heard.status != "in_progress":
            return heard
        news = Progressed("reading", int(heard.progress * 100), 100, heard.filename)
        if news != told:
            await setting.emit(news)
            told = news
        await asyncio.sleep(_LOOK_S)
