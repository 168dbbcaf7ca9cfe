"""People, their groups, and every way of proving who somebody is."""

from __future__ import annotations

from appliance.services.accounts.accounts import Accounts, FirstAdministrator, mint_first_administrator
from appliance.services.accounts.authentication import Authentication
from appliance.services.accounts.live_requests import LiveRequest, LiveRequests
from appliance.services.accounts.sign_in import Device

__all__ = [
    "Accounts",
    "Authentication",
    "Device",
    "FirstAdministrator",
    "LiveRequest",
    "LiveRequests",
    "mint_first_administrator",
]
