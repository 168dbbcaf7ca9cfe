"""Turns on real PostgreSQL and Valkey: an answer is written whoever reads, and survives its neighbours' absence."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from redis.asyncio import Redis

from appliance import telemetry
from appliance.domain.answers import (
    QUESTION_READ,
    Figures,
    Finished,
    Reasoned,
    TextDelta,
    TurnEvent,
    TurnStatus,
)
from appliance.domain.origins import Origins
from appliance.domain.people import Caller, Viewer
from appliance.errors import PartUnavailable
from appliance.services.turns import NewTurn, Turns, as_state
from appliance.storage.conversations import PostgresConversations
from appliance.storage.database import Database
from appliance.storage.turn_log import ValkeyTurnLog
from appliance.storage.turns import PostgresTurns
from tests.page_box import ScriptedAnswerer

ANA = Caller(uuid4(), "ana@example.org")
END = Finished("written", model="tiny")


def _turns(database: Database, valkey: Redis, answerer: ScriptedAnswerer) -> Turns:
    return _written_by(PostgresTurns(database), ValkeyTurnLog(valkey), answerer, database)


def _written_by(
    repository: PostgresTurns, log: ValkeyTurnLog, answerer: ScriptedAnswerer, database: Database
) -> Turns:
    return Turns(repository, PostgresConversations(database), log, answerer)


async def _all(turns: Turns, turn_id: UUID, after: int = 0, caller: Caller = ANA) -> list[TurnEvent]:
    async with asyncio.timeout(60):
        return [event async for event in await turns.follow(caller, turn_id, after) if event is not None]


def _script(*steps: Any) -> ScriptedAnswerer:
    return ScriptedAnswerer(lambda _request: steps)


class _AbsentLog(ValkeyTurnLog):
    """A Valkey that does not answer while `is_absent`, and then has lost what it was told before."""

    def __init__(self, valkey: Redis) -> None:
        super().__init__(valkey)
        self.is_absent = False
        self.was_asked_in_vain = asyncio.Event()

    async def append(
        self, turn_id: UUID, events: Sequence[TurnEvent], text: bytes = b"", offset: int = 0
    ) -> None:
        if self.is_absent:
            self.was_asked_in_vain.set()
        self._refuse()
        await super().append(turn_id, events, text, offset)

    async def read(self, turn_id: UUID, after: int, wait_s: float) -> list[TurnEvent]:
        self._refuse()
        return await super().read(turn_id, after, 0.05)

    async def renew_lease(self, turn_id: UUID) -> bool:
        self._refuse()
        return await super().renew_lease(turn_id)

    def _refuse(self) -> None:
        if self.is_absent:
            raise PartUnavailable


class _AbsentRepository(PostgresTurns):
    """A PostgreSQL that refuses the first `refusals` times an end is to be written."""

    refusals = 2

    async def finish(
        self,
        viewer: Viewer,
        turn_id: UUID,
        status: TurnStatus,
        answer: str | None,
        events: Sequence[TurnEvent],
        trace: Mapping[str, Any] | None = None,
        figures: Figures | None = None,
        origins: Origins = None,
    ) -> None:
        if self.refusals:
            self.refusals -= 1
            raise PartUnavailable
        await super().finish(viewer, turn_id, status, answer, events, trace, figures, origins)


async def test_an_answer_ends_with_done_and_its_blocks(database: Database, valkey: Redis) -> None:
    """A page that follows from the beginning can draw the whole answer."""
    turns = _turns(
        database, valkey, _script(TextDelta("One.\n\nTw"), TextDelta("o **bold**.\n\nThree\n"), END)
    )

    turn = await turns.begin(ANA, NewTurn("Why?", "tiny"))
    events = await _all(turns, turn.id)

    assert [event.seq for event in events] == sorted({event.seq for event in events})
    assert events[-1].kind == "done"
    assert as_state(events)["blocks"] == [
        "<p>One.</p>\n",
        "<p>Two <strong>bold</strong>.</p>\n",
        "<p>Three</p>\n",
    ]


async def test_what_a_model_thinks_is_shown_and_is_no_part_of_its_answer(
    database: Database, valkey: Redis
) -> None:
    """Thoughts stand before the answer, with their time; what is kept and remembered is the answer alone."""
    answerer = _script(Reasoned("Two *and*"), Reasoned(" two."), TextDelta("\n\nFour."), Finished("written"))
    turns = _turns(database, valkey, answerer)

    turn = await turns.begin(ANA, NewTurn("2+2?", "m"))
    events = await _all(turns, turn.id)

    blocks = as_state(events)["blocks"]
    assert blocks[0] == '<div class="thought"><p>Two <em>and</em> two.</p>\n</div>'
    assert blocks[1].startswith('<div class="thought-end" data-seconds="')
    assert blocks[2] == "<p>Four.</p>\n"
    kept = await PostgresTurns(database).turn(ANA.viewer, turn.id)
    assert kept.answer.strip() == "Four."


async def test_a_long_answer_ends_though_chores_run_beside_it(database: Database, valkey: Redis) -> None:
    """Flushing, saving and renewing leases never keep an answer from ending."""
    words = [step for number in range(60) for step in (asyncio.sleep(0.01), TextDelta(f"word {number}. "))]
    turns = _turns(database, valkey, ScriptedAnswerer(lambda _request: [*words, END]))

    turn = await turns.begin(ANA, NewTurn("Why?", "tiny"))
    events = await _all(turns, turn.id)

    assert events[-1].kind == "done"
    assert "word 59." in as_state(events)["blocks"][0]


async def test_an_answer_is_written_though_nobody_reads_it(database: Database, valkey: Redis) -> None:
    """Closing the tab loses nothing: the answer is there when the person comes back."""
    turns = _turns(database, valkey, _script(TextDelta("All of it."), END))

    turn = await turns.begin(ANA, NewTurn("Why?", "tiny"))
    await asyncio.gather(*(task for _, task in turns._tasks.values()))
    await valkey.flushall()

    found = await PostgresTurns(database).turn(ANA.viewer, turn.id)
    assert (found.status, found.answer) == ("done", "All of it.")
    assert (await _all(turns, turn.id))[-1].kind == "done"


async def test_a_reader_sees_everything_though_valkey_was_gone_and_forgot(
    database: Database, valkey: Redis
) -> None:
    """Valkey killed in the middle of an answer and back with nothing: every block still reaches the page."""
    log, gone, back = _AbsentLog(valkey), asyncio.Event(), asyncio.Event()
    steps = [
        TextDelta("One.\n\nTwo.\n\n"),
        gone.wait(),
        TextDelta("Three.\n\n"),
        back.wait(),
        TextDelta("Four.\n"),
        END,
    ]
    turns = _written_by(PostgresTurns(database), log, _script(*steps), database)
    turn = await turns.begin(ANA, NewTurn("Why?", "tiny"))
    while not any(event.kind == "block" for event in await log.read(turn.id, 0, 0.01)):
        pass

    log.is_absent = True
    await valkey.flushall()
    gone.set()
    await log.was_asked_in_vain.wait()
    log.is_absent = False
    back.set()
    events = await _all(turns, turn.id)

    assert events[-1].kind == "done"
    assert as_state(events)["blocks"] == [f"<p>{word}.</p>\n" for word in ("One", "Two", "Three", "Four")]


async def test_a_question_is_answered_though_valkey_is_gone_when_it_is_asked(
    database: Database, valkey: Redis
) -> None:
    """No turn is left behind half begun: it is written, and read once Valkey is back."""
    log, back = _AbsentLog(valkey), asyncio.Event()
    log.is_absent = True
    script = _script(TextDelta("Text."), back.wait(), END)
    turns = _written_by(PostgresTurns(database), log, script, database)

    turn = await turns.begin(ANA, NewTurn("Why?", "tiny"))
    await log.was_asked_in_vain.wait()
    log.is_absent = False
    back.set()
    events = await _all(turns, turn.id)

    assert events[-1].kind == "done"
    assert as_state(events)["blocks"] == ["<p>Text.</p>\n"]


async def test_done_is_told_only_when_it_is_kept(database: Database, valkey: Redis) -> None:
    """A page that saw the end finds it again after any crash: PostgreSQL first, then the readers."""
    repository = _AbsentRepository(database)
    turns = _written_by(repository, ValkeyTurnLog(valkey), _script(TextDelta("Text."), END), database)

    turn = await turns.begin(ANA, NewTurn("Why?", "tiny"))
    events = await _all(turns, turn.id)

    assert repository.refusals == 0
    assert events[-1].kind == "done"
    assert (await repository.turn(ANA.viewer, turn.id)).status == "done"


async def test_an_answerer_that_breaks_ends_the_turn_and_keeps_the_text(
    database: Database, valkey: Redis
) -> None:
    """Our own mistakes are an error event without details, not a page that waits for ever."""
    turns = _turns(database, valkey, _script(TextDelta("Half"), RuntimeError("secret detail")))

    turn = await turns.begin(ANA, NewTurn("Why?", "tiny"))
    events = await _all(turns, turn.id)

    assert events[-1].data == {"code": "internal_error"}
    assert "secret" not in str(events)
    assert as_state(events)["blocks"] == ["<p>Half</p>\n"]


async def test_an_answer_without_an_end_is_called_broken(database: Database, valkey: Redis) -> None:
    """An engine that just stops talking has not finished."""
    turns = _turns(database, valkey, _script(TextDelta("Half")))

    turn = await turns.begin(ANA, NewTurn("Why?", "tiny"))
    events = await _all(turns, turn.id)

    assert (events[-1].kind, events[-1].data["code"]) == ("error", "engine_stream_broken")


async def test_thirty_readers_of_thirty_turns_see_thirty_answers(database: Database, valkey: Redis) -> None:
    """Streams do not mix, however many are written at once."""
    answerer = ScriptedAnswerer(
        lambda request: (
            [step for n in range(10) for step in (asyncio.sleep(0.02), TextDelta(request.question))] + [END]
        )
    )
    turns = _turns(database, valkey, answerer)

    begun = [await turns.begin(ANA, NewTurn(f"q{number} ", "tiny")) for number in range(30)]
    answers = await asyncio.gather(*(_all(turns, turn.id) for turn in begun))

    for number, events in enumerate(answers):
        assert as_state(events)["blocks"] == [f"<p>{' '.join([f'q{number}'] * 10)}</p>\n"]


async def test_who_asks_is_told_where_their_question_may_be_read(database: Database, valkey: Redis) -> None:
    """In the answer that found nothing, where the setting is on; that makes it so. Never in a temporary chat."""
    refusing = _script(TextDelta("No."), Finished("refused", model="tiny", notes=("nothing_found",)))
    repository, log = PostgresTurns(database), ValkeyTurnLog(valkey)
    conversations = PostgresConversations(database)
    turns = Turns(repository, conversations, log, refusing, unanswered_are_read=True)
    told: dict[str, list[str]] = {}

    for is_temporary in (False, True):
        first = await turns.begin(ANA, NewTurn(f"first {is_temporary}", "tiny", is_temporary=is_temporary))
        told[first.question] = (await _all(turns, first.id))[-1].data["notes"]
        later = NewTurn(f"later {is_temporary}", "tiny", conversation_id=first.conversation_id)
        second = await turns.begin(ANA, later)
        told[second.question] = (await _all(turns, second.id))[-1].data["notes"]
    off = _turns(database, valkey, refusing)
    unread = await off.begin(ANA, NewTurn("off", "tiny"))
    told["off"] = (await _all(off, unread.id))[-1].data["notes"]
    async with database.viewing(ANA.viewer) as connection:
        rows = await connection.execute("SELECT question, ending, question_may_be_read FROM turns")
        kept = {question: (ending, may) for question, ending, may in await rows.fetchall()}

    read = {question for question, notes in told.items() if QUESTION_READ in notes}
    assert read == {"first False", "later False"}
    assert kept == {question: ("refused", question in read) for question in told}


async def test_a_turn_knows_its_names_in_the_logs_and_in_a_trace(database: Database, valkey: Redis) -> None:
    """What an operator looks for: the request's id always, the trace's where one is kept."""
    turns = _turns(database, valkey, _script(TextDelta("Because."), END))
    for flags, trace_id in (("01", "4bf92f3577b34da6a3ce929d0e0e4736"), ("00", None)):
        token = telemetry.traceparent.set(f"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}")
        begun = await turns.begin(ANA, NewTurn("Why?", "tiny"))
        telemetry.traceparent.reset(token)
        await _all(turns, begun.id)

        turn, trace = await turns.trace(ANA, begun.id)

        assert (turn.request_id, turn.trace_id, trace) == (f"turn-{begun.id}", trace_id, None)
