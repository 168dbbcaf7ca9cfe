"""A network of this thread's own that leads nowhere, with every packet written down: what tries to leave is seen.

Each address of the world is this machine's there, so that an attempt makes packets and a stand-in can be anybody.
Needs root and Linux. Unix sockets work as before, so the servers of a test run can be reached.
"""

from __future__ import annotations

import ctypes
import ipaddress
import os
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_ALL_PROTOCOLS = 0x0003  # ETH_P_ALL
_OUTGOING = 4  # PACKET_OUTGOING: on the loopback device every packet is seen twice
_RECEIVE_BUFFER_FORCE = 33  # SO_RCVBUFFORCE
_BUFFER_BYTES = 128 * 2**20
_TCP, _UDP = 6, 17
_SYN, _ACK = 0x02, 0x10


@dataclass(frozen=True, slots=True)
class Packet:
    """One that was sent. payload: of TCP and UDP."""

    protocol: int
    source: tuple[str, int]
    target: tuple[str, int]
    flags: int = 0
    sequence: int = 0
    payload: bytes = b""


@dataclass
class Trap:
    """What was seen so far."""

    packets: list[Packet] = field(default_factory=list)

    def attempts(self) -> list[str]:
        """Who was to be spoken to: every connection that was tried and every datagram, name services included."""
        return [
            f"{'tcp' if one.protocol == _TCP else 'ip'} {one.target[0]}:{one.target[1]}"
            for one in self.packets
            if not ipaddress.ip_address(one.target[0]).is_loopback
            and (one.protocol != _TCP or one.flags & (_SYN | _ACK) == _SYN)
        ]

    def flows_to(self, host: str, port: int) -> dict[int, bytes]:
        """Own port → all bytes that were sent from it to there, in order."""
        pieces: dict[int, dict[int, bytes]] = {}
        for one in self.packets:
            if one.protocol == _TCP and one.target == (host, port):
                flow = pieces.setdefault(one.source[1], {})
                if one.payload:
                    flow[one.sequence] = one.payload
        return {source: b"".join(flow[at] for at in sorted(flow)) for source, flow in pieces.items()}


def why_not() -> str:
    """Why there can be no trap here; empty: there can."""
    if os.geteuid() != 0:
        return "a network of one's own needs root"
    tried = subprocess.run(
        ["unshare", "-n", "ip", "link", "set", "lo", "up"], capture_output=True, check=False
    )
    return "" if tried.returncode == 0 else f"no network of one's own here: {tried.stderr.decode().strip()}"


@contextmanager
def trapped() -> Iterator[Trap]:
    """This thread, and all that it starts from now on, until the end."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        if libc.unshare(_NEW_NETWORK) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        try:
            for words in (
                "link set lo up",
                "route add local 0.0.0.0/0 dev lo",
                "-6 route add local ::/0 dev lo",
            ):
                subprocess.run(["ip", *words.split()], check=True)
            with _captured() as trap:
                yield trap
        finally:
            if libc.setns(before, _NEW_NETWORK) != 0:
                os._exit(70)  # whatever comes next would run without a network and fail for no reason
    finally:
        os.close(before)


@contextmanager
def _captured() -> Iterator[Trap]:
    trap, is_over = Trap(), threading.Event()
    device = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS))
    device.setsockopt(socket.SOL_SOCKET, _RECEIVE_BUFFER_FORCE, _BUFFER_BYTES)
    device.settimeout(0.05)

    def listen() -> None:
        while True:
            try:
                frame, about = device.recvfrom(2**17)
            except TimeoutError:
                if is_over.is_set():
                    return
                continue
            if about[2] == _OUTGOING and (packet := _parsed(frame[14:])):
                trap.packets.append(packet)

    listening = threading.Thread(target=listen, name="capture", daemon=True)
    listening.start()
    try:
        yield trap
    finally:
        is_over.set()
        listening.join()
        device.close()


def _parsed(frame: bytes) -> Packet | None:
    """None for what is no IP."""
    version = frame[0] >> 4 if frame else 0
    if version == 4:
        size, protocol = (frame[0] & 15) * 4, frame[9]
        hosts = (socket.inet_ntoa(frame[12:16]), socket.inet_ntoa(frame[16:20]))
        body = frame[size : struct.unpack("!H", frame[2:4])[0] or len(frame)]
    elif version == 6:
        protocol, body = frame[6], frame[40:]
        hosts = tuple(socket.inet_ntop(socket.AF_INET6, frame[at : at + 16]) for at in (8, 24))  # type: ignore[assignment]
    else:
        return None
    if protocol not in (_TCP, _UDP) or len(body) < 8:
        return Packet(protocol, (hosts[0], 0), (hosts[1], 0))
    ports = struct.unpack("!HH", body[:4])
    ends = (hosts[0], ports[0]), (hosts[1], ports[1])
    if protocol == _UDP:
        return Packet(protocol, *ends, payload=body[8:])
    start = (body[12] >> 4) * 4
    return Packet(protocol, *ends, body[13], struct.unpack("!I", body[4:8])[0], body[start:])
