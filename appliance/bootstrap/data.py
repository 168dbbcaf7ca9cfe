"""Joins the company's tables: sources and connectors, the desk before them, saved questions, doors."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter

from appliance.api.identity import Identity
from appliance.ports.data import DataDesk, SavedQuestions


@dataclass(frozen=True, slots=True)
class DataRoom:
    """What the gateway needs of this room."""

    desk: DataDesk | None = None
    saved: SavedQuestions | None = None

    def routers(self, identity: Identity) -> list[APIRouter]:
        """Every route of this room."""
        return []


def build_data() -> DataRoom:
    """The room; without sources nobody asks anything."""
    return DataRoom()
