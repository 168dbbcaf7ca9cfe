"""Reads what the watchdog of the gateways found last, from where they share it."""

from __future__ import annotations

import time

from appliance.bootstrap.doctor.place import Place
from appliance.bootstrap.watching import epoch_of
from appliance.services.doctor.watchdog import WatchdogReading
from appliance.services.watchdog import SHARED_KEY, found_in


def read_watchdog(place: Place) -> WatchdogReading:
    """Changes nothing, and asks no engine."""
    from redis import Redis, RedisError

    box, now_s = place.needed_box, time.time()
    if not place.is_running:
        return WatchdogReading(is_idle=True)
    try:
        with Redis.from_url(box.valkey_url, socket_timeout=5, socket_connect_timeout=5) as client:
            packed = client.get(SHARED_KEY)
    except (RedisError, OSError):
        return WatchdogReading(now_s)
    found = found_in(packed if isinstance(packed, bytes) else None, epoch_of(box.data))
    return (
        WatchdogReading(now_s) if found is None else WatchdogReading(now_s, found.looked_at_s, found.findings)
    )
