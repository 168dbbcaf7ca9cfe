"""The ways to tool servers: what goes outside stands in the ledger to the byte, and no name leads where none may be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from appliance.bootstrap.egress import WayOut
from appliance.bootstrap.tool_strangers import KnownStrangers, _NotTheLink
from appliance.domain.origins import OWN_WORDS, of_collection, of_conversation, of_source, of_tool
from appliance.domain.people import Caller
from appliance.domain.tools import ToolServer
from appliance.errors import InvalidRequest, PartUnavailable
from appliance.fairness.leaving.decisions import Facts
from appliance.fairness.leaving.rules import Marks, Narrowing
from appliance.services.tools.settings import ToolSettings
from appliance.services.tools.staying import texts_of, why_stay
from inference.egress import Departure
from inference.egress.resolving import AddressRefused
from inference.egress.settings import EgressSettings
from inference.errors import EgressRefused, EgressStopped, ToolServerBroken
from inference.testing.fake_mcp_server import FakeMcpServer, Trouble
from tests.waiting import until


class Stop:
    """A switch in memory."""

    why = ""

    def stopped(self) -> str:
        return self.why


@asynccontextmanager
async def ways(
    folder: Path, server: FakeMcpServer
) -> AsyncIterator[tuple[KnownStrangers, ToolServer, list[Departure], Stop]]:
    """To a server that counts as one outside, though the operator let it lie here."""
    lines, stop = list[Departure](), Stop()
    port = server.url.split(":")[2].split("/")[0]
    settings = EgressSettings(inside=[f"127.0.0.1:{port}"])
    out = WayOut(settings, folder, lines.append, stop)  # type: ignore[arg-type]
    secret = folder / "crm.key"
    secret.write_text("Bearer s3cret\n")
    secret.chmod(0o600)
    known = KnownStrangers(out, ToolSettings(), folder)
    yield (
        known,
        ToolServer(uuid4(), "crm", server.url, True, header_files={"authorization": "crm.key"}),
        lines,
        stop,
    )


async def test_what_goes_outside_stands_in_the_ledger_to_the_byte(tmp_path: Path) -> None:
    """Each request begins and ends there, with its size, its hash, who and why; the secret goes there alone."""
    async with FakeMcpServer() as server, ways(tmp_path, server) as (known, there, lines, stop):
        await known.call(there, "echo", {"text": "hola"}, "ana@example.com", "call-1")
        began = [line for line in lines if line.happened == "began"]
        ended = [line for line in lines if line.happened == "ended"]
        assert len(began) == len(ended) == len(server.requests)
        assert sorted(line.sent_bytes for line in began) == sorted(len(one.body) for one in server.requests)
        assert {line.purpose for line in lines} == {"tools"} and {line.actor for line in lines} == {
            "ana@example.com"
        }
        assert {line.decision for line in lines} == {"call-1"} and "crm.echo" in lines[0].why
        assert all(one.headers["authorization"] == "Bearer s3cret" for one in server.requests)
        assert "s3cret" not in repr(lines)
        stop.why = "stopped for a test"
        count = len(server.requests)
        with pytest.raises(EgressStopped):
            await known.call(there, "echo", {"text": "hola"}, "ana@example.com", "call-2")
        assert len(server.requests) == count


async def test_the_stop_switch_cuts_a_call_that_runs(tmp_path: Path) -> None:
    """A server that is still at it hears no more of us."""
    async with FakeMcpServer() as server, ways(tmp_path, server) as (known, there, _, stop):
        server.held.clear()
        call = asyncio.create_task(known.call(there, "echo", {"text": "x"}, "ana@example.com", "c"))
        await until(lambda: bool(server.calls))
        stop.why = "stopped for a test"
        with pytest.raises(EgressStopped):
            await call
        await until(lambda: server.is_gone == 1)


async def test_a_hostile_answer_outside_is_bounded_and_written_down(tmp_path: Path) -> None:
    """Endless notifications: cut, and the ledger says how much came."""
    async with (
        FakeMcpServer(trouble=Trouble.ENDLESS, period_s=0.0) as server,
        ways(tmp_path, server) as world,
    ):
        known, there, lines, _ = world
        with pytest.raises(ToolServerBroken):
            await known.call(there, "echo", {"text": "x"}, "ana@example.com", "c")
        await until(lambda: len([line for line in lines if line.happened == "ended"]) == len(server.requests))
        assert max(line.received_bytes for line in lines) < 4 * 2**20


async def test_where_a_server_may_be(tmp_path: Path) -> None:
    """Not at addresses of the link; outside only as a host that the operator named, by https; a file is its own's."""
    out = WayOut(EgressSettings(), tmp_path, print, Stop())  # type: ignore[arg-type]
    known = KnownStrangers(out, ToolSettings(hosts=["93.184.216.34"]), tmp_path)
    assert await known.lies_outside("https://93.184.216.34/mcp") is True
    assert await known.lies_outside("http://10.1.2.3/mcp") is False
    for url in (
        "http://169.254.169.254/mcp",
        "http://[fe80::1]/mcp",
        "http://[::ffff:169.254.169.254]/mcp",
        "http://0.0.0.0/mcp",
        "http://93.184.216.34/mcp",
        "https://93.184.216.35/mcp",
    ):
        with pytest.raises(InvalidRequest):
            await known.lies_outside(url)
    moved = ToolServer(uuid4(), "crm", "http://93.184.216.34/mcp", is_outside=False)
    with pytest.raises(EgressRefused):
        await known.listed(moved, "root@example.com")
    (tmp_path / "open.key").write_text("x")
    (tmp_path / "open.key").chmod(0o644)
    for file in ("open.key", "missing.key"):
        with pytest.raises(PartUnavailable):
            await known.listed(
                ToolServer(uuid4(), "crm", "http://10.1.2.3/mcp", False, header_files={"x": file}), "root"
            )


