"""What a page is shown of an answer beside its text: as which event, in which slot, with what in it. Pure."""

from __future__ import annotations

from typing import Any

from appliance.domain.answers import ConsentAsked, Progressed, Tabled, ToolCalled, TurnEventKind, Waiting
from appliance.domain.pipelines import Stepped
from appliance.services.answer_shapes import as_progress, as_waiting
from appliance.services.run_shapes import as_step
from appliance.services.table_shapes import as_table
from appliance.services.tools.shapes import as_consent, as_tool

Shown = Waiting | ConsentAsked | Progressed | Stepped | Tabled | ToolCalled


def as_shown(event: Shown) -> tuple[TurnEventKind, int, dict[str, Any]]:
    """Kind, slot and data of the turn's event."""
    match event:
        case Tabled():
            return "table", event.slot, as_table(event)
        case ToolCalled():
            return "tool", event.slot, as_tool(event)
        case Waiting():
            return "status", 0, as_waiting(event)
        case Progressed():
            return "status", 0, as_progress(event)
        case Stepped():
            return "status", 0, as_step(event)
        case ConsentAsked():
            return "status", 0, as_consent(event)
