"""A database is a server of the own network: its address is looked at, and it is that address that is connected to."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from inference.egress import Neighbours
from inference.egress.hosts import is_address
from querying.connectors.addresses import connected_socket, near_address
from querying.connectors.opening import open_connector
from querying.errors import QueryingError, SourceRefused, SourceUnavailable

SERVERS = ("postgres", "mysql", "sqlserver")


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[str]]]:
    """A name service that answers with each of these lists in turn, and with nothing afterwards."""
    answers: list[list[str]] = []

    def looked_up(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        if is_address(host):  # numbers are no question
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]
        if not answers:
            raise OSError("nobody of that name")
        found = answers.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    yield answers


@pytest.mark.parametrize("kind", SERVERS)
@pytest.mark.parametrize("host", ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8"])
async def test_an_address_of_the_internet_is_refused(kind: str, host: str) -> None:
    """Before a byte goes there, with the setting that would permit it."""
    connector = open_connector(kind, {"host": host, "database": "d", "user": "u", "tls": "off"}, Neighbours())
    with pytest.raises(SourceRefused, match=r"egress\.inside") as refused:
        await connector.schema()
    await connector.close()
    assert refused.value.reason == "address"


async def test_a_name_that_leads_out_is_refused(names: list[list[str]]) -> None:
    """By all of its addresses; of several the near one is taken."""
    names += [["93.184.216.34"], ["93.184.216.34", "10.0.0.7"]]
    with pytest.raises(SourceRefused):
        await near_address(Neighbours(), "db.example", 5432)
    assert await near_address(Neighbours(), "db.example", 5432) == "10.0.0.7"


async def test_a_name_is_asked_for_once(names: list[list[str]]) -> None:
    """It cannot point elsewhere between the look and the connection."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        names += [["127.0.0.1"]]  # a second question would find nobody
        with closing(await connected_socket(Neighbours(), "db.example", server.getsockname()[1])) as found:
            assert found.getpeername() == server.getsockname()


async def test_what_the_operator_named_is_inside(names: list[list[str]]) -> None:
    """A database in a rented data centre, with its port."""
    names += [["93.184.216.34"], ["93.184.216.34"]]
    inside = Neighbours(["db.example:5432"])
    assert await near_address(inside, "db.example", 5432) == "93.184.216.34"
    with pytest.raises(SourceRefused):
        await near_address(inside, "db.example", 5433)


async def test_a_name_that_nobody_knows_is_told(names: list[list[str]]) -> None:
    """As the name, not as a broken database."""
    with pytest.raises(SourceUnavailable) as unknown:
        await near_address(Neighbours(), "db.example", 5432)
    assert unknown.value.reason == "name"


@pytest.mark.parametrize("kind", SERVERS)
async def test_where_nothing_listens_is_told(kind: str) -> None:
    """Without the address: whoever asks a question need not know where the database is."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    settings = {"host": "127.0.0.1", "port": port, "database": "d", "user": "someone", "tls": "off"}
    connector = open_connector(kind, settings, Neighbours())
    with pytest.raises(SourceUnavailable) as gone:
        await connector.schema()
    await connector.close()
    assert gone.value.reason == "refused"
    assert "127.0.0.1" not in str(gone.value) and "someone" not in str(gone.value)


@pytest.mark.parametrize(
    ("kind", "settings", "named"),
    [
        ("oracle", {}, "oracle"),
        ("postgres", {"database": "d", "user": "u"}, "host or unix_socket"),
        ("mysql", {"database": "d", "user": "u", "host": "h", "unix_socket": "/s"}, "host or unix_socket"),
        ("sqlserver", {"database": "d", "user": "u"}, "host"),
        ("postgres", {"database": "d", "user": "u", "host": "h", "pasword": "x"}, "pasword"),
        ("postgres", {"database": "d", "user": "u", "host": "h", "tls": "maybe"}, "tls"),
        ("sqlite", {}, "path"),
    ],
)
def test_settings_that_do_not_fit_are_named(kind: str, settings: dict[str, object], named: str) -> None:
    """By the first that is wrong."""
    with pytest.raises(SourceRefused, match=named):
        open_connector(kind, settings, Neighbours())


async def test_a_password_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """With the command that mends it; and one that is not there is named."""
    file = tmp_path / "password"
    settings = {"unix_socket": tmp_path, "database": "d", "user": "u", "password_file": file}
    for kind in ("postgres",):
        connector = open_connector(kind, settings, Neighbours())
        with pytest.raises(SourceRefused, match="cannot be read"):
            await connector.schema()
        file.write_text("secret-word\n")
        file.chmod(0o644)
        with pytest.raises(SourceRefused, match="chmod 600") as refused:
            await connector.schema()
        await connector.close()
        assert "secret-word" not in str(refused.value)


async def test_certificates_that_are_not_there_are_named(tmp_path: Path) -> None:
    """Nothing is believed in their place."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        settings = {"host": "127.0.0.1", "port": server.getsockname()[1], "database": "d", "user": "u"}
        for kind in SERVERS:
            connector = open_connector(kind, {**settings, "ca_file": tmp_path / "none.pem"}, Neighbours())
            with pytest.raises(QueryingError, match="ca_file"):
                await connector.schema()
            await connector.close()