class Leads(AbstractResolver):
    """Every name to one address."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def resolve(self, host: str, port: int = 0, family: object = None) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host=self._address, port=port, family=2, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("address", ["169.254.169.254", "127.0.0.1", "0.0.0.0", "fe80::1", "224.0.0.1"])
async def test_a_name_does_not_lead_to_this_machine_or_the_link(address: str) -> None:
    """Whatever the name service of somebody else says."""
    with pytest.raises(AddressRefused):
        await _NotTheLink(Leads(address)).resolve("tools.company.local", 80)
    assert await _NotTheLink(Leads("10.1.2.3")).resolve("tools.company.local", 80)
    assert await _NotTheLink(Leads("127.0.0.1")).resolve("localhost", 80)


def test_what_may_be_told_to_whom() -> None:
    """Outside: own words and marked documents alone. Inside: own words, until it is let see documents."""
    marked, other, source, server_id = uuid4(), uuid4(), uuid4(), uuid4()
    ana = Caller(uuid4(), "ana@example.com")
    facts = Facts(Narrowing(), frozenset(), Marks(frozenset({marked})))
    outside = ToolServer(server_id, "crm", "https://mcp.example.com", True)
    inside = ToolServer(server_id, "crm", "http://10.1.2.3", False)
    sees = ToolServer(server_id, "crm", "http://10.1.2.3", False, sees_documents=True)
    told = {of_conversation(uuid4()), of_tool(server_id)}
    for origins, to_outside, to_inside in (
        (OWN_WORDS, None, None),
        (frozenset(told), None, None),
        (frozenset({of_collection(marked)}), None, "made_from_documents"),
        (frozenset({of_collection(other)}), "document_stays", "made_from_documents"),
        (frozenset({of_source(source)}), "unknown_origins", "unknown_origins"),
        (frozenset({of_tool(uuid4())}), "unknown_origins", "unknown_origins"),
        (None, "unknown_origins", "unknown_origins"),
    ):
        assert why_stay(outside, ana, origins, facts) == to_outside
        assert why_stay(inside, ana, origins, None) == to_inside
        assert why_stay(sees, ana, origins, None) is None
    stays = Caller(ana.user_id, ana.email, stays_local=True)
    assert why_stay(outside, stays, OWN_WORDS, facts) == "asked_to_stay"
    for narrowing in (Narrowing(stays=frozenset({ana.user_id})), Narrowing(only_people=frozenset({uuid4()}))):
        narrow = Facts(narrowing, frozenset(), Marks())
        assert why_stay(outside, ana, OWN_WORDS, narrow) == "person_stays"
    assert set(texts_of({"a": ["b", {"c": 612345678}], "d": True})) == {"a", "b", "c", "612345678", "d"}
