"""The lean connection to Valkey, against a real one that is cut, killed, stalled and emptied."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from appliance.errors import PartUnavailable
from appliance.fairness.valkey.valkey_address import parse_valkey_url
from appliance.fairness.valkey.valkey_link import ValkeyLink
from tests.conftest import Servers
from tests.own_valkey import OwnValkey, own_valkey
from tests.waiting import until

ECHO = "return {KEYS[1], ARGV[1]}"


@asynccontextmanager
async def opened(
    url: str,
    *,
    channels: Mapping[str, Callable[[bytes], None]] | None = None,
    on_change: Callable[[bool], None] | None = None,
    **options: object,
) -> AsyncIterator[ValkeyLink]:
    """A link that has tried to connect once."""
    link = ValkeyLink(url, "link-test", **options)  # type: ignore[arg-type]
    for channel, receive in (channels or {}).items():
        link.listen(channel, receive)
    if on_change is not None:
        link.watch(on_change)
    await link.open()
    try:
        yield link
    finally:
        await link.close()


@pytest.fixture
async def link(servers: Servers, valkey: Redis) -> AsyncIterator[ValkeyLink]:
    """A connected one, on an empty Valkey."""
    async with opened(servers.valkey.url) as connected:
        yield connected


@pytest.fixture
async def own() -> AsyncIterator[OwnValkey]:
    """A Valkey of this test alone."""
    async with own_valkey() as running:
        yield running


async def test_commands_are_answered_with_what_valkey_keeps(link: ValkeyLink) -> None:
    """Words of every kind go out; bytes, numbers, lists, maps and nothing come back."""
    await link.command("HSET", "h", b"bytes", "text", "number", 7, "fraction", 0.5)

    assert await link.command("HMGET", "h", "bytes", "number", "fraction", "absent") == [
        b"text",
        b"7",
        b"0.5",
        None,
    ]
    assert await link.command("HLEN", "h") == 3
    assert (await link.command("HGETALL", "h"))[b"number"] == b"7"


async def test_a_thousand_commands_at_once_get_their_own_answers(link: ValkeyLink) -> None:
    """Answers are matched in the order of the questions."""
    answers = await asyncio.gather(*(link.command("ECHO", f"{number}") for number in range(1000)))

    assert answers == [str(number).encode() for number in range(1000)]


async def test_who_gives_up_waiting_leaves_the_others_their_answers(link: ValkeyLink) -> None:
    """A cancelled command's answer is dropped; the next one's is not taken for it."""
    first, given_up, last = (asyncio.create_task(link.command("ECHO", name)) for name in "abc")
    await asyncio.sleep(0)  # let all three be sent
    given_up.cancel()

    assert await first == b"a" and await last == b"c"
    with pytest.raises(asyncio.CancelledError):
        await given_up


async def test_a_large_answer_comes_whole(link: ValkeyLink) -> None:
    """Eight megabytes arrive in many pieces."""
    await link.command("SET", "large", b"x" * 8_000_000)

    assert await link.command("GET", "large") == b"x" * 8_000_000


async def test_an_error_is_the_failure_of_its_command_alone(link: ValkeyLink) -> None:
    """The next answer is still matched, and the sentence names what Valkey said."""
    await link.command("SET", "text", "x")
    wrong = link.send("INCR", "text")
    right = link.send("GET", "text")

    with pytest.raises(PartUnavailable, match="not an integer"):
        await wrong
    assert await right == b"x"


async def test_a_forgotten_script_is_told_again(link: ValkeyLink, valkey: Redis) -> None:
    """After SCRIPT FLUSH the call is made with the script's text."""
    echo = link.script(ECHO)
    assert await echo("k", 1) == [b"k", b"1"]

    await valkey.script_flush()

    assert await echo("k", b"two") == [b"k", b"two"]


async def test_messages_come_on_the_same_connection(servers: Servers, valkey: Redis) -> None:
    """Whoever opened the link hears its channels at once, beside the answers."""
    heard: list[bytes] = []
    async with opened(servers.valkey.url, channels={"news": heard.append}) as link:
        await valkey.publish("news", "one")
        assert await link.command("PUBLISH", "news", "two") == 1
        await until(lambda: len(heard) == 2)

    assert heard == [b"one", b"two"]


async def test_a_cut_connection_is_made_again(servers: Servers, valkey: Redis) -> None:
    """Scripts and channels are there again without anybody's doing."""
    heard: list[bytes] = []
    changes: list[bool] = []
    async with opened(servers.valkey.url, channels={"news": heard.append}, on_change=changes.append) as link:
        echo = link.script(ECHO)
        await valkey.client_kill_filter(_id=await link.command("CLIENT", "ID"))
        await until(lambda: changes == [True, False, True])

        assert await echo("k", 1) == [b"k", b"1"]
        await valkey.publish("news", "one")
        await until(lambda: heard == [b"one"])
    assert not link.is_connected


async def test_all_that_waits_fails_at_once_when_valkey_dies(own: OwnValkey) -> None:
    """Nobody waits for the end of a deadline; and afterwards nothing is taken."""
    async with opened(own.url, answer_s=60.0) as link:
        own.stall()
        waiting = [asyncio.create_task(link.command("PING")) for _ in range(10)]
        await asyncio.sleep(0)  # let them be sent
        await own.kill()

        for result in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(result, PartUnavailable)
        with pytest.raises(PartUnavailable):
            link.send("PING")


async def test_a_restarted_valkey_is_found_again(own: OwnValkey) -> None:
    """By itself, within the longest pause."""
    async with opened(own.url) as link:
        first_run = link.server_run
        await own.kill()
        await until(lambda: not link.is_connected)
        await own.start()
        await until(lambda: link.is_connected)

        assert await link.command("PING") == b"PONG"
        assert first_run and link.server_run and first_run != link.server_run


