"""`appliance demo fairness`: the box, the engine and the people, put together for a minute."""

from __future__ import annotations

from contextlib import ExitStack

import aiohttp

from appliance.demo.crowd import Habits
from appliance.demo.paced_engine import NAME, Tempo, paced_engine
from appliance.demo.phases import Demonstration, Figures, PhaseName
from appliance.demo.screen import LiveScreen, PlainScreen
from appliance.demo.throwaway_box import throwaway_box

_CONFIGURATION = """
[server]
host = "127.0.0.1"
port = 0
drain_s = 0
run_page = false

[logging]
level = "warning"

[gate]
comment_after_s = 0.2
max_queue = 10000
max_queue_per_user = 10000
{reserved}

[engines.demo]
engine = "openai_compatible"
base_url = "{base_url}"
models = ["{model}"]
max_running = {slots}
"""


async def run_demo(
    seconds: float, habits: Habits, reserved: int | None, screen: LiveScreen | PlainScreen, tempo: Tempo
) -> dict[PhaseName, Figures]:
    """Everything from nothing to nothing. reserved: slots kept for people who hold none; None: the gate's own rule.

    Raises StartupError.
    """
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=300)
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        paced_engine(tempo) as engine_url,
        throwaway_box(_configured(engine_url, tempo.slots, reserved)) as box,
        aiohttp.ClientSession(timeout=timeout, connector=connector) as session,
    ):
        with ExitStack() as stack:
            stack.enter_context(screen)
            return await Demonstration(session, box, tempo.slots, habits, screen).run(seconds)


def _configured(base_url: str, slots: int, reserved: int | None) -> str:
    return _CONFIGURATION.format(
        base_url=base_url,
        model=NAME,
        slots=slots,
        reserved="" if reserved is None else f"reserved_slots = {reserved}",
    )
