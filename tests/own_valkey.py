"""A Valkey that a test may kill, stop and start again, unlike the one all tests share."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from appliance.supervisor.unprivileged import account_for_servers
from appliance.supervisor.valkey import EmbeddedValkey


class OwnValkey:
    """One server; its data survive a restart. around: words before the command, such as a changed clock's."""

    def __init__(self, folder: Path, around: Sequence[str] = ()) -> None:
        folder.chmod(0o755)
        self._embedded = EmbeddedValkey(folder, "own-password/+:@", account_for_servers())
        self._embedded.prepare()
        self._around = around
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self._embedded.url

    @property
    def socket_path(self) -> Path:
        return self._embedded.socket_path

    @property
    def password(self) -> str:
        return self._embedded.password

    async def start(self, *options: str) -> None:
        """Returns when it answers. options: as on valkey-server's command line."""
        await asyncio.to_thread(self._start, options)

    def _start(self, options: Sequence[str]) -> None:
        account = self._embedded.account
        prefix = account.prefix() if account else []
        words = [*prefix, *self._around, *self._embedded.server_words(), *options]
        self._process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        self._embedded.wait_ready()

    async def kill(self) -> None:
        """As if the power had failed."""
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)
            self._process = None

    def forget(self) -> None:
        """Throw away what it kept on disk; it must not run."""
        assert self._process is None
        for kept in self._embedded.folder.glob("appendonlydir/*"):
            kept.unlink()

    def stall(self) -> None:
        """It takes what is sent and answers nothing, until resume()."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on where it was stalled."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@asynccontextmanager
async def own_valkey(*options: str, around: Sequence[str] = ()) -> AsyncIterator[OwnValkey]:
    """A running one in a temporary folder."""
    folder = Path(tempfile.mkdtemp(prefix="apl-", dir="/tmp"))
    valkey = OwnValkey(folder, around)
    try:
        await valkey.start(*options)
        yield valkey
    finally:
        await valkey.kill()
        shutil.rmtree(folder, ignore_errors=True)
