"""The one way out: what may leave, where to, and that every request is written down first."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from inference.egress import Departure, Egress, is_public
from inference.errors import EgressRefused, EgressUnrecorded


class FixedResolver(AbstractResolver):
    """Every name leads to one address."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=self._address,
                port=port,
                family=family,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        """Nothing is open."""


@asynccontextmanager
async def serving(
    answer: web.StreamResponse | None = None, location: str = ""
) -> AsyncIterator[tuple[str, list[str]]]:
    """An address on this machine, and the Authorization headers that came there."""
    seen: list[str] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers.get("authorization", ""))
        if location:
            return web.Response(status=302, headers={"location": location})
        return answer or web.Response(body=b"x" * 1000)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}", seen
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("allowed", "url", "may"),
    [
        (["huggingface.co"], "https://huggingface.co/x", True),
        (["huggingface.co"], "https://HuggingFace.co/x", True),
        (["huggingface.co"], "https://evil-huggingface.co/x", False),
        (["huggingface.co"], "https://huggingface.co.evil.example/x", False),
        (["*.hf.co"], "https://cdn-lfs.hf.co/x", True),
        (["*.hf.co"], "https://hf.co/x", False),
        (["*.hf.co"], "https://xhf.co/x", False),
        (["huggingface.co"], "https://huggingface.co:8443/x", False),
        (["huggingface.co:8443"], "https://huggingface.co:8443/x", True),
        (["huggingface.co"], "http://huggingface.co/x", False),
        (["huggingface.co"], "ftp://huggingface.co/x", False),
        (["huggingface.co"], "file:///etc/passwd", False),
        (["huggingface.co"], "https://user@huggingface.co/x", False),
        (["169.254.169.254"], "https://169.254.169.254/latest", False),
        (["[::1]"], "https://[::1]/x", False),
        ([], "https://huggingface.co/x", False),
    ],
)
def test_what_is_not_named_is_refused(allowed: list[str], url: str, may: bool) -> None:
    """Names are whole names; a port, a scheme or a private address has to be meant."""
    assert Egress(allowed, lambda _: None).allows(url) is may


def test_what_is_named_as_inside_may_be_private_and_plain() -> None:
    """A mirror in the own network."""
    egress = Egress([], lambda _: None, inside=["10.0.0.7:8080", "hub.box"])

    assert egress.allows("http://10.0.0.7:8080/x")
    assert egress.allows("http://hub.box/x")
    assert not egress.allows("http://10.0.0.7/x")
    assert not egress.allows("http://10.0.0.8:8080/x")


@pytest.mark.parametrize(
    ("address", "is_so"),
    [
        ("8.8.8.8", True),
        ("10.1.2.3", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("::1", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("2002:a00:1::1", False),
        ("2606:4700::1111", True),
        ("224.0.0.1", False),
        ("nonsense", False),
    ],
)
def test_an_address_of_the_internet_is_told_from_the_others(address: str, is_so: bool) -> None:
    """An IPv4 address in an IPv6 one counts as itself."""
    assert is_public(address) is is_so


async def test_a_name_that_leads_inside_is_not_followed() -> None:
    """What a name stands for is looked at when the connection is made, and the refusal is written down."""
    ledger: list[Departure] = []
    egress = Egress(["hub.example"], ledger.append, resolver=FixedResolver("169.254.169.254"))

    with pytest.raises(EgressRefused, match="private network"):
        async with egress.session("models") as session, session.get("https://hub.example/x"):
            pass

    assert [line.happened for line in ledger] == ["began", "ended"]
    assert "private network" in ledger[1].reason


async def test_every_request_is_written_down_before_and_after() -> None:
    """With its bytes; the query is not kept, and neither is the token."""
    ledger: list[Departure] = []
    async with serving() as (host, seen):
        egress = Egress([], ledger.append, inside=[host])
        async with (
            egress.session("models", "ana@x.example") as session,
            session.get(f"http://{host}/a/b?signature=1", secret="hf_secret") as answer,
        ):
            assert [line.happened for line in ledger] == ["began"]
            assert await answer.read() == b"x" * 1000

    assert seen == ["Bearer hf_secret"]
    last = ledger[-1]
    assert (last.happened, last.host, last.path, last.actor) == ("ended", host, "/a/b", "ana@x.example")
    assert (last.status, last.received_bytes) == (200, 1000)
    assert "hf_secret" not in repr(ledger)


async def test_what_cannot_be_written_down_does_not_leave() -> None:
    """A full disk is no way around the ledger."""

    def full(_: Departure) -> None:
        raise OSError("no space left")

    async with serving() as (host, seen):
        egress = Egress([], full, inside=[host])
        with pytest.raises(EgressUnrecorded, match="no space left"):
            async with egress.session("models") as session, session.get(f"http://{host}/"):
                pass

    assert seen == []


async def test_a_token_stays_with_the_host_it_was_made_for() -> None:
    """A redirect to another host goes there without it."""
    async with (
        serving() as (there, seen_there),
        serving(location=f"http://{there}/file") as (here, seen_here),
    ):
        egress = Egress([], lambda _: None, inside=[here, there])
        async with (
            egress.session("models") as session,
            session.get(f"http://{here}/", secret="hf_secret") as answer,
        ):
            assert answer.status == 200

    assert (seen_here, seen_there) == (["Bearer hf_secret"], [""])


async def test_redirects_without_an_end_are_given_up() -> None:
    """After five."""
    async with serving(location="/again") as (host, seen):
        egress = Egress([], lambda _: None, inside=[host])
        with pytest.raises(EgressRefused, match="more than 5 redirects"):
            async with egress.session("models") as session, session.get(f"http://{host}/"):
                pass

    assert len(seen) == 6


async def test_a_post_follows_no_redirect() -> None:
    """Its body is for one address."""
    async with serving(location="/elsewhere") as (host, seen):
        egress = Egress([], lambda _: None, inside=[host])
        async with egress.session("models") as session, session.post(f"http://{host}/", b"{}") as answer:
            assert answer.status == 302

    assert len(seen) == 1
