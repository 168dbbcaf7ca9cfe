"""A clock that is set back by an hour stops nothing, whenever it happens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import pytest
from redis import Redis

from appliance.fairness.admission import Ask, Candidate, Capacity, FairRules, Share
from appliance.fairness.queue import operations, script
from appliance.fairness.slots.load_watch import LoadWatch
from inference.engines.connections import Connections
from inference.engines.vllm import VllmEngine
from inference.settings import VllmSettings
from tests.conftest import Servers
from tests.fairness.queue_in_valkey import library_with_a_clock

NOON_US, HOUR_US = 1_772_366_400_000_000, 3_600_000_000
ASK = Ask("r", "pool", "model", (Share("ana"),), (Candidate("a", 4),), 10)


@pytest.fixture
def client(servers: Servers) -> Iterator[Redis]:
    """A plain client of the run's Valkey."""
    with Redis.from_url(servers.valkey.url) as opened:
        yield opened


class Lives:
    """The queue's function, called by one worker in several lives of Valkey, at any time."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._name, library = library_with_a_clock()
        client.function_load(library, replace=True)
        self._prefix = f"{{clock {id(self)}}}:"

    def call(self, run: str, now_us: int, *operations: bytes) -> list[Any]:
        rules = script.packed_rules("w1", FairRules(), run, True)
        answers: Any = self._client.fcall(self._name, 1, self._prefix, rules, *operations, now_us)
        return [orjson.loads(answer) for answer in answers]


def test_a_clock_set_back_while_the_queue_is_put_back_holds_nobody_up(client: Redis) -> None:
    """A box that starts with a wrong clock: Valkey restarts, the time is corrected, and slots are given again soon."""
    valkey = Lives(client)
    valkey.call("first life", NOON_US, operations.renew())
    assert valkey.call("second life", NOON_US, operations.renew()) == [["lost"]]
    now_us = NOON_US - HOUR_US

    place = valkey.call("second life", now_us, operations.enter(ASK))
    later = valkey.call("second life", now_us + 3_000_000, operations.poke(), operations.places(["r"]))

    assert place[0][0] == "place"
    assert later[1][0][0] == "slot"


class Learns:
    """Nobody needs to know here."""

    async def learn(self, capacities: Sequence[Capacity]) -> None:
        """Takes note of nothing."""


async def test_a_dead_watcher_s_lease_ends_although_the_clock_was_set_back(client: Redis) -> None:
    """What it left is valid for an hour more by the new clock; another process watches at its next look."""
    connections = Connections()

    async def command(*words: Any) -> Any:
        return client.execute_command(*words)  # type: ignore[no-untyped-call]

    settings = VllmSettings(engine="vllm", base_url="http://127.0.0.1:9/v1")
    engine = VllmEngine("a", settings, connections)
    watch = LoadWatch(command, Learns(), lambda: [engine], "w2", default_slots=8, every_s=0.1)
    client.set("{gate}:watcher", "dead", px=3_600_000)

    await watch.look()
    await watch.close()
    await connections.close()

    assert client.get("{gate}:watcher") == b"w2"
    client.set("{gate}:watcher", "alive", px=5000)
    await watch.look()
    assert client.get("{gate}:watcher") == b"alive"
    client.delete("{gate}:watcher")
