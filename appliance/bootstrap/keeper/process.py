"""The keeper's process: `python -m appliance.bootstrap.keeper.process --data DIR`.

Beside PostgreSQL and the gateway it is a small one: it reads headers, waits for pipes and says who is in memory.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from functools import partial

from appliance.bootstrap.box import Box
from appliance.bootstrap.entry import enter, options_of
from appliance.bootstrap.keeper.keeper import Keeper
from appliance.bootstrap.keeper.loading import Loader
from appliance.bootstrap.keeper.memory import end_orphans
from appliance.bootstrap.keeper.preparing import prepare_model
from appliance.bootstrap.keeper.server import KeeperServer
from appliance.bootstrap.keeper.wanted_file import WantedFile
from appliance.supervisor.readiness import announce_ready
from inference.gpus import GpuReader
from inference.hardware import read_hardware

logger = logging.getLogger(__name__)


async def keep(box: Box, stopping: asyncio.Event) -> None:
    """Until stopping is set; then every engine has ended."""
    settings = box.settings.models
    mark = str(box.data)
    for pid in await asyncio.to_thread(end_orphans, mark):
        logger.warning(
            "an engine (process %d) was left behind by a keeper that was killed; it has been ended", pid
        )
    server = KeeperServer()
    gpus = GpuReader()
    keeper = Keeper(
        partial(prepare_model, box),
        lambda: read_hardware(gpus, disk=box.models_folder),
        Loader(mark, _say, settings.load_timeout_s, box.models_folder / "measured.json"),
        WantedFile(box.data / "engines.json"),
        settings.manners(),
        loads_on_use=settings.load_on_first_use,
        on_change=server.changed,
    )
    server.attach(keeper)
    await server.listen(box.keeper_socket)
    running = asyncio.create_task(keeper.run())
    announce_ready()
    stopped = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
    finally:
        stopped.cancel()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await server.close()
        await keeper.close()


def _say(name: str, line: str) -> None:
    logger.info("%s: %s", name, line)


def _run(box: Box, _: argparse.Namespace) -> int:
    async def run() -> None:
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        await keep(box, stopping)

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run())
    return 0


def main() -> int:
    """The command line."""
    return enter("keeper.process", _run, options_of("keeper.process"))


if __name__ == "__main__":
    sys.exit(main())
