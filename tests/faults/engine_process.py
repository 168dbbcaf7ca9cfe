"""The stand-in engine in a process of its own, which can be killed and stopped as a real one."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.ports import free_port


@dataclass
class EngineProcess:
    """`python -m inference.testing.fake_engine WORDS` on a port that stays its own."""

    process: subprocess.Popen[str]
    base_url: str
    words: tuple[str, ...]

    @property
    def port(self) -> int:
        return int(self.base_url.rsplit(":", 1)[1].partition("/")[0])

    def metric(self, name: str) -> float:
        """Of its own page, `vllm:NAME`."""
        with urllib.request.urlopen(self.base_url.removesuffix("/v1") + "/metrics", timeout=60) as page:
            text = page.read().decode()
        return sum(map(float, re.findall(rf"^vllm:{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE)))

    @property
    def running(self) -> int:
        """Requests it works on, by its own count."""
        return int(self.metric("num_requests_running"))

    def kill(self) -> None:
        """As by `kill -9`."""
        self.process.kill()
        self.process.wait(60)

    def freeze(self) -> None:
        """It keeps its connections and says nothing."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        os.kill(self.process.pid, signal.SIGCONT)

    def start_again(self) -> None:
        """At the same address."""
        self.process, _ = _begin(*self.words, "--port", str(self.port))


@contextmanager
def engine_process(*words: str) -> Iterator[EngineProcess]:
    """words: options of the stand-in, as `--tokens`, `100`."""
    process, url = _begin(*words, "--port", str(free_port()))
    engine = EngineProcess(process, url, words)
    try:
        yield engine
    finally:
        engine.process.kill()
        engine.process.wait(60)


def _begin(*words: str) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "inference.testing.fake_engine", *words], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, process.stdout.readline().split()[-1]
