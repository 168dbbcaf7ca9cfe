"""Whoever asks an engine says what the prompt was made from: read from the code itself, so that nobody forgets it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SAID_BY = {"EngineRequest": "origins", "AnswerRequest": "origins"}
SILENT = {
    ("appliance/api/responses/door.py", "_shortened"): "counted, not sent; only its payload is used",
    ("appliance/fairness/context_guard.py", "_measure"): "a fixed text, counted to know the chat template",
    ("appliance/services/conversations.py", "context"): "measured, not sent",
    ("inference/breaker/probe.py", "ask"): "a fixed text that asks an engine of the box whether it is well",
}
OWN_WORDS = {
    "appliance/api/fast_path.py": "raw calls of a client are its own words",
    "appliance/api/pipeline_answers.py": "the same for pipelines; /v1/responses puts the chain's in its place",
    "appliance/api/responses/door.py": "the first response of a chain",
    "appliance/api/pipeline_runs.py": "the inputs of a run are its caller's own words",
    "appliance/domain/conversations.py": "of a conversation in which nothing was said",
    "appliance/fairness/leaving/deciding.py": "a hint before there is a request; the decision asks the request",
    "appliance/mcp_server/protocol.py": "the arguments of an MCP client are its own words",
    "appliance/services/turns.py": "a question, and what somebody wants heeded",
}


def _calls() -> Iterator[tuple[str, str, str, set[str | None]]]:
    """(file, function, what is made, its keywords), of every room that is no stand-in."""
    for room in ("appliance", "inference", "querying", "rag"):
        for path in sorted((ROOT / room).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if name.startswith("inference/testing/"):
                continue
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for function in ast.walk(tree):
                if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                    continue
                for node in ast.walk(function):
                    if isinstance(node, ast.Call):
                        made = (
                            node.func.id
                            if isinstance(node.func, ast.Name)
                            else getattr(node.func, "attr", "")
                        )
                        if made in SAID_BY:
                            yield name, function.name, made, {keyword.arg for keyword in node.keywords}


def test_every_request_says_what_it_was_made_from() -> None:
    """A new place that asks an engine fails here until it says so; or stands above with the reason why not."""
    silent, sent = set(), 0
    for name, function, made, keywords in _calls():
        if SAID_BY[made] in keywords:
            sent += 1
        else:
            silent.add((name, function))

    assert silent == set(SILENT)
    assert sent >= 6


def test_only_these_say_that_a_text_is_its_author_s_own() -> None:
    """Everybody else hands on what they were handed, and joins what they add."""
    users = {
        path.relative_to(ROOT).as_posix()
        for room in ("appliance", "inference", "querying", "rag")
        for path in (ROOT / room).rglob("*.py")
        if "OWN_WORDS" in path.read_text(encoding="utf-8")
        or "origins=frozenset()" in path.read_text(encoding="utf-8")
    }

    assert users - {"appliance/domain/origins.py"} == set(OWN_WORDS)
