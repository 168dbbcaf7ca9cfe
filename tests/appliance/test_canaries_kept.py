"""What becomes of the canaries' runs: every night, in the metrics, in doctor's line."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.bootstrap.box import Box, open_box
from appliance.bootstrap.canaries import run_nightly, seconds_until
from appliance.bootstrap.canary_metrics import CanaryMetrics
from appliance.bootstrap.doctor.examination import examine
from appliance.bootstrap.doctor.place import look_at
from appliance.storage.canaries import CanaryNet
from appliance.storage.database import Database
from appliance.supervisor.state import SupervisorState, write_state
from tests.conftest import ROLE_SECRET

HIT = {"probe": "GET page's image", "role": "outsider", "owner": "owner"}
ENDED = datetime(2026, 11, 21, 3, 4, tzinfo=UTC)


@pytest.fixture
def box(owner_url: str, tmp_path: Path) -> Box:
    """A data folder for that database, whose supervisor has told its address."""
    (tmp_path / "appliance.toml").write_text(
        f'[database]\nurl = "{owner_url}"\nrole_secret = "{ROLE_SECRET}"\n', encoding="utf-8"
    )
    write_state(tmp_path, SupervisorState(1, "0", "http://127.0.0.1:1", "2026-11-21T00:00:00Z"))
    return open_box(tmp_path)


@pytest.fixture
def net(database: Database, maintenance_database: Database) -> CanaryNet:
    """Where runs are recorded."""
    return CanaryNet(database, maintenance_database, domain="canary.invalid", group="canaries")


async def test_they_run_every_night_even_after_one_that_failed(box: Box) -> None:
    """At that hour, against the appliance's own address; a night that broke is logged and the next one comes."""
    slept: list[float] = []
    ran: list[str] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 4:
            raise asyncio.CancelledError

    async def run(_: Box, url: str) -> None:
        ran.append(url)
        if len(ran) == 2:
            raise RuntimeError("the second night breaks")

    with pytest.raises(asyncio.CancelledError):
        await run_nightly(box, 3, run=run, sleep=sleep)

    assert ran == ["http://127.0.0.1:1"] * 3
    assert all(60 <= seconds <= 24 * 3600 + 60 for seconds in slept)


async def test_without_an_hour_they_never_run_by_themselves(box: Box) -> None:
    """The setting can be emptied."""

    async def sleep(_: float) -> None:
        raise AssertionError("nobody waits for an hour that is not set")

    await run_nightly(box, None, sleep=sleep)


@pytest.mark.parametrize("minutes", [0, 1, 59, 179, 180, 181, 1439])
def test_the_next_hour_of_that_number_is_at_least_a_minute_away(minutes: int) -> None:
    """Today's, or tomorrow's where it is over or begins this minute: one run a night."""
    now = datetime(2026, 11, 21, tzinfo=UTC) + timedelta(minutes=minutes)
    then = now + timedelta(seconds=seconds_until(3, now))
    assert (then.hour, then.minute, then.second) == (3, 0, 0)
    assert timedelta(minutes=1) <= then - now <= timedelta(days=1, minutes=1)


async def test_prometheus_is_told_of_the_last_run(database: Database, net: CanaryNet) -> None:
    """Nothing before the first; then probes, hits and when it ended, of the newest only."""
    metrics = CanaryMetrics(database)

    async def nothing() -> None:
        return None

    refresh = metrics.before_scrape(nothing)
    await refresh()
    assert list(metrics.collect()) == []
    await net.record(ENDED - timedelta(days=1), ENDED - timedelta(days=1), 1_200, [HIT, HIT])
    await net.record(ENDED, ENDED, 1_300, [HIT])
    await refresh()

    told = {sample.name: sample.value for family in metrics.collect() for sample in family.samples}
    assert told == {
        "appliance_canary_probes": 1_300,
        "appliance_canary_hits": 1,
        "appliance_canary_run_timestamp_seconds": ENDED.timestamp(),
    }


async def test_doctor_tells_the_last_run_and_fails_on_a_hit(box: Box, net: CanaryNet) -> None:
    """Not yet run; run and clean; run with a hit."""
    found_of = []
    for found in (None, [], [HIT]):
        if found is not None:
            moment = datetime.now(UTC)
            await net.record(moment, moment, 1_300, found)
        (finding,) = await asyncio.to_thread(lambda: examine(look_at(box.data), ["canaries"]))
        found_of.append((finding.id, finding.severity.value, finding.values.get("probes")))
    assert found_of == [
        ("canaries.never", "ok", None),
        ("canaries.ok", "ok", 1_300),
        ("canaries.hit", "error", 1_300),
    ]
