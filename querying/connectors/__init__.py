"""Databases that can be asked. A new one is one file and one line here."""

from __future__ import annotations

CONNECTORS: dict[str, str] = {}
