"""`python -m ui --api URL --socket PATH`: serve the page to the gateway; `--port N --key KEY` for development."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from pathlib import Path

# Gradio reads these when it is imported: nothing may leave the machine.
os.environ.update(
    GRADIO_ANALYTICS_ENABLED="False", HF_HUB_OFFLINE="1", GRADIO_RUN_HISTORY="False", DO_NOT_TRACK="1"
)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m ui", description="Serve the appliance's page.")
    parser.add_argument(
        "--api", required=True, help="http://HOST:PORT or http+unix://PATH of the appliance's API"
    )
    parser.add_argument("--socket", type=Path, help="unix socket to listen on")
    parser.add_argument("--port", type=int, help="loopback port to listen on instead")
    parser.add_argument("--key", help="API key for requests that bring no token of their own (development)")
    options = parser.parse_args()
    if (options.socket is None) == (options.port is None):
        parser.error("give either --socket or --port")
    gc.disable()  # importing makes many objects that all stay: collecting them meanwhile costs 0.1–0.4 s
    import uvicorn

    from ui.app import create_app
    from ui.client import ApiAddress, ApiClient

    app = create_app(ApiClient(ApiAddress.parse(options.api), options.key))
    gc.freeze()
    gc.enable()
    listening = {"host": "127.0.0.1", "port": options.port} if options.port else {"uds": str(options.socket)}
    uvicorn.run(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        **listening,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
