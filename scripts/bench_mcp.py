"""What MCP adds to a call: the same search through `/mcp` by the official client and through the plain API, in turns.

    .venv/bin/python scripts/bench_mcp.py --url http://127.0.0.1:8080 --key KEY [--calls 100]

Both in one run, one after the other each time, so that a busy machine slows both. Its table stands in docs/tools.md.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time

import aiohttp
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

QUESTION = "When does the canteen open?"


async def measured(url: str, key: str, calls: int) -> dict[str, list[float]]:
    """Milliseconds of each call, by way."""
    headers = {"authorization": f"Bearer {key}"}
    times: dict[str, list[float]] = {"plain API": [], "MCP": [], "MCP, older protocol": []}
    async with (
        aiohttp.ClientSession(headers=headers) as plain,
        httpx2.AsyncClient(headers=headers, timeout=60.0) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http)) as new,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), mode="legacy") as old,
    ):

        async def by_api() -> None:
            body = {"query": QUESTION, "max_num_results": 8}
            async with plain.post(f"{url}/api/search", json=body) as answer:
                assert answer.status == 200, await answer.text()
                await answer.read()

        async def by_client(client: Client) -> None:
            told = await client.call_tool("search_documents", {"question": QUESTION, "limit": 8})
            assert not told.is_error, told

        ways = {
            "plain API": by_api,
            "MCP": lambda: by_client(new),
            "MCP, older protocol": lambda: by_client(old),
        }
        for number in range(calls + 5):
            for name, way in ways.items():
                began = time.perf_counter()
                await way()
                if number >= 5:  # what is loaded by the first calls is not measured
                    times[name].append((time.perf_counter() - began) * 1000)
    return times


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--key", required=True)
    parser.add_argument("--calls", type=int, default=100)
    asked = parser.parse_args()
    times = asyncio.run(measured(asked.url, asked.key, asked.calls))
    base = statistics.median(times["plain API"])
    print("| way | median ms | p95 ms | ratio |\n|---|---|---|---|")
    for name, values in times.items():
        p95 = statistics.quantiles(values, n=20)[-1]
        print(
            f"| {name} | {statistics.median(values):.1f} | {p95:.1f} | {statistics.median(values) / base:.2f} |"
        )


if __name__ == "__main__":
    main()
