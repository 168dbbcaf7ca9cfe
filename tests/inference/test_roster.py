"""Who serves which model, and what happens when somebody does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.engines.connections import Connections
from inference.engines.vllm import VllmEngine
from inference.errors import ModelNotFound
from inference.roster import Membership, Roster, cloud_routes_for, offered_models, routes_for
from inference.settings import VllmSettings
from inference.testing.fake_engine import FakeEngine
from inference.types import EngineState, ModelInfo


def state(name: str, *models: str, is_healthy: bool = True, context: int | None = None) -> EngineState:
    """An engine as the roster sees it."""
    served = tuple(ModelInfo(model, context_tokens=context) for model in models)
    return EngineState(name, "vllm", is_healthy, served)


@pytest.fixture
async def connections() -> AsyncIterator[Connections]:
    """Closed after the test."""
    opened = Connections()
    yield opened
    await opened.close()


def member(
    name: str, server: FakeEngine, connections: Connections, *, is_fallback: bool = False
) -> Membership:
    """A stand-in on the roster."""
    settings = VllmSettings(engine="vllm", base_url=server.base_url, probe_timeout_s=30)
    return Membership(VllmEngine(name, settings, connections), "vllm", server.base_url, is_fallback)


def test_healthy_engines_come_first_and_fallbacks_after_their_equals() -> None:
    """The order is the operator's, but nobody is sent to a dead engine while another lives."""
    states = [
        state("down", "m", is_healthy=False),
        state("spare", "m"),
        state("first", "m"),
        state("second", "m"),
    ]

    routes = routes_for("m", states, {}, frozenset({"spare"}))

    assert [route.engine_name for route in routes] == ["first", "second", "spare", "down"]


def test_an_alias_leads_to_the_engine_s_own_name() -> None:
    """`gpt-4o-mini` in a client's configuration reaches the model of the house."""
    routes = routes_for("gpt-4o-mini", [state("a", "llama")], {"gpt-4o-mini": "llama"})

    assert [(route.engine_name, route.model) for route in routes] == [("a", "llama")]


def test_an_unknown_model_lists_the_known_ones() -> None:
    """The sentence says what there is and how to add one."""
    with pytest.raises(ModelNotFound, match=r"Known: llama, fast\..*\[engines\.NAME\]") as missing:
        routes_for("nope", [state("a", "llama")], {"fast": "llama", "dead": "gone"})

    assert missing.value.known == ("llama", "fast")


def test_a_model_on_two_engines_has_the_smaller_context() -> None:
    """A prompt has to fit whichever of them answers."""
    states = [state("a", "m", context=8192), state("b", "m", context=4096), state("c", "m")]

    assert offered_models(states, {"x": "m"}) == [
        ModelInfo("m", context_tokens=4096),
        ModelInfo("x", context_tokens=4096),
    ]


NAMES = st.sampled_from(["m1", "m2", "m3"])
STATES = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.frozensets(NAMES), st.booleans()),
    max_size=6,
    unique_by=lambda row: row[0],
)


@given(STATES, st.frozensets(st.sampled_from("abcdef")), st.dictionaries(st.sampled_from(["x", "y"]), NAMES))
def test_what_is_offered_is_what_can_be_asked_for(
    rows: Sequence[tuple[str, frozenset[str], bool]], fallbacks: frozenset[str], aliases: dict[str, str]
) -> None:
    """Every offered name has a route to every engine that serves it, and nothing else has one."""
    states = [state(name, *sorted(models), is_healthy=is_healthy) for name, models, is_healthy in rows]
    offered = {model.id for model in offered_models(states, aliases)}

    for name in ("m1", "m2", "m3", "x", "y"):
        if name not in offered:
            with pytest.raises(ModelNotFound):
                routes_for(name, states, aliases, fallbacks)
            continue
        routes = routes_for(name, states, aliases, fallbacks)
        serving = {row[0] for row in rows if aliases.get(name, name) in row[1]}
        assert {route.engine_name for route in routes} == serving
        healths = [next(row[2] for row in rows if row[0] == route.engine_name) for route in routes]
        assert healths == sorted(healths, reverse=True)


async def test_no_engine_is_a_normal_state() -> None:
    """A box without a language model lists nothing and says so, without an error of its own."""
    roster = Roster([])
    await roster.refresh()

    assert roster.models() == []
    assert roster.states() == []
    with pytest.raises(ModelNotFound, match="Known: none"):
        roster.resolve("llama")


