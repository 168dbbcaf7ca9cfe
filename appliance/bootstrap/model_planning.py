"""The planner of models, joined to this box's hardware, its disk and what was measured here."""

from __future__ import annotations

from fastapi import APIRouter

from appliance.api.identity import Identity
from appliance.api.model_planning import model_planning_routes
from appliance.bootstrap.box import Box
from appliance.services.models.planning import ModelPlanning
from inference.hardware import read_hardware
from inference.library import ModelLibrary
from inference.models.catalogue import Catalogue
from inference.placement.measured import MeasuredUse


def build_model_planning_routes(box: Box, identity: Identity) -> APIRouter:
    """/api/hardware, /api/models/catalogue and /api/models/plan."""
    models = box.models_folder
    planning = ModelPlanning(
        Catalogue(),
        ModelLibrary(models / "library"),
        MeasuredUse(models / "measured.json"),
        lambda: read_hardware(disk=models),
    )
    return model_planning_routes(planning, identity)
