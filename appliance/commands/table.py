"""Which commands there are. A row is loaded on first use: `appliance up` imports nothing it does not run.

A function is one command; a `typer.Typer` is a group of them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

import typer

COMMANDS = {
    "ask": "appliance.commands.ask:ask",
    "ingest": "appliance.commands.ingest:ingest",
    "transcribe": "appliance.commands.transcribe:transcribe",
    "up": "appliance.commands.up:up",
    "doctor": "appliance.commands.doctor:doctor",
    "backup": "appliance.commands.backup:backup",
    "restore": "appliance.commands.restore:restore",
    "upgrade": "appliance.commands.upgrades:upgrade",
    "rollback": "appliance.commands.upgrades:rollback",
    "settings": "appliance.commands.settings:settings",
    "user": "appliance.commands.users:user",
    "group": "appliance.commands.groups:group",
    "key": "appliance.commands.keys:key",
    "limit": "appliance.commands.limits:limit",
    "budget": "appliance.commands.budgets:budget",
    "tool-server": "appliance.commands.tool_server:tool_server",
    "model": "appliance.commands.models:model",
    "prompt": "appliance.commands.prompts:prompt",
    "source": "appliance.commands.source:source",
    "question": "appliance.commands.question:question",
    "pipeline": "appliance.commands.pipelines:pipeline",
    "queue": "appliance.commands.queue:queue",
    "egress": "appliance.commands.egress:egress",
    "insights": "appliance.commands.insights:insights",
    "index": "appliance.commands.index:index",
    "demo": "appliance.commands.demo:demo",
}


def load(row: str) -> typer.Typer | Callable[..., None]:
    """What a row names."""
    module, _, name = COMMANDS[row].partition(":")
    found: typer.Typer | Callable[..., None] = getattr(importlib.import_module(module), name)
    return found
