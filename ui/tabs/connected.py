"""What is connected: engines and their models, and whether each part of the appliance answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from ui.client import ApiClient, ApiRefused
from ui.texts import TEXTS, Language, text

_EXAMPLE = """```toml
[engines.local]
engine = "vllm"
base_url = "http://127.0.0.1:8000/v1"
```"""
_READY = "ready"


def draw(api: ApiClient, i18n: gr.I18n, tab: gr.Tab) -> None:
    """Read anew whenever the tab is opened, and by its button."""

    async def read(request: gr.Request) -> str:
        language: Language = "es" if request.headers.get("x-appliance-language") == "es" else "en"
        try:
            authorization = request.headers.get("authorization")
            engines = await api.get("/api/engines", authorization)
            parts = await api.get("/readyz", None, accept=(200, 503))
        except ApiRefused as refusal:
            reason = TEXTS.get(f"error.{refusal.code}")
            return text("cannot_ask", language, reason=getattr(reason, language) if reason else refusal)
        return summary(engines["data"], parts, language)

    with gr.Column(elem_id="connected"):
        shown = gr.Markdown(elem_id="connected-summary", container=False)
        refresh = gr.Button(i18n("refresh"), elem_id="connected-refresh", size="sm")
    how: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": None}
    for event in (tab.select, refresh.click):
        asked = event(read, None, shown, **how)
        for _ in range(
            2
        ):  # an event is lost now and then: at a restart, or when this machine is out of breath
            asked = asked.failure(read, None, shown, **how)


def summary(engines: Sequence[Mapping[str, Any]], readiness: Mapping[str, Any], language: Language) -> str:
    """Both tables as Markdown. engines: of GET /api/engines; readiness: of GET /readyz."""

    def say(key: str) -> str:
        return text(key, language)

    lines = [f"## {say('engines')}", ""]
    if engines:
        lines += _table(
            [say(key) for key in ("engine", "kind", "health", "models", "load")],
            [_engine_row(engine, language) for engine in engines],
        )
    else:
        lines += [f"**{say('no_engine_title')}** {say('no_engine')}", "", _EXAMPLE]
    lines += ["", f"## {say('parts')}", ""]
    states = {**readiness.get("parts", {}), **_other_parts(readiness)}
    rows = [[_part_name(name, language), _state(state, language)] for name, state in states.items()]
    return "\n".join([*lines, *_table([say("part"), say("health")], rows)])


def _engine_row(engine: Mapping[str, Any], language: Language) -> list[str]:
    models = ", ".join(
        _cell(model["id"]) + _context(model.get("context_tokens"), language) for model in engine["models"]
    )
    state = _state(_READY if engine["is_healthy"] else engine.get("reason") or "down", language)
    load = engine["load"]
    return [
        f"**{_cell(engine['name'])}**",
        _cell(engine["engine"]),
        state,
        models or "–",
        f"{load['running']} / {load['waiting']}",
    ]


def _context(tokens: int | None, language: Language) -> str:
    if not tokens:
        return ""
    grouped = f"{tokens:,}" if language == "en" else f"{tokens:,}".replace(",", ".")
    return f" ({text('tokens', language, tokens=grouped)})"


def _other_parts(readiness: Mapping[str, Any]) -> dict[str, str]:
    known = ("status", "parts", "engines")
    return {name: state for name, state in readiness.items() if name not in known and isinstance(state, str)}


def _part_name(name: str, language: Language) -> str:
    key = f"part_{name}"
    return text(key, language) if key in TEXTS else _cell(name)


def _state(state: str, language: Language) -> str:
    if state == _READY:
        return f"*●* {text('answers', language)}"
    if state == "starting":
        return f"~~○~~ {text('state_starting', language)}"
    reason = "" if state in ("down", "not answering") else f" – {_cell(state)}"
    return f"~~○~~ {text('answers_not', language)}{reason}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    return [line(heads), line(["---"] * len(heads)), *map(line, rows)]


def _cell(value: object) -> str:
    """Names come from configuration and servers: nothing in them may be Markdown or break the table."""
    return "".join(
        f"\\{one}" if one in "\\`*_{}[]()<>#+!|~$&" else one for one in str(value).replace("\n", " ")
    )
