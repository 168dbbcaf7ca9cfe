"""What python-tds reads from and writes to: TLS by the standard library, and no other server than the one looked at.

Before the login the handshake travels inside packets of the protocol (MS-TDS, 3.2.5.2 and 2.2.6.5); after it every
byte is encrypted. python-tds would do this with a package that is not here and a check of names of its own; so it is
told that nobody encrypts, and sees neither that we ask for it nor that the server agreed.
"""

from __future__ import annotations

import socket
import ssl
import struct
import sys
import threading
from contextlib import suppress

_PRELOGIN, _ATTENTION = 0x12, 0x06
_TOKEN_ENCRYPTION, _TERMINATOR = 0x01, 0xFF
_ON, _NOT_SUPPORTED, _REQUIRED = 1, 2, 3
_HEADER = struct.Struct(">BBHHBB")
_AT_ONCE = 65_536
_WHOLE = 0x01


class TdsRefused(OSError):
    """The server does not do what it has to: it does not encrypt, or it sends us to another one."""


class TdsTransport:
    """context: None leaves everything in clear letters. name: what the certificate has to be for."""

    def __init__(self, found: socket.socket, context: ssl.SSLContext | None, name: str) -> None:
        self._socket, self._name = found, name
        self._context = context
        self._ahead = bytearray()
        self._tls: ssl.SSLObject | None = None
        self._coming, self._going = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls_in_use = threading.Lock()
        self._waits_for_prelogin = self._is_agreed = False
        self.is_signed_in = False

    def setsockopt(self, *words: int) -> None:
        self._socket.setsockopt(*words)

    def gettimeout(self) -> float | None:
        return self._socket.gettimeout()

    def settimeout(self, timeout: float | None) -> None:
        self._socket.settimeout(timeout)

    def sendall(self, data: bytes | bytearray | memoryview, flags: int = 0) -> None:
        sent = bytearray(data)
        if self._context is not None and self._tls is None:
            if sent[0] == _PRELOGIN:
                _set_encryption(sent, _ON)
                self._waits_for_prelogin = True
            elif self._is_agreed:
                self._shake_hands(self._context)
            else:
                raise TdsRefused("the server was not asked to encrypt")
        if self._tls is None:
            self._socket.sendall(sent)
            return
        with self._tls_in_use:
            self._tls.write(sent)
            self._socket.sendall(self._going.read())

    def recv(self, size: int) -> bytes:
        if self._waits_for_prelogin:
            self._waits_for_prelogin = False
            self._ahead += self._agreed(self._packet())
        if self._ahead:
            taken = bytes(self._ahead[:size])
            del self._ahead[:size]
            return taken
        return self._socket.recv(size) if self._tls is None else self._decrypted(self._tls, size)

    def recv_into(self, buffer: bytearray | memoryview, size: int = 0, flags: int = 0) -> int:
        data = self.recv(size or len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """python-tds closes a connection that it was sent away from, to open another to wherever it was told."""
        with suppress(OSError):
            self._socket.close()
        if not self.is_signed_in and sys.exc_info()[0] is None:
            raise TdsRefused("the server sends us to another one; name that one as host")

    def attend(self) -> None:
        """Asks the server to stop what it does; may be called while another thread reads."""
        self.sendall(_HEADER.pack(_ATTENTION, _WHOLE, _HEADER.size, 0, 1, 0))

    def shut(self) -> None:
        """Whoever reads is told at once that it broke."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _decrypted(self, tls: ssl.SSLObject, size: int) -> bytes:
        while True:
            with self._tls_in_use, suppress(ssl.SSLWantReadError):
                return tls.read(size)
            data = self._socket.recv(_AT_ONCE)
            if not data:
                return b""
            with self._tls_in_use:
                self._coming.write(data)

    def _agreed(self, packet: bytearray) -> bytearray:
        if _encryption(packet) not in (_ON, _REQUIRED):
            raise TdsRefused("the server does not encrypt")
        _set_encryption(packet, _NOT_SUPPORTED)
        self._is_agreed = True
        return packet

    def _shake_hands(self, context: ssl.SSLContext) -> None:
        tls = context.wrap_bio(self._coming, self._going, server_hostname=self._name)
        number = 0
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._send_wrapped(number)
                number += 1
                self._coming.write(bytes(self._packet()[_HEADER.size :]))
        if self._going.pending:
            self._send_wrapped(number)
        self._tls = tls

    def _send_wrapped(self, number: int) -> None:
        data = self._going.read()
        self._socket.sendall(
            _HEADER.pack(_PRELOGIN, _WHOLE, len(data) + _HEADER.size, 0, number % 256, 0) + data
        )

    def _packet(self) -> bytearray:
        """One packet of the protocol with its head, read whole."""
        found = self._exactly(_HEADER.size)
        length = int.from_bytes(found[2:4], "big")
        if length < _HEADER.size:
            raise TdsRefused("the server does not speak TDS")
        return found + self._exactly(length - _HEADER.size)

    def _exactly(self, size: int) -> bytearray:
        found = bytearray()
        while len(found) < size:
            data = self._socket.recv(size - len(found))
            if not data:
                raise ConnectionResetError("the server ended the connection")
            found += data
        return found


def _encryption_place(packet: bytearray) -> int | None:
    """Where the byte stands that tells of encryption; None: nowhere."""
    at = _HEADER.size
    while at + 5 <= len(packet) and packet[at] != _TERMINATOR:
        offset, length = struct.unpack_from(">HH", packet, at + 1)
        if packet[at] == _TOKEN_ENCRYPTION and length and _HEADER.size + offset < len(packet):
            return int(_HEADER.size + offset)
        at += 5
    return None


def _encryption(packet: bytearray) -> int:
    place = _encryption_place(packet)
    return _NOT_SUPPORTED if place is None else packet[place]


def _set_encryption(packet: bytearray, value: int) -> None:
    if (place := _encryption_place(packet)) is not None:
        packet[place] = value
