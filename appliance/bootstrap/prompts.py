"""Joins the catalogue of prompts: the words that pipelines are given, and the door to change them."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import APIRouter

from appliance.api.identity import Identity
from appliance.api.prompts import prompt_routes
from appliance.pipelines.purposes import PURPOSES
from appliance.services.prompts.catalogue import PromptCatalogue
from appliance.services.prompts.following import FollowedPrompts
from appliance.storage.database import Database
from appliance.storage.prompts import PostgresPrompts


@dataclass(frozen=True, slots=True)
class PromptRoom:
    """followed: what pipelines ask; open() it before use and close() it at the end."""

    followed: FollowedPrompts
    repository: PostgresPrompts

    def routes(self, model_names: Callable[[], Set[str]], identity: Identity) -> APIRouter:
        """/api/prompts. model_names: every model that can be asked for by somebody."""
        catalogue = PromptCatalogue(
            PURPOSES, self.repository, self.followed, model_names, lambda: datetime.now(UTC)
        )
        return prompt_routes(catalogue, identity)


def build_prompts(database: Database) -> PromptRoom:
    """database: as the api role."""
    repository = PostgresPrompts(database)
    return PromptRoom(FollowedPrompts(PURPOSES, repository), repository)
