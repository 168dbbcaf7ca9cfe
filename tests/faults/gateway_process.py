"""The gateway of the harness as a process of its own, to be killed: prints its address, serves until it is ended.

python -m tests.faults.gateway_process '{"engine": …, "valkey": …, "database": …, "spool": …}'
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.gateway_harness import engine_settings, running_gateway


@dataclass(frozen=True)
class Neighbours:
    """Addresses of what the gateway needs, and its spool's folder."""

    engine: str
    valkey: str
    database: str
    spool: str


class GatewayProcess:
    """A running one; `base_url` is where it listens."""

    def __init__(self, process: subprocess.Popen[str], base_url: str) -> None:
        self.base_url = base_url
        self._process = process

    @classmethod
    async def started(cls, neighbours: Neighbours) -> GatewayProcess:
        """Returns when it answers."""
        words = [sys.executable, "-m", __name__, json.dumps(asdict(neighbours))]
        process = await asyncio.to_thread(subprocess.Popen, words, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        base_url = await asyncio.to_thread(process.stdout.readline)
        assert base_url.startswith("http://"), "the gateway did not start"
        return cls(process, base_url.strip())

    async def kill(self) -> None:
        """`kill -9`."""
        self._process.kill()
        await asyncio.to_thread(self._process.wait)


async def _serve(neighbours: Neighbours) -> None:
    async with running_gateway(
        {"local": engine_settings(neighbours.engine, max_running=64)},
        valkey_url=neighbours.valkey,
        database_url=neighbours.database,
        spool_folder=Path(neighbours.spool),
    ) as gateway:
        sys.stdout.write(f"{gateway.base_url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(Neighbours(**json.loads(sys.argv[1]))))
