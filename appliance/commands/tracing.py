"""`appliance ask --trace`: the question becomes a turn of its own conversation, whose trace is kept and shown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from appliance.commands.client import ApiClient
from appliance.commands.failures import CommandFailed


async def ask_as_turn(
    api: ApiClient, question: str, model: str, vector_store_ids: list[str] | None
) -> dict[str, Any]:
    """The finished turn with its `trace`. Raises CommandFailed where it ended in an error."""
    begun = await api.post(
        "/api/turns", {"question": question, "model": model, "vector_store_ids": vector_store_ids}
    )
    async for _ in api.events("GET", f"/api/turns/{begun['id']}/events"):
        pass  # until it ends; the whole answer is read afterwards
    conversation = await api.get(f"/api/conversations/{begun['conversation_id']}")
    turn: dict[str, Any] = next(one for one in conversation["turns"] if one["id"] == begun["id"])
    if turn["error"] is not None:
        raise CommandFailed(turn["error"].get("message") or turn["error"]["code"])
    found = await api.get(f"/api/turns/{begun['id']}/trace")
    return {**turn, "trace": found["trace"]}


def show_traced(turn: Mapping[str, Any], as_json: bool, sources: Sequence[str]) -> None:
    """The answer, its sources, and the trace as lines."""
    if as_json:
        typer.echo(json.dumps(turn, ensure_ascii=False))
        return
    typer.echo(turn["answer"])
    for line in [*sources, *trace_lines(turn["trace"])]:
        typer.echo(line)


def trace_lines(trace: Mapping[str, Any] | None) -> list[str]:
    """A trace for a terminal."""
    if trace is None:
        return ["Nothing was searched."]
    lines = [
        "",
        f"Searched for: {' | '.join(trace['queries'])}  (language: {trace['language'] or 'unknown'})",
    ]
    lines += [f"To the letter: “{one['text']}” in {one['passages']} passages" for one in trace["exact"]]
    for step in trace["steps"]:
        figures = ", ".join(
            f"{name} {value}" for name, value in step.items() if name not in ("name", "took_ms")
        )
        lines.append(f"{step['took_ms']:8.1f} ms  {step['name']}" + (f"  ({figures})" if figures else ""))
    lines.append(f"Ranked last by: {trace['reranker'] or 'words and sentences'}")
    lines += _passages("Found", trace["found"]) + _passages("Left out", trace["dropped"])
    if trace["notes"]:
        lines.append(f"Notes: {', '.join(trace['notes'])}")
    if not trace["is_relevant"]:
        lines.append("What was found is too thin to answer from.")
    return lines


def _passages(title: str, passages: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [f"{title}: {len(passages)}"]
    for one in passages:
        place = f", page {one['page']}" if one.get("page") is not None else ""
        why = f" – {one['reason']}" if one.get("reason") else ""
        name = one.get("filename") or "a document that you may no longer see"
        lines.append(f"  {one['score']:.3f}  {name}{place}{why}")
    return lines