async def test_a_valkey_that_starts_later_is_found(own: OwnValkey) -> None:
    """open() does not wait for it and does not fail."""
    await own.kill()
    async with opened(own.url) as link:
        assert not link.is_connected
        await own.start()
        await until(lambda: link.is_connected)


async def test_a_stalled_valkey_is_away(own: OwnValkey) -> None:
    """It takes commands and answers none: they fail after the deadline, and the link comes back with it."""
    async with opened(own.url, answer_s=0.1, connect_s=0.1) as link:
        own.stall()
        with pytest.raises(PartUnavailable):
            await link.command("PING")
        assert not link.is_connected

        own.resume()
        await until(lambda: link.is_connected)
        assert await link.command("PING") == b"PONG"


async def test_what_a_lost_connection_had_sent_is_not_carried_out_later(own: OwnValkey) -> None:
    """The new connection first ends the old one: commands keep their order across it."""
    async with opened(own.url, answer_s=0.1, connect_s=5.0) as link:
        old = await link.command("CLIENT", "ID")
        own.stall()
        with pytest.raises(PartUnavailable):
            await link.command("SET", "order", "old")
        own.resume()
        await until(lambda: link.is_connected)

        await link.command("SET", "order", "new")

        clients = (await link.command("CLIENT", "LIST")).decode()
        assert f"id={old} " not in clients
        assert await link.command("GET", "order") == b"new"


async def test_only_so_many_wait_for_answers(own: OwnValkey) -> None:
    """A stalled Valkey does not fill this process's memory."""
    async with opened(own.url, answer_s=60.0, max_pending=3) as link:
        own.stall()
        waiting = [link.send("PING") for _ in range(3)]
        with pytest.raises(PartUnavailable):
            link.send("PING")
        own.resume()

        assert await asyncio.gather(*waiting) == [b"PONG"] * 3


async def test_closing_fails_what_waits(own: OwnValkey) -> None:
    """Nothing is left hanging when the process stops."""
    async with opened(own.url, answer_s=60.0) as link:
        own.stall()
        waiting = link.send("PING")
        await link.close()

        with pytest.raises(PartUnavailable):
            await waiting


async def test_database_and_user_of_the_url_are_used(own: OwnValkey) -> None:
    """As redis-py understands them; a wrong password is no connection."""
    async with opened(own.url.replace("db=0", "db=3")) as link:
        await link.command("ACL", "SETUSER", "ana", "on", ">a b", "~*", "&*", "+@all", "-client|kill")
        assert "name=link-test" in (await link.command("CLIENT", "LIST")).decode()
        assert "db=3" in (await link.command("CLIENT", "INFO")).decode()
    ana = f"unix://ana:a%20b@{own.socket_path}"
    async with opened(ana) as link:
        assert await link.command("ACL", "WHOAMI") == b"ana"
        await link.command("CLIENT", "NO-EVICT", "off")
        async with opened(own.url) as other:
            await other.command("CLIENT", "KILL", "ID", await link.command("CLIENT", "ID"))
        await until(lambda: not link.is_connected)
        await until(lambda: link.is_connected)  # without the right to CLIENT KILL
    async with opened(own.url.replace("own", "other")) as link:
        assert not link.is_connected


async def test_a_tls_address_keeps_its_options() -> None:
    """rediss:// checks certificates unless its URL says otherwise, as redis-py does."""
    strict = parse_valkey_url("rediss://user:word@cache.example:6380/2")
    lax = parse_valkey_url("rediss://cache.example?ssl_cert_reqs=none")

    assert strict.tls is not None and strict.tls.verify_mode is ssl.CERT_REQUIRED
    assert strict.tls.check_hostname
    assert (strict.host, strict.port, strict.database) == ("cache.example", 6380, 2)
    assert lax.tls is not None and lax.tls.verify_mode is ssl.CERT_NONE
    with pytest.raises(ValueError, match="scheme"):
        parse_valkey_url("https://cache.example")


class Scripted:
    """A server that answers each read with the next of these pieces, one write a piece."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces
        self.url = ""

    async def __aenter__(self) -> Scripted:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(b"%1\r\n$2\r\nid\r\n:7\r\n-NOPERM of INFO\r\n")
        await reader.read(4096)
        for piece in self._pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)  # so that each piece arrives by itself
        writer.close()


async def test_an_answer_in_pieces_is_put_together() -> None:
    """Cut within a length, a line end and a word."""
    pieces = (b"*2\r\n$", b"11\r", b"\nhel", b"lo world\r\n:", b"42\r\n")
    async with Scripted(*pieces) as server, opened(server.url) as link:
        assert await link.command("ANYTHING") == [b"hello world", 42]


async def test_half_an_answer_is_none() -> None:
    """The connection ends within an answer: its command fails."""
    async with Scripted(b"*2\r\n$11\r\nhello") as server, opened(server.url) as link:
        with pytest.raises(PartUnavailable):
            await link.command("ANYTHING")


@pytest.mark.parametrize("garbage", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b":1\r\n:2\r\n"])
async def test_what_is_not_an_answer_ends_the_connection(garbage: bytes) -> None:
    """Another protocol, or more answers than questions."""
    changes: list[bool] = []
    on_change: Callable[[bool], None] = changes.append
    async with Scripted(garbage) as server, opened(server.url, on_change=on_change) as link:
        await asyncio.gather(link.command("ANYTHING"), return_exceptions=True)
        await until(lambda: changes[:2] == [True, False])
