"""Loops that run beside the requests: begun again after an error nobody foresaw, and ended for certain."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

logger = logging.getLogger(__name__)

_PAUSE_S = 0.5
_PATIENCE_S = 0.5


async def for_ever(loop: Callable[[], Awaitable[None]]) -> None:
    """Slots and bills depend on these loops: none may end silently."""
    while True:
        try:
            await loop()
        except Exception:
            logger.exception("%s failed and is begun again", getattr(loop, "__qualname__", loop))
        await asyncio.sleep(_PAUSE_S)


async def end(tasks: Iterable[asyncio.Task[None] | None]) -> None:
    """Cancel, again where a library has swallowed the first time (redis-py does while it connects)."""
    left = {task for task in tasks if task is not None and not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_PATIENCE_S)
