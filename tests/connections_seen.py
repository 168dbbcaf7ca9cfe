"""Where processes are connected to while something happens, by the kernel's own tables: TCP and UDP, IPv4 and IPv6.

Looked at several times a second; what begins and ends between two looks is still there as TIME_WAIT or not at all,
so this shows a habit, not every packet.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

_TABLES = ("tcp", "tcp6", "udp", "udp6")
_LOOK_EVERY_S = 0.2


@dataclass
class ConnectionsSeen:
    """`with` looks in a thread of its own. root: the process whose children are watched with it.

    remote: (process name, address) of every other end so far; looks: how often it was looked.
    """

    root: int
    remote: set[tuple[str, IPv4Address | IPv6Address]] = field(default_factory=set)
    looks: int = 0

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    @property
    def elsewhere(self) -> set[tuple[str, IPv4Address | IPv6Address]]:
        """Those that are not this machine."""
        return {(name, address) for name, address in self.remote if not _is_here(address)}

    def _watch(self) -> None:
        while not self._over.wait(_LOOK_EVERY_S):
            self._look()

    def _look(self) -> None:
        owners = _sockets_of([self.root, *_children(self.root)])
        for table in _TABLES:
            for line in Path(f"/proc/{self.root}/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                address, owner = _address(fields[2]), owners.get(fields[9])
                if owner is not None and not address.is_unspecified:
                    self.remote.add((owner, address))
        self.looks += 1


def _is_here(address: IPv4Address | IPv6Address) -> bool:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def _children(pid: int) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _sockets_of(pids: Iterable[int]) -> dict[str, str]:
    """inode -> name of the process that holds it."""
    owners = {}
    for pid in pids:
        try:
            name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
            links = [os.fspath(one.readlink()) for one in Path(f"/proc/{pid}/fd").iterdir()]
        except OSError:  # it has just ended, or has closed one
            continue
        owners |= {link[8:-1]: name for link in links if link.startswith("socket:[")}
    return owners


def _address(field_: str) -> IPv4Address | IPv6Address:
    """Of the kernel's table: words of four bytes in hexadecimal, each the wrong way round, and the port."""
    raw = bytes.fromhex(field_.partition(":")[0])
    return ip_address(b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4)))
