"""The steps `retrieve` and `rerank`: passages, as the caller may see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from appliance.domain.answers import Searched
from appliance.domain.origins import Origins, of_passages, together
from appliance.errors import PartUnavailable
from appliance.pipelines.declared.parts import Done, Setting
from appliance.pipelines.declared.results import Result, as_text, passages_text
from appliance.pipelines.declared.schema import RerankStep, RetrieveStep
from rag.documents import Passage, SearchResult
from rag.filters import Comparison, Compound, Filter


async def retrieve(step: RetrieveStep, setting: Setting) -> Done:
    """Thin evidence counts as none, as it does for every answer."""
    question, made_from = setting.values.filled(step.question)
    ids = setting.request.collection_ids
    if step.collections:
        if setting.parts.collections is None:
            raise PartUnavailable("Collections have no names here.")
        ids = tuple(await setting.parts.collections.named(setting.caller, step.collections))
    only = _only(step.filters, setting)
    found = await setting.search.search(setting.caller, question, ids, step.limit, only=only)
    if not found.is_relevant:
        found = replace(found, passages=())
    passages = list(found.passages)
    await _show(setting, passages, found)
    origins = together(made_from, of_passages(passages), of_passages(found.differing))
    return _done("retrieve", found, origins, setting)


async def rerank(step: RerankStep, setting: Setting) -> Done:
    """Without a reranker and without an embedder the order stays as it was."""
    before = setting.values.results.get(step.passages)
    found = before.found if before is not None and before.found is not None else SearchResult(())
    question, made_from = setting.values.filled(step.question)
    passages = list(found.passages)
    if passages and setting.parts.reranks is not None:
        scores = await setting.parts.reranks.scores(question, [passage.text for passage in passages])
        ranked = sorted(zip(scores, range(len(passages)), strict=True), key=lambda pair: (-pair[0], pair[1]))
        passages = [replace(passages[number], score=float(score)) for score, number in ranked]
    kept = replace(found, passages=tuple(passages[: step.limit]))
    origins = together(made_from, of_passages(passages))
    done = _done("rerank", kept, origins, setting)
    return replace(done, figures={**done.figures, "read": len(passages)})


def _done(kind: str, found: SearchResult, origins: Origins, setting: Setting) -> Done:
    passages = tuple(found.passages)
    fields: Mapping[str, Any] = {
        "text": passages_text(passages, setting.language),
        "passages": passages,
        "count": len(passages),
        "is_relevant": bool(passages),
        "files": list(dict.fromkeys(passage.filename for passage in passages)),
    }
    return Done(Result(kind, fields, origins, found), figures={"passages": len(passages)})


async def _show(setting: Setting, passages: Sequence[Passage], found: SearchResult) -> None:
    """All passages of all steps so far: links of citations are looked up among them."""
    known = {passage.chunk_id for passage in setting.shown.passages}
    setting.shown.passages += [passage for passage in passages if passage.chunk_id not in known]
    shown = tuple(setting.shown.passages)
    await setting.emit(Searched(shown, found.notes, found.trace, of_passages(found.differing)))


def _only(filters: Mapping[str, Any], setting: Setting) -> Filter | None:
    """The step's conditions, and those of the request."""
    conditions: list[Filter] = []
    for key, value in filters.items():
        if isinstance(value, str):
            value = as_text(setting.values.filled(value)[0])
        if value is not None:
            conditions.append(Comparison("eq", key, value))
    if setting.request.only is not None:
        conditions.append(setting.request.only)
    if not conditions:
        return None
    return conditions[0] if len(conditions) == 1 else Compound("and", tuple(conditions))
