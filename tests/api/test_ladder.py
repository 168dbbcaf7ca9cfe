"""Every rung of the ladder through HTTP: two engines, a smaller model and a cloud by TLS, taken away one by one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from appliance.bootstrap.ladder import LadderPlan
from appliance.domain.people import Caller
from appliance.fairness.admission import AppliedLimit
from appliance.fairness.breakers.settings import BreakerSettings
from appliance.fairness.ladder.settings import LadderSettings
from appliance.fairness.leaving.deciding import Decisions
from appliance.fairness.leaving.decisions import Decision, Facts
from appliance.fairness.leaving.port import NOTHING_LEAVES
from appliance.fairness.leaving.rules import Marks, Narrowing, Permission
from appliance.fairness.limits.policy import Policy
from appliance.fairness.settings import GateSettings
from appliance.pipelines.answer_with_sources import AnswerWithSources
from appliance.storage.database import Database
from appliance.storage.roles import DatabaseRole, url_as
from inference.egress import Departure, Egress
from inference.personal_data.patterns import PatternDetector
from inference.testing.fake_cloud import FakeCloud
from inference.testing.fake_engine import FakeEngine, Fault
from rag.analysis import Analyzer
from rag.quoter import Quoter
from tests.appliance.test_answer_with_sources import NoMeaning, OneBook
from tests.conftest import ROLE_SECRET, Servers
from tests.faults.observing import nothing_is_held, rows_of
from tests.gateway_harness import Gateway, engine_settings, person, running_gateway, until

KEY = "sk-fake-0123456789abcdefghij"
QUESTION = {"model": "big", "messages": [{"role": "user", "content": "How are you?"}]}
NEVER_AGAIN = BreakerSettings(pause_s=3600, longest_pause_s=3600)
ALONE = LadderSettings()
SMALLER = LadderSettings(smaller={"big": ["small"]})
DOWN = Permission("local_down", 30.0, redacts=False, by_name=False)
QUEUED = Permission("queue", 0.0, redacts=False, by_name=False)
BY_NAME = Permission("local_down", 30.0, redacts=False, by_name=True)


@dataclass
class Book:
    """A LeavingBook in memory: nothing is narrowed."""

    kept: list[Decision] = field(default_factory=list)

    async def facts(self, caller: Caller, _collections: Sequence[object]) -> Facts:
        return Facts(Narrowing(), caller.group_ids, Marks())

    async def narrowing(self) -> Narrowing:
        return Narrowing()

    async def keep(self, decisions: Sequence[Decision]) -> None:
        self.kept += decisions


class World:
    """The gateway, its engines, what was decided and what left."""

    def __init__(
        self,
        gateway: Gateway,
        engines: tuple[FakeEngine, FakeEngine, FakeEngine],
        cloud: FakeCloud,
        book: Book,
        ledger: list[Departure],
    ) -> None:
        self.gateway, self.cloud, self.book, self.ledger = gateway, cloud, book, ledger
        self.first, self.second, self.little = engines

    async def asked(self, *, model: str = "big", key: str = "ana", **more: Any) -> Answer:
        """One answer, to its end."""
        payload = {**QUESTION, "model": model, **more}
        async with self.gateway.post("chat/completions", payload, key) as response:
            return Answer(
                response.status,
                response.headers.get("x-served-by", ""),
                response.headers.get("x-answered-by-rung", ""),
                response.headers.get("retry-after"),
                await response.text(),
            )


@dataclass(frozen=True)
class Answer:
    """As a client sees it."""

    status: int
    served_by: str
    rung: str
    retry_after: str | None
    text: str

    @property
    def by(self) -> tuple[int, str, str]:
        return self.status, self.served_by, self.rung


Run = Callable[..., Any]


@pytest.fixture
def box(servers: Servers, valkey: Redis, owner_url: str, tmp_path: Path) -> Run:
    """Makes a world. permission: of the operator; None: nothing may leave."""

    @asynccontextmanager
    async def made(
        permission: Permission | None = None,
        ladder: LadderSettings = ALONE,
        *,
        cloud_slots: int = 4,
        **values: Any,
    ) -> AsyncIterator[World]:
        async with AsyncExitStack() as stack:
            first, second, little = [
                await stack.enter_async_context(FakeEngine([model])) for model in ("big", "big", "small")
            ]
            cloud = await stack.enter_async_context(
                FakeCloud("openai", ["gpt-4o-mini"], api_key=KEY, tls=True)
            )
            authority = tmp_path / "authority.pem"
            authority.write_bytes(cloud.ca_pem)
            ledger: list[Departure] = []
            settings = {
                "one": engine_settings(first.base_url, models=["big"], max_running=1),
                "two": engine_settings(second.base_url, models=["big"], max_running=1, fallback_only=True),
                "three": engine_settings(little.base_url, models=["small"]),
                "far": engine_settings(
                    cloud.base_url,
                    kind="cloud",
                    provider="openai",
                    api_key=KEY,
                    model_map={"big": "gpt-4o-mini"},
                    ca_file=str(authority),
                    max_running=cloud_slots,
                ),
            }
            book = Book()
            decisions = Decisions(
                permission or DOWN,
                book,
                PatternDetector(),
                names=lambda _model: (frozenset(), frozenset()),
                new_id=uuid4,
                now=lambda: datetime.now(UTC),
            )
            await decisions.open()
            stack.push_async_callback(decisions.close)
            leaving = NOTHING_LEAVES if permission is None else decisions
            values.setdefault("breaker", NEVER_AGAIN)
            gateway = await stack.enter_async_context(
                running_gateway(
                    settings,
                    valkey_url=servers.valkey.url,
                    database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
                    plan=LadderPlan(ladder, {}, leaving),
                    egress=Egress([], ledger.append, inside=[f"127.0.0.1:{cloud.port}"]),
                    **values,
                )
            )
            yield World(gateway, (first, second, little), cloud, book, ledger)

    return made


async def test_the_rungs_in_their_order_as_one_after_the_other_goes_away(
    box: Run, database: Database
) -> None:
    """The model, the same elsewhere, a smaller one, a cloud, a sentence; each request is one row with its rung."""
    async with box(DOWN, SMALLER) as world:
        answers = [await world.asked()]
        await world.first.stop()
        answers.append(await world.asked())
        await world.second.stop()
        answers.append(await world.asked())
        await world.little.stop()
        answers.append(await world.asked())
        world.cloud.behaviour.fault = Fault.HTTP_500
        answers.append(await world.asked())
        rows = await rows_of(database, count=5)

    assert [answer.by for answer in answers] == [
        (200, "local:one", "same"),
        (200, "local:two", "elsewhere"),
        (200, "local:three", "smaller"),
        (200, "cloud:far", "cloud"),
        (503, "", ""),
    ]
    assert [(row["engine"], row["rung"], row["status"]) for row in rows[:4]] == [
        ("one", "same", "completed"),
        ("two", "elsewhere", "completed"),
        ("three", "smaller", "completed"),
        ("far", "cloud", "completed"),
    ]
    assert (rows[4]["status"], len(rows)) == ("failed", 5)
    assert [decision.code for decision in world.book.kept] == ["leaves", "leaves"]
    assert {line.decision for line in world.ledger} == {str(decision.id) for decision in world.book.kept}


async def test_by_default_nothing_leaves_and_no_other_model_answers(box: Run) -> None:
    """Both engines gone: a clear refusal, and the cloud has not seen a byte."""
    async with box() as world:
        await world.first.stop()
        await world.second.stop()
        answer = await world.asked()

        assert answer.status == 503
        assert (world.cloud.requests, world.ledger, world.book.kept) == ([], [], [])
        assert not world.little.requests


@pytest.mark.parametrize(
    ("key", "more"),
    [
        ("strict", {}),
        ("ana", {"response_format": {"type": "json_object"}}),
        ("ana", {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]}),
    ],
    ids=["says-no", "json", "tools"],
)
async def test_a_smaller_model_answers_only_whom_it_may_and_what_it_can(
    box: Run, key: str, more: dict[str, Any]
) -> None:
    """Whoever says no waits for the model that was asked for, and so does whoever needs more than it can do."""
    async with box(None, SMALLER) as world:
        await world.first.stop()
        await world.second.stop()
        world.gateway.identity.callers["strict"] = replace(person("strict"), allows_smaller=False)
        answer = await world.asked(key=key, **more)

        assert answer.status == 503
        assert not any(
            request.payload.get("messages") == QUESTION["messages"] for request in world.little.requests
        )


async def test_climbing_is_one_request_of_its_person(box: Run) -> None:
    """However many rungs it took: the limit of one a minute lets it through, and refuses the next one."""
    limit = AppliedLimit("user:ana", "requests_per_minute", 1)

    class OneAMinute(Policy):
        def limits_for(self, caller: Caller, *models: str) -> tuple[AppliedLimit, ...]:
            return (limit,)

    async with box(None, SMALLER, policy=OneAMinute()) as world:
        await world.first.stop()
        await world.second.stop()
        answers = [await world.asked(), await world.asked()]

    assert [answer.by for answer in answers] == [(200, "local:three", "smaller"), (429, "", "")]


async def test_who_waits_sees_what_is_tried(box: Run) -> None:
    """Comments of the stream, and who answers by which rung."""
    async with box(None, SMALLER, settings=GateSettings(comment_after_s=0)) as world:
        await world.first.stop()
        await world.second.stop()
        answer = await world.asked(stream=True)

    assert answer.status == 200
    assert ": trying smaller\n\n" in answer.text
    assert ": served-by local:three rung=smaller\n\n" in answer.text
    assert answer.text.endswith("data: [DONE]\n\n")


# the line is too long ---------------------------------------------------------------------------------------


async def _both_taken(world: World) -> list[asyncio.Task[Answer]]:
    """Both slots of the box are held until the engines go on."""
    for engine in (world.first, world.second):
        engine.behaviour.go_on = asyncio.Event()
    running = [asyncio.create_task(world.asked()) for _ in range(2)]
    await until(lambda: world.gateway.room.gate.leases.requests.running["one"] == 1)
    await until(lambda: world.gateway.room.gate.leases.requests.running["two"] == 1)
    return running


def _let_go(world: World) -> None:
    for engine in (world.first, world.second):
        assert engine.behaviour.go_on is not None
        engine.behaviour.go_on.set()


async def test_a_line_that_is_too_long_leads_to_a_free_slot_of_the_cloud(
    box: Run, database: Database
) -> None:
    """The place here is given up for it, and the request is one row."""
    async with box(QUEUED) as world:
        running = await _both_taken(world)
        answer = await world.asked()
        assert world.gateway.room.gate.leases.requests.waiting == 0
        _let_go(world)
        await asyncio.gather(*running)
        rows = await rows_of(database, count=3)

    assert answer.by == (200, "cloud:far", "cloud")
    assert sorted(row["engine"] for row in rows) == ["far", "one", "two"]
    assert [(decision.reason, decision.leaves) for decision in world.book.kept] == [("queue", True)]


async def test_without_a_free_slot_there_the_place_is_kept(box: Run) -> None:
    """A full cloud costs nobody the turn: who waits is answered here."""
    async with box(QUEUED, cloud_slots=1) as world:
        running = await _both_taken(world)
        world.cloud.behaviour.go_on = asyncio.Event()
        at_the_cloud = asyncio.create_task(world.asked())
        await until(lambda: world.gateway.room.gate.leases.requests.running["far"] == 1)
        waiting = asyncio.create_task(world.asked())
        await until(lambda: len(world.book.kept) == 2)
        assert world.gateway.room.gate.leases.requests.waiting == 1

        _let_go(world)
        answers = await asyncio.gather(*running, waiting)
        world.cloud.behaviour.go_on.set()

        assert [answer.status for answer in answers] == [200, 200, 200]
        assert answers[2].served_by in ("local:one", "local:two")
        assert (await at_the_cloud).by == (200, "cloud:far", "cloud")


async def test_who_crossed_in_vain_is_answered_here(box: Run) -> None:
    """The cloud took the slot and failed: back into the line of the box, which still works."""
    async with box(QUEUED) as world:
        world.cloud.behaviour.fault = Fault.HTTP_500
        running = await _both_taken(world)
        waiting = asyncio.create_task(world.asked())
        await world.cloud.until(lambda cloud: len(cloud.requests) == 1)
        await until(lambda: world.gateway.room.gate.leases.requests.waiting == 1)
        _let_go(world)
        answers = await asyncio.gather(*running, waiting)
        await nothing_is_held(world.gateway)

    assert [answer.status for answer in answers] == [200, 200, 200]
    assert answers[2].served_by.startswith("local:")


async def test_who_leaves_on_any_rung_leaves_nothing_behind(box: Run, database: Database) -> None:
    """In the line, and while the cloud is asked."""
    async with box(QUEUED, cloud_slots=1) as world:
        running = await _both_taken(world)
        world.cloud.behaviour.go_on = asyncio.Event()
        at_the_cloud = asyncio.create_task(world.asked(stream=True))
        await until(lambda: world.gateway.room.gate.leases.requests.running["far"] == 1)
        waiting = asyncio.create_task(world.asked(stream=True))
        await until(lambda: world.gateway.room.gate.leases.requests.waiting == 1)
        at_the_cloud.cancel()
        waiting.cancel()
        await asyncio.gather(at_the_cloud, waiting, return_exceptions=True)
        await until(lambda: world.gateway.room.gate.leases.requests.waiting == 0)
        await until(lambda: world.gateway.room.gate.leases.requests.running["far"] == 0)
        _let_go(world)
        await asyncio.gather(*running)
        rows = await rows_of(database, count=4)
        await nothing_is_held(world.gateway)

    assert sorted(row["status"] for row in rows) == ["client_gone", "client_gone", "completed", "completed"]


# the documents' own words -----------------------------------------------------------------------------------


async def test_documents_speak_where_no_model_does(box: Run, database: Database) -> None:
    """The engines fail in the middle of a pipeline, and nothing may leave: its answer is quoted, and says so."""
    analyzer = Analyzer(("en", "es"))
    pipelines = {AnswerWithSources.name: AnswerWithSources(Quoter(NoMeaning(), analyzer), analyzer)}
    async with box(None, pipelines=pipelines, search=OneBook()) as world:
        for engine in (world.first, world.second, world.little):
            engine.behaviour.fault = Fault.HTTP_500
        messages = [{"role": "user", "content": "How many days of holiday does an employee have?"}]
        answer = await world.asked(model=AnswerWithSources.name, messages=messages)
        rows = await rows_of(database, count=2)

    assert answer.by == (200, "local:documents", "quoted")
    assert "Every employee has 23 working days of holiday a year." in answer.text
    assert '"rung":"quoted"' in answer.text
    assert [(row["rung"], row["status"]) for row in rows if row["part_of"] is None] == [
        ("quoted", "completed")
    ]


# by name, and when nothing is left --------------------------------------------------------------------------


async def test_a_cloud_s_own_model_is_asked_for_where_that_is_allowed(box: Run) -> None:
    """Its only rung is the cloud; it is offered, and its price and permit are like those of any call that leaves."""
    async with box(BY_NAME) as world:
        answer = await world.asked(model="gpt-4o-mini")

    assert answer.by == (200, "cloud:far", "cloud")
    assert [decision.reason for decision in world.book.kept] == ["asked_for"]


@pytest.mark.parametrize("permission", [None, DOWN], ids=["never", "stands-in-only"])
async def test_a_cloud_s_own_model_is_unknown_where_it_is_not(
    box: Run, permission: Permission | None
) -> None:
    """As if it were not there."""
    async with box(permission) as world:
        answer = await world.asked(model="gpt-4o-mini")

        assert (answer.status, '"code":"model_not_found"' in answer.text) == (404, True)
        assert not world.cloud.requests


async def test_what_names_somebody_stays_and_says_so(box: Run) -> None:
    """A cloud's model by its name, and personal data in the question: 403, with the rule and none of the words."""
    async with box(BY_NAME) as world:
        messages = [{"role": "user", "content": "Write to jane.doe@example.org about 4111 1111 1111 1111."}]
        answer = await world.asked(model="gpt-4o-mini", messages=messages)

        assert (answer.status, '"code":"stays_on_box"' in answer.text) == (403, True)
        assert "jane" not in answer.text
        assert not world.cloud.requests


async def test_the_last_rung_says_when_to_come_back(box: Run) -> None:
    """All circuits are open: when the first one is asked again is known."""
    async with box(breaker=BreakerSettings(failures_in_a_row=1, pause_s=30, longest_pause_s=30)) as world:
        for engine in (world.first, world.second):
            engine.behaviour.fault = Fault.HTTP_500
        breakers = world.gateway.room.circuits.breakers
        await world.asked()
        await until(lambda: not breakers.is_closed("one", "big") and not breakers.is_closed("two", "big"))
        answer = await world.asked()

    assert answer.status == 503
    assert '"code":"engine_back_soon"' in answer.text
    assert answer.retry_after is not None and 1 <= int(answer.retry_after) <= 60
