"""The sentences and tables of the tab that says what is connected."""

from __future__ import annotations

from typing import Any

import pytest
from markdown_it import MarkdownIt

from ui.tabs.connected import summary
from ui.texts import LANGUAGES, Language, text

READY = {
    "status": "ready",
    "parts": {"postgresql": "ready", "embedder": "not answering"},
    "engines": {},
    "ui": "starting",
}


def _engine(name: str, **more: Any) -> dict[str, Any]:
    load = {"running": 2, "waiting": 1, "kv_use": None, "slots": 4}
    return {
        "name": name,
        "engine": "vllm",
        "is_healthy": True,
        "reason": "",
        "models": [],
        "load": load,
        **more,
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_an_engine_it_says_how_to_connect_one(language: Language) -> None:
    """The remedy stands where the lack is told, with the lines to copy."""
    shown = summary([], READY, language)

    assert text("no_engine_title", language) in shown
    assert "[engines.local]" in shown
    assert "appliance.toml" in shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_part_is_named_with_its_state(language: Language) -> None:
    """What answers, what does not, and what is starting, in the reader's language."""
    shown = summary([], READY, language)

    assert f"{text('part_postgresql', language)} | *●* {text('answers', language)}" in shown
    assert f"{text('part_embedder', language)} | ~~○~~ {text('answers_not', language)}" in shown
    assert f"{text('part_ui', language)} | ~~○~~ {text('state_starting', language)}" in shown


def test_an_engine_shows_its_models_and_how_busy_it_is() -> None:
    """Numbers are grouped as the language does it."""
    engine = _engine("local", models=[{"id": "tiny", "kind": "chat", "context_tokens": 131072}])

    assert "tiny (131,072 tokens)" in summary([engine], READY, "en")
    assert "tiny (131.072 tokens)" in summary([engine], READY, "es")
    assert "2 / 1" in summary([engine], READY, "en")


def test_a_name_cannot_write_markup() -> None:
    """Names come from configuration and other servers: they are shown, not carried out."""
    name = "a|b](javascript:x) <img src=x> **bold** `code` $x$\nsecond"
    shown = summary([_engine(name, is_healthy=False, reason="<script>")], READY, "en")

    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(shown)
    assert "<img" not in html
    assert "<script>" not in html
    assert "<a " not in html
    assert "a|b](javascript:x) &lt;img src=x&gt; **bold** `code` $x$ second" in html
