"""llama.cpp's own HTTP server in a process, from the wheel `xllamacpp`.

    python -m inference.engines.llama_cpp_server --model model.gguf --socket /run/llama.sock
    python -m inference.engines.llama_cpp_server --model model.gguf --port 8001

Needs no appliance around it. Started by the supervisor, it ends with it.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import xllamacpp

from inference.models.gguf_header import read_number

# A model made for 128k tokens would reserve gigabytes for them at once.
DEFAULT_CONTEXT_TOKENS = 8192
_LONGEST_EMBEDDED = 2048  # tokens; memory grows with it
_ENDINGS = {signal.SIGTERM, signal.SIGINT}


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m inference.engines.llama_cpp_server",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", type=Path, required=True, help="GGUF file")
    parser.add_argument("--name", default="", help="name to serve it under (default: the file's name)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--socket", type=Path, help="unix socket to listen on; the name must end in .sock")
    where.add_argument("--port", type=int, default=0, help="TCP port on 127.0.0.1; 0 chooses one")
    parser.add_argument("--slots", type=int, default=4, help="requests decoded together (default: 4)")
    parser.add_argument(
        "--context-tokens",
        type=int,
        default=0,
        help=f"context of one request (default: what the model was made for, at most {DEFAULT_CONTEXT_TOKENS})",
    )
    parser.add_argument("--threads", type=int, default=0, help="0: half the cores, at least one")
    parser.add_argument("--gpu-layers", type=int, default=-1, help="layers on the GPU; -1: as many as fit")
    parser.add_argument("--cache-ram-mib", type=int, default=256, help="memory for prompts kept for reuse")
    parser.add_argument("--embedding", action="store_true", help="serve /v1/embeddings")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; 1 and a sentence on stderr where the model cannot be served."""
    options = parse_arguments(arguments)
    if not options.model.is_file():
        sys.stderr.write(f"{options.model} is not a file. Set model_path to a GGUF file.\n")
        return 1
    parent = os.getppid()
    # Blocked in every thread llama.cpp will start, so that sigwait below is the one to receive them.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDINGS)
    try:
        server = start_server(options)
    except (RuntimeError, ValueError, OSError) as error:
        sys.stderr.write(f"llama.cpp cannot serve {options.model}: {error}\n")
        return 1
    sys.stdout.write(f"llama.cpp serves {options.model.name} on {server.listening_address}\n")
    sys.stdout.flush()
    threading.Thread(target=_end_without, args=(parent,), daemon=True).start()
    # Not sigtimedwait: stopped and continued (Ctrl-Z) past its timeout it reports a signal that never came (CPython).
    signal.sigwait(_ENDINGS)
    # The server's destructor waits for running answers; whoever stops us has decided that they end.
    sys.stdout.flush()
    os._exit(0)


def _end_without(parent: int) -> None:
    """A supervisor that was killed must leave no model in memory: end when the parent has changed."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(0)


def start_server(options: argparse.Namespace) -> xllamacpp.Server:
    """Load the model and listen. Raises RuntimeError with llama.cpp's reason."""
    context = options.context_tokens
    if not context:
        context = min(
            read_number(options.model, ".context_length") or DEFAULT_CONTEXT_TOKENS, DEFAULT_CONTEXT_TOKENS
        )
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(options.model)
    parameters.model_alias = {options.name or options.model.stem}
    if options.socket is not None:
        options.socket.unlink(missing_ok=True)  # left behind by a process that was killed
        parameters.hostnames = [str(options.socket)]
    else:
        parameters.hostnames, parameters.port = ["127.0.0.1"], options.port
    parameters.n_parallel = options.slots
    parameters.n_ctx = context * options.slots  # llama.cpp shares it out among the slots
    # each connection has a thread while it waits or is written to; the gate sends no more than the slots, but
    # health checks must not stand in line behind answers
    parameters.n_threads_http = 2 * options.slots + 16
    threads = options.threads or max(1, (os.cpu_count() or 2) // 2)
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
    parameters.n_gpu_layers = options.gpu_layers
    parameters.cache_ram_mib = options.cache_ram_mib  # its default is 8 GiB
    parameters.endpoint_metrics = parameters.endpoint_slots = True
    parameters.ui = False
    parameters.use_jinja = True
    if options.embedding:
        _embed(parameters, options.model, context)
    parameters.verbosity = 1  # errors; with warnings it writes two lines for every prompt it had kept
    return xllamacpp.Server(parameters)


def _embed(parameters: xllamacpp.CommonParams, model: Path, context: int) -> None:
    """One vector a text, of all its tokens at once: a text longer than the batch would be refused."""
    parameters.embedding = True
    parameters.n_batch = parameters.n_ubatch = min(context, _LONGEST_EMBEDDED)
    if (
        read_number(model, ".pooling_type") is None
    ):  # a chat model: without a pooling it has no vector of a text
        parameters.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN


if __name__ == "__main__":
    raise SystemExit(main())
