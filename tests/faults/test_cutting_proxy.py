"""The proxy that other tests break their links with does what it says, and nothing else."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.faults.cutting_proxy import CuttingProxy, Tcp


@asynccontextmanager
async def echoing(path: Path | None = None) -> AsyncIterator[Tcp | Path]:
    """A server that says back what it hears."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    if path is not None:
        server: asyncio.Server = await asyncio.start_unix_server(echo, path)
    else:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server:
        yield path if path is not None else Tcp("127.0.0.1", server.sockets[0].getsockname()[1])


async def connect(proxy: CuttingProxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """As a client."""
    return await asyncio.open_connection("127.0.0.1", proxy.port)


async def test_everything_passes_both_ways_to_its_end() -> None:
    """Untouched it is a wire: a megabyte comes back whole, and the end of one side ends the other."""
    async with echoing() as target, CuttingProxy(target) as proxy:
        reader, writer = await connect(proxy)
        sent = bytes(range(256)) * 4096
        writer.write(sent)
        writer.write_eof()

        assert await reader.read(-1) == sent
    assert (proxy.connections[0].passed_up, proxy.connections[0].passed_down) == (len(sent), len(sent))


async def test_unix_sockets_on_both_sides() -> None:
    """Engines and neighbours that listen on a path are cut like others."""
    with tempfile.TemporaryDirectory(prefix="cut-", dir="/tmp") as folder:
        listen_on = Path(folder, "proxy.sock")
        async with (
            echoing(Path(folder, "echo.sock")) as target,
            CuttingProxy(target, listen_on=listen_on) as proxy,
        ):
            reader, writer = await asyncio.open_unix_connection(listen_on)
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"
            proxy.cut(reset=False)
            assert await reader.read() == b""


@pytest.mark.parametrize("reset", [True, False])
async def test_a_cut_is_seen_as_what_it_is(reset: bool) -> None:
    """RST is an error at the client, FIN an end."""
    async with echoing() as target, CuttingProxy(target) as proxy:
        reader, writer = await connect(proxy)
        writer.write(b"x")
        await reader.readexactly(1)

        proxy.connections[0].cut(reset=reset)

        if reset:
            with pytest.raises(ConnectionResetError):
                await reader.read()
        else:
            assert await reader.read() == b""


async def test_a_connection_is_cut_to_the_byte() -> None:
    """So a frame can be broken in its middle, at every place."""
    async with echoing() as target, CuttingProxy(target) as proxy:
        proxy.cut_down_after = 7
        reader, writer = await connect(proxy)
        writer.write(b"0123456789")

        assert await reader.readexactly(7) == b"0123456"
        with pytest.raises(ConnectionResetError):
            await reader.read()


async def test_a_stalled_direction_holds_everything_and_loses_nothing() -> None:
    """The other direction goes on; afterwards the bytes come in order."""
    async with echoing() as target, CuttingProxy(target) as proxy:
        reader, writer = await connect(proxy)
        proxy.down.stall()
        writer.write(b"held")
        async with asyncio.timeout(60):
            while proxy.connections == [] or proxy.connections[0].passed_up < 4:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readexactly(1), 0.05)

        proxy.down.go_on()

        assert await reader.readexactly(4) == b"held"


async def test_one_connection_alone_is_stalled_or_slow() -> None:
    """What is set on a connection does not touch its neighbour."""
    async with echoing() as target, CuttingProxy(target) as proxy:
        _, one = await connect(proxy)
        one.write(b"1")
        async with asyncio.timeout(60):
            while not proxy.connections:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        proxy.connections[0].down.stall()
        reader, two = await connect(proxy)
        two.write(b"2")

        assert await reader.readexactly(1) == b"2"


async def test_slowness_and_delay_take_their_time() -> None:
    """2,000 bytes a second let 200 bytes through in a tenth of a second or more; a delay comes on top."""
    loop = asyncio.get_running_loop()
    async with echoing() as target, CuttingProxy(target) as proxy:
        proxy.up.bytes_per_s, proxy.down.delay_s = 2000, 0.05
        reader, writer = await connect(proxy)
        started = loop.time()
        writer.write(bytes(400))
        writer.write_eof()
        assert len(await reader.read(-1)) == 400
        assert loop.time() - started >= 0.2  # the last piece need not be waited for


async def test_refusing_resets_who_comes_new() -> None:
    """As a port behind which nothing listens any more."""
    async with echoing() as target, CuttingProxy(target) as proxy:
        proxy.is_refusing = True
        with pytest.raises(ConnectionResetError):
            reader, _ = await connect(proxy)
            await reader.read()
