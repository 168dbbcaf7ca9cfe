"""CPU per script call of the ways to reach Valkey, with this process's own counter: redis-py, our link, and others.

    python scripts/bench_valkey_link.py [--calls 20000] [--only redis-py,link,link-batched,coredis,glide]

Starts the packaged Valkey on a unix socket and asks a script like the queue's, at 1, 16 and 64 calls under way.
coredis and valkey-glide are measured where they are installed; they are no part of the appliance.
Valkey's own CPU is told beside it. Load of the machine is printed: numbers of a busy machine are worth little.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import uvloop

from appliance.fairness.valkey.valkey_link import ValkeyLink
from appliance.supervisor.valkey import EmbeddedValkey

SCRIPT = """
local clock = redis.call('TIME')
redis.call('HSET', KEYS[1] .. 'r', ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[1] .. 'z', ARGV[3], ARGV[1])
return { ARGV[1], 'slot', 'engine', tonumber(clock[2]) }
"""
BATCHED = """
local answers = {}
for i = 1, #ARGV, 3 do
  local clock = redis.call('TIME')
  redis.call('HSET', KEYS[1] .. 'r', ARGV[i], ARGV[i + 1])
  redis.call('ZADD', KEYS[1] .. 'z', ARGV[i + 2], ARGV[i])
  answers[#answers + 1] = { ARGV[i], 'slot', 'engine', tonumber(clock[2]) }
end
return answers
"""
KEY, VALUE = "{gate}:bench:", "x" * 200
Reply = Any  # whatever the client makes of it
Call = Callable[[int], Awaitable[Any]]


class Opened:
    """One client: how it asks, and how it is closed."""

    def __init__(self, call: Call, close: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        self.call = call
        self.close = close


async def open_redis_py(valkey: EmbeddedValkey) -> Opened:
    """As the gate used it: a pool, a registered script, timeouts; hiredis parses where it is installed."""
    from redis.asyncio import Redis

    client = Redis.from_url(valkey.url, socket_timeout=1.0)
    script = client.register_script(SCRIPT)

    async def call(number: int) -> Reply:
        return await script(keys=[KEY], args=[str(number % 512), VALUE, number])

    return Opened(call, client.aclose)


async def open_link(valkey: EmbeddedValkey) -> Opened:
    """One script call for each."""
    link = ValkeyLink(valkey.url, "bench")
    script = link.script(SCRIPT)
    await link.open()

    async def call(number: int) -> Reply:
        return await script(KEY, str(number % 512), VALUE, number)

    return Opened(call, link.close)


async def open_link_batched(valkey: EmbeddedValkey) -> Opened:
    """One script call for all that is asked within a turn of the loop."""
    link = ValkeyLink(valkey.url, "bench")
    script = link.script(BATCHED)
    await link.open()
    loop = asyncio.get_running_loop()
    asked: list[tuple[int, asyncio.Future[Any]]] = []

    async def send() -> None:
        batch = asked.copy()
        asked.clear()
        words = [word for number, _ in batch for word in (str(number % 512), VALUE, number)]
        for (_, future), answer in zip(batch, await script(KEY, *words), strict=True):
            future.set_result(answer)

    def call(number: int) -> Awaitable[Any]:
        future = loop.create_future()
        asked.append((number, future))
        if len(asked) == 1:
            loop.call_soon(lambda: loop.create_task(send()))
        return future

    return Opened(call, link.close)


async def open_coredis(valkey: EmbeddedValkey) -> Opened:
    """It multiplexes by itself."""
    import coredis  # type: ignore[import-not-found,unused-ignore]

    client = coredis.Redis(
        unix_socket_path=str(valkey.socket_path), password=valkey.password, max_connections=1
    )
    await client.__aenter__()
    script = client.register_script(SCRIPT)

    async def call(number: int) -> Reply:
        return await script(keys=[KEY], args=[str(number % 512), VALUE, number])

    async def close() -> None:
        await client.__aexit__(None, None, None)

    return Opened(call, close)


async def open_glide(valkey: EmbeddedValkey) -> Opened:
    """A core in Rust with threads of its own; it knows no unix sockets, so Valkey listens on a port for it."""
    import glide  # type: ignore[import-not-found,unused-ignore]

    client = await glide.GlideClient.create(
        glide.GlideClientConfiguration(
            [glide.NodeAddress("127.0.0.1", PORT)],
            credentials=glide.ServerCredentials(password=valkey.password),
            request_timeout=1000,
        )
    )
    script = glide.Script(SCRIPT)

    async def call(number: int) -> Reply:
        return await client.invoke_script(script, keys=[KEY], args=[str(number % 512), VALUE, str(number)])

    return Opened(call, client.close)


CLIENTS = {
    "redis-py": open_redis_py,
    "coredis": open_coredis,
    "glide": open_glide,
    "link": open_link,
    "link-batched": open_link_batched,
}
PORT = 16479


async def measure(opened: Opened, depth: int, calls: int, server: int) -> tuple[float, float, float, float]:
    """(CPU us, Valkey's CPU us) a call; (p50, p99) of a call in us."""
    times: list[float] = []

    async def one(start: int) -> None:
        for number in range(start, calls, depth):
            began = time.perf_counter()
            await opened.call(number)
            times.append(time.perf_counter() - began)

    before, server_before = time.process_time(), _cpu_s(server)
    await asyncio.gather(*(one(start) for start in range(depth)))
    cpu, of_server = time.process_time() - before, _cpu_s(server) - server_before
    p99 = statistics.quantiles(times, n=100)[98]
    return cpu / calls * 1e6, of_server / calls * 1e6, statistics.median(times) * 1e6, p99 * 1e6


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def run(valkey: EmbeddedValkey, server: int, names: list[str], calls: int) -> None:
    """Measure these clients, one after the other, and print a table."""
    print(f"load {os.getloadavg()[0]:.2f}, {calls} calls each, Python {sys.version.split()[0]}, uvloop")
    print(f"{'client':14}{'depth':>6}{'CPU us':>9}{'Valkey us':>11}{'p50 us':>9}{'p99 us':>9}")
    for name in names:
        try:
            opened = await CLIENTS[name](valkey)
        except ImportError:
            print(f"{name:14} is not installed")
            continue
        await measure(opened, 16, 1000, server)  # warm
        for depth in (1, 16, 64):
            cpu, of_server, p50, p99 = await measure(opened, depth, calls, server)
            print(f"{name:14}{depth:6}{cpu:9.1f}{of_server:11.1f}{p50:9.0f}{p99:9.0f}", flush=True)
        await opened.close()


def main() -> None:
    """Start Valkey, measure, stop it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--only", default=",".join(CLIENTS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="apl-", dir="/tmp") as folder:
        valkey = EmbeddedValkey(Path(folder), "password-of-the-bench")
        valkey.prepare()
        words = [*valkey.command(), "--port", str(PORT), "--bind", "127.0.0.1"]
        server = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        try:
            valkey.wait_ready()
            uvloop.run(run(valkey, server.pid, options.only.split(","), options.calls))
        finally:
            server.terminate()
            server.wait(10)


if __name__ == "__main__":
    main()
