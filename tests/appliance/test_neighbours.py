"""Engines and embedders are servers of the own network: what is not is told at the start, or on connecting."""

from __future__ import annotations

import socket
from pathlib import Path

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from appliance.bootstrap.box import open_box
from appliance.bootstrap.inference import build_inference, read_engine_settings
from appliance.bootstrap.neighbours import require_neighbours
from appliance.errors import StartupError
from inference.egress import Neighbours
from inference.egress.hosts import AllowList
from inference.egress.neighbours import NeighbourResolver
from inference.egress.resolving import AddressRefused, address_refused

PUBLIC = "http://93.184.215.14:8000/v1"


def started_with(data: Path, toml: str) -> None:
    """As the start looks at it."""
    data.mkdir(exist_ok=True)
    (data / "appliance.toml").write_text(toml, encoding="utf-8")
    require_neighbours(open_box(data))


@pytest.mark.parametrize("kind", ["vllm", "ollama", "openai_compatible", "llama_cpp"])
def test_an_engine_of_the_internet_is_an_error_that_names_both_remedies(tmp_path: Path, kind: str) -> None:
    """Nobody finds out by a bill that questions went elsewhere."""
    with pytest.raises(StartupError) as told:
        started_with(tmp_path / "data", f'[engines.far]\nengine = "{kind}"\nbase_url = "{PUBLIC}"\n')

    for part in ("[engines.far]", PUBLIC, 'engine = "cloud"', 'egress.inside = ["93.184.215.14:8000"]'):
        assert part in str(told.value)


def test_an_embedder_of_the_internet_is_one_too(tmp_path: Path) -> None:
    """It would be sent every passage."""
    section = f'[embedding]\nsource = "engine"\nmodel = "m"\nbase_url = "{PUBLIC}"\n'

    with pytest.raises(StartupError, match=r"\[embedding\].*egress\.inside"):
        started_with(tmp_path / "data", section)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.1.9", "172.16.4.4", "100.64.3.2", "[fd00::7]", "localhost"],
)
def test_private_networks_are_no_way_out(tmp_path: Path, address: str) -> None:
    """Whatever they are called: RFC 1918, shared address space, unique local addresses."""
    started_with(
        tmp_path / "data", f'[engines.near]\nengine = "vllm"\nbase_url = "http://{address}:8000/v1"\n'
    )


def test_a_company_s_own_public_address_is_named_as_inside(tmp_path: Path) -> None:
    """The remedy of the error, word by word."""
    started_with(
        tmp_path / "data",
        f'[egress]\ninside = ["93.184.215.14:8000"]\n[engines.far]\nengine = "vllm"\nbase_url = "{PUBLIC}"\n',
    )


def test_a_cloud_may_have_any_address(tmp_path: Path) -> None:
    """It is the one engine that is meant to be elsewhere."""
    started_with(
        tmp_path / "data",
        '[engines.far]\nengine = "cloud"\nprovider = "openai"\napi_key = "k"\n'
        'model_map = { "llama" = "gpt-4o-mini" }\n',
    )


def test_engines_are_not_built_around_the_check(tmp_path: Path) -> None:
    """The doctor builds them too, on a box that does not start."""
    tables = {"far": {"engine": "vllm", "base_url": PUBLIC}}

    with pytest.raises(StartupError, match=r"engines\.far"):
        build_inference(read_engine_settings(tables, lambda name: tmp_path / name), {})


class Names(AbstractResolver):
    """Every name leads to these."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=one, port=port, family=family, proto=0, flags=0)
            for one in self._addresses
        ]

    async def close(self) -> None:
        """Nothing is open."""


async def test_a_name_that_leads_to_the_internet_is_not_connected_to() -> None:
    """Looked at with the answer that the connection uses: the name may have led elsewhere at the start."""
    resolver = NeighbourResolver(AllowList([]), Names("93.184.215.14"))
    connector = aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False)

    async with aiohttp.ClientSession(connector=connector) as session:
        with pytest.raises(aiohttp.ClientConnectorError) as told:
            await session.get("http://vllm.company.example:8000/")

    assert isinstance(address_refused(told.value), AddressRefused)


async def test_of_several_addresses_those_of_the_own_network_are_used() -> None:
    """A machine may have one of each."""
    resolver = NeighbourResolver(AllowList([]), Names("93.184.215.14", "10.0.0.7"))

    found = await resolver.resolve("vllm.company.example", 8000)

    assert [one["host"] for one in found] == ["10.0.0.7"]


def test_what_nobody_knows_may_lead_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """No record, no sending: a doubt counts as leaving."""

    def unknown(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "nobody knows it")

    monkeypatch.setattr("inference.egress.neighbours.socket.getaddrinfo", unknown)
    assert Neighbours().leads_out("https://no-such-name.invalid/")
    assert not Neighbours(["no-such-name.invalid"]).leads_out("https://no-such-name.invalid/")
    assert not Neighbours().leads_out("http://10.0.0.7:4318/v1/traces")
