"""Looks at a box, check by check, side by side. One that fails is told, and hides none of the others."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from appliance.bootstrap.doctor.place import Idle, Place
from appliance.bootstrap.doctor.table import CHECKS
from appliance.services.doctor.findings import Finding, warning

logger = logging.getLogger(__name__)

_AT_ONCE = 4


def examine(place: Place, names: Sequence[str] = ()) -> list[Finding]:
    """names: of checks; none: all that can be made. In the order of the table. Blocks for some seconds at most."""
    chosen = [name for name in CHECKS if not names or name in names]
    if place.box is None:
        chosen = [name for name in chosen if not CHECKS[name].needs_box] if not names else chosen
        if place.reading.is_closed or not place.reading.is_there:
            chosen = (
                [name for name in chosen if name not in ("settings", "processes")] if not names else chosen
            )
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = list(pool.map(partial(_one, place), chosen))
    return [finding for findings in found for finding in findings]


def _one(place: Place, name: str) -> list[Finding]:
    check = CHECKS[name]
    try:
        return list(check.judge(check.read(place), place.ways))
    except Idle as idle:
        detail = str(idle) or "the appliance is stopped"
    except (
        Exception
    ) as error:  # a door to other people's failures: a check that breaks must not take the rest along
        logger.warning("the check %s could not look", name, exc_info=True)
        detail = f"{type(error).__name__}: {error}".strip().rstrip(".")
    return [warning("doctor.blind", place.ways.appliance(f"doctor {name}"), check=name, detail=detail)]