async def test_an_engine_that_goes_keeps_its_models_and_says_why(connections: Connections) -> None:
    """People see which model is away and why, and the way back needs nobody."""
    changes: list[list[EngineState]] = []
    async with FakeEngine(["m"], context_tokens=1000) as server:
        roster = Roster(
            [member("a", server, connections)], {"x": "m"}, on_change=lambda new: changes.append(list(new))
        )
        await roster.refresh()
        assert (roster.context_tokens("x"), roster.states()[0].is_healthy) == (1000, True)

        await server.stop()
        await roster.refresh()
        (down,) = roster.states()
        assert not down.is_healthy
        assert str(server.port) in down.reason
        assert [engine.name for engine, _ in roster.resolve("x")] == ["a"]

        await server.start()
        await roster.refresh()
        await roster.refresh()

    assert roster.states()[0].is_healthy
    assert [now[0].is_healthy for now in changes] == [True, False, True]


async def test_one_slow_engine_does_not_keep_the_others_waiting(
    connections: Connections, unused_tcp_port: int
) -> None:
    """All are asked at once, and whoever answers is known."""
    async with FakeEngine(["m"]) as server:
        settings = VllmSettings(engine="vllm", base_url=f"http://127.0.0.1:{unused_tcp_port}/v1")
        off = Membership(VllmEngine("off", settings, connections), "vllm")
        roster = Roster([off, member("on", server, connections)])

        await roster.refresh()

    assert [(now.name, now.is_healthy) for now in roster.states()] == [("off", False), ("on", True)]


async def test_it_keeps_itself_fresh_in_the_background(connections: Connections) -> None:
    """A model that is loaded later appears without a restart."""
    seen = asyncio.Event()
    async with FakeEngine(["m"]) as server:
        roster = Roster(
            [member("a", server, connections)],
            refresh_s=0.001,
            on_change=lambda new: seen.set() if len(new[0].models) == 2 else None,
        )
        task = asyncio.create_task(roster.run())
        server.models.append("later")

        await asyncio.wait_for(seen.wait(), 60)
        task.cancel()

    assert [model.id for model in roster.models()] == ["m", "later"]


async def test_an_engine_that_is_doubted_is_looked_at_at_once(connections: Connections) -> None:
    """A request that could not reach it need not wait for the next refresh to be believed; nobody waits for that."""
    seen = asyncio.Event()
    async with FakeEngine(["m"]) as server:
        roster = Roster(
            [member("a", server, connections)],
            refresh_s=3600,
            on_change=lambda new: seen.set() if not new[0].is_healthy else None,
        )
        await roster.refresh()
        await server.stop()
        version = roster.version

        for _ in range(20):
            roster.doubt("a")
        roster.doubt("nobody")
        await asyncio.wait_for(seen.wait(), 60)

    assert roster.version == version + 1
    assert not roster.states()[0].is_healthy


async def test_an_engine_that_is_doubted_without_reason_stays(connections: Connections) -> None:
    """One connection that broke off is not an engine that is down."""
    async with FakeEngine(["m"]) as server:
        roster = Roster([member("a", server, connections)], refresh_s=3600)
        await roster.refresh()
        version = roster.version

        roster.doubt("a")
        await asyncio.gather(*roster._doubted.values())

    assert roster.states()[0].is_healthy and roster.version == version


def cloud(name: str, theirs: str, *, instead_of: str = "", is_healthy: bool = True) -> EngineState:
    """A cloud as the roster sees it."""
    pairs = ((instead_of, theirs),) if instead_of else ()
    models = (ModelInfo(theirs),)
    return EngineState(name, "cloud", is_healthy, models, is_cloud=True, stands_in_for=pairs)


def test_no_ordinary_route_leads_to_a_cloud() -> None:
    """Whoever asks for a model by its name stays on the box, even where a cloud has one of that very name."""
    states = [cloud("far", "m"), state("near", "m")]

    assert [route.engine_name for route in routes_for("m", states, {})] == ["near"]
    with pytest.raises(ModelNotFound):
        routes_for("m", states[:1], {})


def test_a_cloud_is_found_by_the_model_it_stands_in_for() -> None:
    """The route carries the cloud's own name; a name of the box's own never leads out by itself."""
    states = [
        cloud("ill", "big", instead_of="llama", is_healthy=False),
        cloud("well", "mini", instead_of="llama"),
    ]

    routes = cloud_routes_for("fast", states, {"fast": "llama"})

    assert [(route.engine_name, route.model) for route in routes] == [("well", "mini"), ("ill", "big")]
    assert [route.engine_name for route in cloud_routes_for("big", states, {})] == ["ill"]
    with pytest.raises(ModelNotFound):
        cloud_routes_for("mini", states, {"mini": "kept"})


def test_models_of_clouds_are_offered_only_where_somebody_may_use_them() -> None:
    """A list of models that nobody may ask would only make people try."""
    states = [cloud("far", "mini", instead_of="llama"), state("near", "llama")]

    assert [model.id for model in offered_models(states, {"x": "mini"})] == ["llama"]
    offered = offered_models(states, {"x": "mini"}, offers_cloud=True)
    assert [model.id for model in offered] == ["llama", "mini", "x"]
