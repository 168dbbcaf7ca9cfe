"""What left the box, joined for the gateway: read from the files, stopped by a file, told to the audit."""

from __future__ import annotations

from fastapi import APIRouter

from appliance.api.egress import egress_routes
from appliance.api.identity import Identity
from appliance.bootstrap.egress import WayOut
from appliance.domain.people import AccountEvent
from appliance.services.egress import WhatLeft
from appliance.storage.accounts import record_event
from appliance.storage.database import Database
from appliance.storage.egress_reading import EgressReader


def build_egress_routes(out: WayOut, database: Database, identity: Identity) -> APIRouter:
    """database: of the api role."""
    left = WhatLeft(EgressReader(out.folder), out.switch, out.ledger, AuditedEvents(database))
    return egress_routes(left, identity)


class AuditedEvents:
    """Fulfils services.egress.Events."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, event: AccountEvent) -> None:
        async with self._database.transaction() as connection:
            await record_event(connection, event)
