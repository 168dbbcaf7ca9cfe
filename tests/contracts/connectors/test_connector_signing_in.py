"""Servers that are not what they seem: what they are told before anybody knows who they are.

They are stand-ins of a few lines for the beginning of each protocol, since a real server does not lie.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import trustme

from inference.egress import Neighbours
from querying.connectors.opening import open_connector
from querying.errors import SourceUnavailable
from tests.contracts.connectors.rooms import private

PASSWORD = "a-word-nobody-else-knows"


@contextmanager
def serving(talk: Callable[[socket.socket], bytes]) -> Iterator[tuple[int, list[bytes]]]:
    """talk: with one client; what it returns was told by the client in clear letters or inside TLS."""
    told: list[bytes] = []

    def serve() -> None:
        while True:
            with suppress(ssl.SSLError, ValueError, struct.error):
                try:
                    client = server.accept()[0]
                except OSError:
                    return
                with closing(client), suppress(ConnectionError, TimeoutError):
                    client.settimeout(10)
                    told.append(talk(client))

    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], told
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)


async def refused(kind: str, port: int, tmp_path: Path, **other: Any) -> str:
    """Why no connection came about."""
    told = {"host": "localhost", "port": port, "database": "d", "user": "u", **other}
    told["password_file"] = private(tmp_path / "password", PASSWORD)
    connector = open_connector(kind, told, Neighbours())
    with pytest.raises(SourceUnavailable) as error:
        await connector.schema()
    await connector.close()
    assert PASSWORD not in str(error.value)
    return error.value.reason


def postgres_without_tls(client: socket.socket) -> bytes:
    """Refuses to encrypt, and asks for the password as it is."""
    if client.recv(8, socket.MSG_WAITALL)[4:] == struct.pack("!I", 80877103):
        client.sendall(b"N")
        return client.recv(4096)
    client.recv(4096)
    client.sendall(b"R" + struct.pack("!II", 8, 3))
    return client.recv(4096)


def mysql_in_clear(client: socket.socket) -> bytes:
    """Says hello, and then wants the password in clear letters."""
    features = 0x0200 | 0x8000 | 0x0008 | (0x0008 << 16)  # 4.1, secure, a database, plugins
    hello = b"\x0a8.0.0\0" + struct.pack("<I", 7) + b"12345678\0" + struct.pack("<H", features & 0xFFFF)
    hello += (
        struct.pack("<BHHB", 45, 2, features >> 16, 21) + bytes(10) + b"901234567890\0mysql_native_password\0"
    )
    client.sendall(struct.pack("<I", len(hello)) + hello)
    client.recv(4096)
    wish = b"\xfemysql_clear_password\0"
    client.sendall(struct.pack("<I", len(wish) | 2 << 24) + wish)
    return client.recv(4096)


@pytest.mark.parametrize(("kind", "talk"), [("postgres", postgres_without_tls), ("mysql", mysql_in_clear)])
async def test_nobody_unknown_is_told_the_password(
    kind: str, talk: Callable[[socket.socket], bytes], tmp_path: Path
) -> None:
    """A server that asks for it in clear letters gets none, where the connection proves nothing."""
    with serving(talk) as (port, told):
        await refused(kind, port, tmp_path, tls="off")
    assert told and not any(PASSWORD.encode() in one for one in told)


async def test_a_postgresql_that_does_not_encrypt_is_left(tmp_path: Path) -> None:
    """Where encryption was asked for, nothing follows."""
    with serving(postgres_without_tls) as (port, told):
        assert await refused("postgres", port, tmp_path, tls="encrypted") == "tls"
    assert b"".join(told) == b""


@pytest.mark.parametrize(
    ("tls", "name", "is_known", "reason"),
    [
        ("verify-full", "localhost", True, "authentication"),
        ("verify-full", "elsewhere.example", True, "certificate"),
        ("verify-full", "localhost", False, "certificate"),
        ("verify-ca", "elsewhere.example", True, "authentication"),
        ("verify-ca", "localhost", False, "certificate"),
        ("encrypted", "elsewhere.example", False, "authentication"),
    ],
)
async def test_a_postgresql_proves_who_it_is(
    tls: str, name: str, is_known: bool, reason: str, tmp_path: Path
) -> None:
    """As far as was asked for; one that is believed refuses the password, which is what it answers here."""
    authority = trustme.CA()
    (authority if is_known else trustme.CA()).cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)

    def talk(client: socket.socket) -> bytes:
        client.recv(8, socket.MSG_WAITALL)
        client.sendall(b"S")
        with context.wrap_socket(client, server_side=True) as inside:
            inside.recv(4096)
            fields = b'SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user "u"\0\0'
            inside.sendall(b"E" + struct.pack("!I", len(fields) + 4) + fields)
            return inside.recv(1)

    with serving(talk) as (port, _):
        assert await refused("postgres", port, tmp_path, tls=tls, ca_file=tmp_path / "ca.pem") == reason
