"""The gateway process: the doors, joined to everything behind them, on a listening socket that it was handed."""

from __future__ import annotations

import argparse
import gc
import socket
import sys
from typing import TYPE_CHECKING

from appliance.api.connections import Patience
from appliance.api.http_server import HttpServer
from appliance.bootstrap.box import Box
from appliance.bootstrap.egress import tracing_door
from appliance.bootstrap.entry import enter, options_of
from appliance.bootstrap.joined import Gateway
from appliance.fairness.shared_metrics import share_metrics
from appliance.supervisor.listening import listen
from appliance.supervisor.readiness import announce_ready

if TYPE_CHECKING:
    from appliance.bootstrap.tracing import Tracing


def serve(gateway: Gateway, box: Box, listening: socket.socket, tracing: Tracing | None = None) -> None:
    """Serve until SIGTERM; what is being answered then gets server.drain_s seconds to end."""
    settings = box.settings.server
    server = HttpServer(
        gateway if tracing is None else tracing.app(gateway),
        gateway.draining,
        drain_s=settings.drain_s,
        patience=Patience(reader_s=settings.slow_reader_s),
        on_started=_started,
    )
    server.run(sockets=[listening])


def _started() -> None:
    """What is there now stays for good: a full collection would look through it, 50 ms in which nobody is answered."""
    gc.collect()
    gc.freeze()
    announce_ready()


def _run(box: Box, options: argparse.Namespace) -> int:
    if box.settings.server.workers > 1 and options.worker is not None:
        share_metrics(box.metrics_folder, options.worker)
    if options.fd is not None:
        listening = socket.socket(fileno=options.fd)
    else:
        host, _, port = options.listen.rpartition(":")
        listening = listen(host.strip("[]"), int(port))
    tracing = None
    if box.settings.tracing.endpoint:
        from appliance.bootstrap.tracing import Tracing  # a tenth of a second, for those who want it

        tracing = Tracing("gateway", box.settings.tracing, tracing_door(box))
    try:
        with listening:
            serve(Gateway(box, tracing), box, listening, tracing)
    finally:
        if tracing is not None:
            tracing.close()
    return 0


def main() -> int:
    """The command line."""
    parser = options_of("gateway")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--fd", type=int, help="number of the inherited listening socket")
    where.add_argument("--listen", metavar="HOST:PORT", help="where to listen, without a supervisor")
    parser.add_argument("--worker", type=int, help="which of server.workers this is, from 1")
    return enter("gateway", _run, parser)


if __name__ == "__main__":
    sys.exit(main())
