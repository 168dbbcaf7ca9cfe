"""A real vLLM in a process of its own, for tests and measurements; the appliance itself never starts one this way.

vLLM is never in our environment: it is named by its command, as in VLLM_BIN=/opt/vllm/bin/vllm.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_LOOK_S = 0.25
_STOP_S = 60.0
_LAST_BYTES = 4000
_QUIET = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_LOGGING_LEVEL": "WARNING",
}
ON_THE_CPU: Mapping[str, str] = {
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
}
"""Environment of a vLLM built for the processor that serves a small model beside other work."""


class VllmDidNotStart(RuntimeError):
    """vLLM ended before it answered, or took too long; its last lines say why."""


@contextmanager
def vllm_process(
    command: Path,
    model: Path,
    port: int,
    *,
    name: str,
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    start_s: float = 900.0,
) -> Iterator[str]:
    """Its address, ending in /v1, once it is healthy. model: a folder in Hugging Face's form.

    Raises VllmDidNotStart.
    """
    with tempfile.TemporaryDirectory(prefix="vllm-") as folder:
        output = Path(folder) / "output.txt"
        words = [str(command), "serve", str(model), "--served-model-name", name, *arguments]
        words += ["--host", "127.0.0.1", "--port", str(port)]
        with output.open("wb") as said:
            process = subprocess.Popen(
                words,
                env={**os.environ, **_QUIET, **_named_vllm(command, Path(folder)), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            _wait_until_healthy(process, f"http://127.0.0.1:{port}/health", output, start_s)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            _stop(process)


def _named_vllm(command: Path, folder: Path) -> dict[str, str]:
    """Builds for the processor are distributed as `vllm-cpu`, but the command asks for the version of `vllm`.

    Without this: PackageNotFoundError. The version must contain "cpu", or no device is found.
    """
    installed = command.resolve().parent.parent.glob("lib/python*/site-packages/vllm*.dist-info")
    versions = dict(one.name.removesuffix(".dist-info").split("-", 1) for one in installed)
    if "vllm" in versions or "vllm_cpu" not in versions:
        return {}
    version = f"{versions['vllm_cpu']}+cpu"
    metadata = folder / f"vllm-{version}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {version}\n", encoding="utf-8")
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))}


def _wait_until_healthy(process: subprocess.Popen[bytes], url: str, output: Path, start_s: float) -> None:
    deadline = time.monotonic() + start_s
    while not _is_healthy(url):
        if process.poll() is not None or time.monotonic() > deadline:
            raise VllmDidNotStart(output.read_text(encoding="utf-8", errors="replace")[-_LAST_BYTES:])
        time.sleep(_LOOK_S)


def _is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """It and the engine core and workers that it started."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.poll() is None:
        sys.stderr.write("vLLM did not end when asked, and was killed.\n")
    process.wait()
