"""What the queue's function costs inside Valkey, by INFO commandstats; prints a Markdown table.

    python scripts/bench_queue_in_valkey.py

Starts a Valkey of its own on a socket in a temporary folder. Calls are pipelined, so Valkey does not wait for us.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from appliance.fairness.admission import Ask, Candidate, FairRules, Leaving, Share, Spent
from appliance.fairness.queue import operations, script
from appliance.supervisor.valkey import valkey_server

REQUESTS = 4000
SPENT = Spent(100, 0, 50, 20.0)


class Bench:
    """One Valkey with the function loaded."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._name, library = script.library_of(*script.lua_texts())
        client.function_load(library, replace=True)
        rules = FairRules(max_queue=100_000, max_queue_per_user=100_000)
        self._rules = script.packed_rules("w1", rules)

    def measure(self, calls: Sequence[Sequence[bytes]]) -> tuple[float, float]:
        """(microseconds, commands) inside Valkey, of all these calls together."""
        self._client.config_resetstat()
        pipe = self._client.pipeline(transaction=False)
        for index, steps in enumerate(calls):
            pipe.fcall(self._name, 1, script.PREFIX, self._rules, *steps)
            if index % 50 == 49:
                pipe.execute()
        pipe.execute()
        stats: dict[str, Any] = self._client.info("commandstats")
        ours = {
            name: row
            for name, row in stats.items()
            if not name.startswith(("cmdstat_config", "cmdstat_info"))
        }
        return stats["cmdstat_fcall"]["usec"], sum(row["calls"] for row in ours.values()) - len(calls)


def ask(number: int, user: str, prompt_tokens: int = 100, group: str | None = None) -> Ask:
    """A request of somebody, perhaps in a group."""
    shares = (*((Share(group),) if group else ()), Share(user))
    return Ask(f"{number:032x}", "pool", "model", shares, (Candidate("local", 64),), prompt_tokens)


def enter(number: int, user: str, prompt_tokens: int = 100, group: str | None = None) -> bytes:
    """Its first step."""
    return operations.enter(ask(number, user, prompt_tokens, group))


def leave(number: int) -> bytes:
    """Its last one."""
    return operations.leave(Leaving(f"{number:032x}", SPENT))


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="queue-") as folder:
        socket = Path(folder) / "socket"
        words = [str(valkey_server("")), "--port", "0", "--unixsocket", str(socket), "--save", ""]
        server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            client = Redis(unix_socket_path=str(socket))
            _wait(client)
            _measure_all(Bench(client))
        finally:
            server.terminate()
            server.wait()


def _measure_all(bench: Bench) -> None:
    print("| | µs in Valkey | commands in it |\n|---|---|---|")

    def row(name: str, calls: Sequence[Sequence[bytes]], per: int) -> None:
        us, commands = bench.measure(calls)
        print(f"| {name} | {us / per:.1f} | {commands / per:.1f} |")

    n = REQUESTS
    row("a call without operations", [[] for _ in range(n)], n)
    pairs = [[step] for i in range(n) for step in (enter(i, f"u{i % 40}"), leave(i))]
    row("enter and leave, a call each", pairs, n)
    pairs = [[step] for i in range(n) for step in (enter(i, f"u{i % 40}", group="g"), leave(i))]
    row("the same, in a group", pairs, n)
    both = [
        [step(i) for i in range(k, k + 16)]
        for k in range(0, n, 16)
        for step in (lambda i: enter(i, f"u{i % 40}"), leave)
    ]
    row("the same, 16 operations a call", both, n)
    row(
        "enter a line of up to 1,000 requests of one person", [[enter(i, "f", 20)] for i in range(1064)], 1064
    )
    row("enter that line, one of 40 people", [[enter(i, f"p{i % 40}", 20)] for i in range(2000, 2200)], 200)
    ids = [f"{i:032x}" for i in range(100, 350)]
    row("places of 250 requests, in one call", [[operations.places(ids)]] * 20, 20)
    leaving = [*range(1064), *range(2000, 2200)]
    row("leave, and a slot for the next", [[leave(i)] for i in leaving], len(leaving))


def _wait(client: Redis) -> None:
    for _ in range(500):
        try:
            client.ping()
            return
        except RedisConnectionError:
            time.sleep(0.01)
    raise SystemExit("Valkey did not start.")


if __name__ == "__main__":
    main()
