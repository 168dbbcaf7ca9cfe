"""`appliance queue`: what its screen shows of what `/api/queue` tells."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from appliance.commands.queue import queue_screen

POOL = {
    "name": "local",
    "engines": ["local"],
    "models": ["llama[8b]"],
    "slots": 4,
    "running": 3,
    "waiting": {"interactive": 12, "batch": 5},
    "tokens_per_s": 812.4,
    "request_s": 3.25,
}
WAITING = {
    "request_id": "req_1",
    "status": "waiting",
    "model": "llama[8b]",
    "pool": "local",
    "class": "batch",
    "position": 7,
    "eta_s": 12.34,
    "engine": None,
    "running_since": None,
    "created_at": "2026-03-01T12:00:05.000+00:00",
}
ANA = {
    "user_id": "0",
    "email": "ana@box.example",
    "running": 3,
    "waiting": 17,
    "weight": 2.0,
    "tokens": 123456,
    "share": 0.75,
}


def shown(**more: Any) -> str:
    """The screen, a hundred characters wide."""
    told: dict[str, Any] = {"data": [], "total": 0, "pools": [POOL], "is_shared": True, **more}
    console = Console(width=110, record=True, file=None, quiet=False)
    with console.capture() as capture:
        console.print(queue_screen(told))
    return capture.get()


def test_the_lines_and_one_s_own_requests_are_shown() -> None:
    """Names as they are, whatever characters they have."""
    screen = shown(data=[WAITING], total=3)

    for word in ("llama[8b]", "812", "3.2 s", "req_1", "waiting (batch)", "12.3 s", "12:00:05", "and 2 more"):
        assert word in screen
    assert "People" not in screen


def test_an_operator_sees_people() -> None:
    """With their part of what was used."""
    screen = shown(people=[ANA, {**ANA, "email": None, "tokens": None, "share": None, "user_id": "someone"}])

    for word in ("ana@box.example", "123,456", "75%", "someone"):
        assert word in screen


def test_it_is_said_when_there_is_nothing_and_when_not_all_is_seen() -> None:
    """An empty screen would leave people guessing."""
    screen = shown(is_shared=False)

    assert "Nothing of yours" in screen and "Valkey is away" in screen
