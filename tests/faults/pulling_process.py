"""A process that gets one model, to be killed: `python -m tests.faults.pulling_process FOLDER HUB INSIDE…`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from inference.egress import Egress
from inference.getting.pulling import HubAccess, Pulling, Wanted
from inference.getting.sources import HubSource
from inference.library import ModelLibrary


async def get(folder: Path, hub: str, inside: list[str]) -> None:
    """The model acme/tiny, into folder/library by way of folder/pull."""
    pulling = Pulling(
        ModelLibrary(folder / "library"),
        Egress([], lambda _: None, inside=inside),
        HubAccess(hub, lambda: ""),
        reserve_bytes=0,
    )
    await pulling.pull(Wanted("tiny", HubSource("acme/tiny")), folder / "pull", lambda _: None)


if __name__ == "__main__":
    asyncio.run(get(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
