"""The embedded Valkey on a unix socket, with a password, keeping what it was told in an append-only file."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from appliance.errors import StartupError
from appliance.supervisor.binaries import valkey_server
from appliance.supervisor.postgres import socket_folder
from appliance.supervisor.unprivileged import Account, copy_programs, own


@dataclass(frozen=True)
class EmbeddedValkey:
    """data: the appliance's data folder."""

    data: Path
    password: str
    account: Account | None = None
    binary: str = ""

    @property
    def folder(self) -> Path:
        return self.data / "valkey"

    @property
    def socket_path(self) -> Path:
        return socket_folder(self.data) / "valkey.sock"

    @property
    def url(self) -> str:
        return f"unix://:{quote(self.password, safe='')}@{self.socket_path}?db=0"

    def prepare(self) -> None:
        """Folders, rights, and the configuration file (the password must not stand in the process list)."""
        own(socket_folder(self.data), self.account, 0o700)
        own(self.folder, self.account, 0o700)
        lines = [
            "port 0",
            f'unixsocket "{self.socket_path}"',
            "unixsocketperm 700",
            f'requirepass "{self.password}"',
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            f'dir "{self.folder}"',
            "maxmemory 256mb",
            "maxmemory-policy noeviction",
            "loglevel warning",
        ]
        configuration = self.folder / "valkey.conf"
        configuration.touch(mode=0o600)
        configuration.write_text("\n".join(lines) + "\n", encoding="utf-8")
        if self.account is not None:
            os.chown(configuration, self.account.uid, self.account.gid)

    def command(self) -> list[str]:
        """The server in the foreground, as the servers' user; SIGTERM stops it cleanly."""
        prefix = self.account.prefix() if self.account else []
        return [*prefix, *self.server_words()]

    def server_words(self) -> list[str]:
        """The server's own command, for whoever changes the user itself."""
        program = valkey_server(self.binary)
        if self.account is not None:
            program = copy_programs(program.parent, self.data / "programs" / "valkey") / program.name
        return [str(program), str(self.folder / "valkey.conf")]

    def is_ready(self) -> bool:
        """True when it answers PING with our password."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.settimeout(1.0)
                client.connect(str(self.socket_path))
                client.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                reply = b""
                while reply.count(b"\r\n") < 2:
                    more = client.recv(256)
                    if not more:
                        return False
                    reply += more
                return b"+PONG" in reply
        except OSError:
            return False

    def wait_ready(self, timeout_s: float = 120.0) -> None:
        """Raises StartupError."""
        deadline = time.monotonic() + timeout_s
        while not self.is_ready():
            if time.monotonic() > deadline:
                raise StartupError(
                    f"Valkey did not answer within {timeout_s:.0f} s; see its lines in the log."
                )
            time.sleep(0.02)
