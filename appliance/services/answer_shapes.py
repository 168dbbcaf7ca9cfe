"""What a finished answer shows beside its text, as events carry it: citations, coverage, cost, marked spans. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from appliance.domain.answers import Citation, Cost, Figures, Finished, Progressed, Waiting
from appliance.domain.refusals import coded, expectation
from appliance.errors import ApplianceError
from appliance.markup import Span
from appliance.services.knowledge.passage_links import as_location, passage_link
from inference.errors import InferenceError
from inference.types import Usage
from querying.errors import QueryingError
from rag.coverage import Coverage
from rag.documents import Passage
from rag.errors import RagError


def as_citation(citation: Citation, passages: Mapping[int, Passage]) -> dict[str, Any]:
    """passages: those that were found, by their chunk."""
    passage = passages.get(citation.chunk_id) if citation.chunk_id is not None else None
    return {
        "index": citation.index,
        "file_id": str(citation.file_id),
        "filename": citation.filename,
        "page": citation.page,
        "location": as_location(citation),
        "page_start": citation.page_start,
        "page_end": citation.page_end,
        "url": passage_link(citation),
        "headings": list(citation.headings),
        "quote": citation.quote,
        "marks": [list(mark) for mark in citation.marks],
        "is_verified": citation.is_verified,
        "passage": passage.text if passage else citation.quote,
        "language": passage.language if passage else None,
    }


def as_coverage(coverage: Coverage) -> dict[str, Any]:
    """How much of a document was read, as JSON."""
    return {
        "file_id": f"file-{coverage.file_id.hex}",
        "filename": coverage.filename,
        "pages_read": coverage.pages_read,
        "pages": coverage.pages,
        "share": round(coverage.share, 4),
        "left_out": [{"pages": pages, "reason": reason} for pages, reason in coverage.left_out],
    }


def as_cost(cost: Cost | None) -> dict[str, Any] | None:
    """What an answer cost, as JSON; a short one costs a thousandth of a cent."""
    return None if cost is None else {"amount": round(cost.amount, 8), "currency": cost.currency}


def as_end(end: Finished, figures: Figures, notes: Sequence[str], dropped_turns: int) -> dict[str, Any]:
    """An answer that ended. figures: what is kept of it; notes: codes."""
    return {
        "kind": end.kind,
        "model": end.model,
        "served_by": end.served_by,
        "rung": end.rung,
        "answered_as": end.answered_as,
        "finish_reason": end.finish_reason,
        "notes": list(notes),
        "dropped_messages": figures.dropped_messages,
        "dropped_turns": dropped_turns,
        "coverage": [as_coverage(one) for one in end.coverage],
        **({"pipeline": end.pipeline} if end.pipeline else {}),
        "usage": {
            "prompt_tokens": figures.prompt_tokens or 0,
            "completion_tokens": figures.completion_tokens or 0,
        },
        "cost": as_cost(figures.cost),
        "ttft_ms": figures.first_token_ms,
        "total_ms": figures.total_ms,
    }


def as_waiting(waiting: Waiting) -> dict[str, Any]:
    """What whoever waits is told: the place in line, which model is being loaded, or what is tried after a failure."""
    if waiting.trying:
        return {"state": "trying", "trying": waiting.trying}
    queued = {"state": "queued", "position": waiting.position, "eta_s": waiting.eta_s}
    return {**queued, "loading": waiting.loading} if waiting.loading else queued


def figures_of(end: Finished, used: Usage, omitted_turns: int) -> Figures:
    """What is kept of an answer. used: what the gate counted; whoever stops an answer has no word from the engine."""
    usage = next((one for one in (end.usage, used) if one.prompt_tokens or one.completion_tokens), None)
    return Figures(
        prompt_tokens=usage.prompt_tokens if usage else None,
        completion_tokens=usage.completion_tokens if usage else None,
        served_by=end.served_by or None,
        finish_reason=end.finish_reason,
        dropped_messages=end.dropped_messages + 2 * omitted_turns,
        rung=end.rung,
        answered_as=end.answered_as,
    )


def as_progress(progress: Progressed) -> dict[str, Any]:
    """How far it is before there is text. filename: of what is being read, or the tables' source."""
    return {
        "state": progress.stage,
        "done": progress.done,
        "total": progress.total,
        "filename": progress.name,
    }


def as_refusal(error: ApplianceError | InferenceError | QueryingError | RagError) -> dict[str, Any]:
    """An answer that failed; and what says more of it, or when somebody answers again, where that is known."""
    told: dict[str, Any] = {"code": error.code, "message": str(error)}
    detail = coded(getattr(error, "detail", None)) or coded(expectation(error))
    return told if detail is None else {**told, "detail": detail}


def marked_spans(
    answer: str, citations: Sequence[Citation], unsupported: Sequence[tuple[int, int]]
) -> list[Span]:
    """What is marked in the answer: unsupported spans, and the matching words of quotes that stand in it verbatim."""
    spans = [Span(start, end) for start, end in unsupported]
    for citation in citations:
        quoted = answer[citation.start : citation.end]
        offsets = _offsets_in(quoted, citation.quote)
        if offsets is not None:
            spans += [
                Span(citation.start + offsets[start], citation.start + offsets[end - 1] + 1, "match")
                for start, end in citation.marks
                if 0 <= start < end <= len(citation.quote)
            ]
    return spans


def _offsets_in(quoted: str, quote: str) -> list[int] | None:
    """Where each character of quote stands in quoted, whose white space may be narrower; None: not that quote."""
    offsets, at = [], 0
    for character in quote:
        if at < len(quoted) and (quoted[at] == character or (character.isspace() and quoted[at] == " ")):
            offsets.append(at)
            at += 1
        elif character.isspace():
            offsets.append(max(0, at - 1))
        else:
            return None
    return offsets if at == len(quoted) else None
