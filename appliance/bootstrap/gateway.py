"""The gateway process: the doors, joined to everything behind them, on a listening socket that it was handed."""

from __future__ import annotations

import argparse
import socket
import sys

import uvicorn
from starlette.types import ASGIApp

from appliance.bootstrap.box import Box
from appliance.bootstrap.entry import enter, options_of
from appliance.bootstrap.joined import Gateway
from appliance.supervisor.listening import listen
from appliance.supervisor.readiness import announce_ready

DRAIN_S = 2


class GatewayServer(uvicorn.Server):
    """uvicorn that tells the supervisor when it accepts requests."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            announce_ready()


def serve(application: ASGIApp, listening: socket.socket) -> None:
    """Serve until SIGTERM; what is being sent gets DRAIN_S seconds to end."""
    config = uvicorn.Config(
        application,
        http="httptools",
        loop="uvloop",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # uvicorn would believe X-Forwarded-* of anybody on loopback: api/origins.py decides
        timeout_keep_alive=75,
        timeout_graceful_shutdown=DRAIN_S,
    )
    server = GatewayServer(config)
    server.run(sockets=[listening])


def _run(box: Box, options: argparse.Namespace) -> int:
    if options.fd is not None:
        listening = socket.socket(fileno=options.fd)
    else:
        host, _, port = options.listen.rpartition(":")
        listening = listen(host.strip("[]"), int(port))
    with listening:
        serve(Gateway(box), listening)
    return 0


def main() -> int:
    """The command line."""
    parser = options_of("gateway")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--fd", type=int, help="number of the inherited listening socket")
    where.add_argument("--listen", metavar="HOST:PORT", help="where to listen, without a supervisor")
    return enter("gateway", _run, parser)


if __name__ == "__main__":
    sys.exit(main())
