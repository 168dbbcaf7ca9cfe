"""Were one rule missing, the canaries would say so: each is taken away by hand, on the real database and in the code.

One run's plants stand for all of it; only what the missing rule should let through is tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from appliance.bootstrap.canaries import prepared_run
from appliance.services import audit, feedback, jobs_overview, limits, usage_report
from appliance.services.accounts import people
from appliance.services.canaries import beneath, overviews, probes, talk
from appliance.services.canaries.plants import Planted, Probe, Tally
from appliance.services.canaries.run import CanaryRun
from appliance.services.insights import report as insights
from tests.conftest import Servers
from tests.knowledge_harness import data, embedder_home
from tests.whole_gateway import whole_gateway

__all__ = ["data", "embedder_home"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

COLLECTION, CHAT = 0, -2  # the owner's two plants
TURNS_OF_ANYBODY = ("t.words @@ wanted AND t.user_id = viewer_id()", "t.words @@ wanted")
TEXTS_NOT_SHARED = ("f.shares_text AND viewer_role() = 'admin'", "viewer_role() = 'admin'")
QUESTIONS_NOT_SHARED = ("AND (f.shares_text OR", "AND (true OR")
GIFTS_TO_ONESELF = ("coalesce(to_user = viewer_id(), false)", "false")


@dataclass(frozen=True)
class Missing:
    """A rule that is taken away, and who then gets through by which probes.

    tables: whose rows everybody may see. functions: (name, what stands in it, what stands there instead).
    """

    rule: str
    found: frozenset[str]
    role: str = "outsider"
    tables: tuple[str, ...] = ()
    functions: tuple[tuple[str, str, str], ...] = ()
    plant: int = COLLECTION


MISSING = (
    Missing(
        "conversations are their person's",
        frozenset({"rows of conversations", "GET list of conversations", "GET conversation"}),
        tables=("conversations",),
    ),
    Missing(
        "turns are their person's",
        frozenset(
            {
                "rows of turns",
                "GET turn's stream",
                "GET turn's trace",
                "GET conversation as Markdown",
                "GET conversation as JSON",
                "GET conversation's context",
                "GET turns before one",
            }
        ),
        role="administrator",
        tables=("conversations", "turns", "turn_events"),
    ),
    Missing(
        "a search finds one's own turns",
        frozenset({"GET search of conversations, their words", "GET search of conversations, the document's"}),
        role="auditor",
        tables=("conversations", "turns"),
        functions=(("viewer_turns_with", *TURNS_OF_ANYBODY),),
    ),
    Missing("events are their person's", frozenset({"rows of turn_events"}), tables=("turn_events",)),
    Missing("opinions are their person's", frozenset({"rows of turn_feedback"}), tables=("turn_feedback",)),
    Missing(
        "texts are shared by who gave an opinion",
        frozenset({"GET feedback", "GET feedback as CSV", "GET insights"}),
        role="administrator",
        functions=(("shared_turn_texts", *TEXTS_NOT_SHARED),),
    ),
    Missing(
        "questions are read where who asked let them be",
        frozenset({"GET insights", "GET insights of a day", "GET unanswered questions as CSV"}),
        role="administrator",
        functions=(("unanswered_questions", *QUESTIONS_NOT_SHARED),),
    ),
    Missing(
        "responses are their person's",
        frozenset({"rows of responses", "rows of response_threads", "GET response", "GET response's input"}),
        tables=("responses", "response_threads"),
    ),
    Missing(
        "a chat's files are its person's",
        frozenset(
            {
                "rows of collections",
                "rows of files",
                "GET document",
                "GET page's text",
                "GET page's image",
                "GET page with a quote",
                "GET file's content",
                "GET collection's shelf",
                "GET what lies inside",
                "POST contents known",
                "POST search",
                "POST search with scores",
                "POST responses, what file_search found",
            }
        ),
        role="administrator",
        tables=("collections", "files"),
        plant=CHAT,
    ),
    Missing(
        "a chat's list is its person's",
        frozenset({"GET conversation's files", "GET conversation's file"}),
        tables=("conversations", "collections"),
        plant=CHAT,
    ),
    Missing("batches are their collection's", frozenset({"GET batch", "GET batch's files"}),
            tables=("collections", "file_batches", "file_batch_files")),
    Missing("receipts are told to who deleted", frozenset({"rows of receipts", "GET receipts"}), tables=("receipts",)),
    Missing("preferences are one's own", frozenset({"rows of preferences"}), tables=("preferences",)),
    Missing("the ledger is one's own", frozenset({"rows of requests", "rows of usage_hours"}),
            tables=("requests", "usage_hours")),
)  # fmt: skip

# Where a role is asked for, and what an ordinary person then gets.
ASKED = (
    (audit, "require_reader", {"GET audit", "GET audit as CSV"}),
    (people, "require_reader", {"GET people", "GET people as CSV", "GET events of accounts"}),
    (feedback, "require_admin", {"GET feedback", "GET feedback as CSV"}),
    (jobs_overview, "require_admin", {"GET jobs that failed", "GET jobs that wait"}),
    (limits, "require_reader", {"GET limits"}),
    (insights, "require_reader", {"GET insights", "GET errors as CSV", "GET slow answers as CSV"}),
    (usage_report, "require_reader", {"GET person's usage"}),
)  # fmt: skip


@contextmanager
def taken_away(owner_url: str, missing: Missing) -> Iterator[None]:
    """On the real database, and put back at the end."""
    with psycopg.connect(owner_url, autocommit=True) as connection:
        before = [_definition(connection, name) for name, _, _ in missing.functions]
        for (_, stands, instead), text in zip(missing.functions, before, strict=True):
            assert stands in text, missing.rule
            connection.execute(text.replace(stands, instead).encode())
        for table in missing.tables:
            connection.execute(f"CREATE POLICY opened_by_hand ON {table} FOR SELECT USING (true)".encode())
        try:
            yield
        finally:
            for table in missing.tables:
                connection.execute(f"DROP POLICY opened_by_hand ON {table}".encode())
            for text in before:
                connection.execute(text.encode())


def _definition(connection: psycopg.Connection, function: str) -> str:
    row = connection.execute("SELECT pg_get_functiondef(%s::regproc)", (function,)).fetchone()
    assert row is not None
    return str(row[0])


def _reading(planted: Planted) -> list[Probe]:
    known = [*probes.of_planted(planted), *talk.of_talk(planted)]
    return [*overviews.overviews(), *(probe for probe in known if probe.is_read or probe.method == "GET")]


async def _tried(
    run: CanaryRun, role: str, chosen: Sequence[Probe], planted: Planted | None = None
) -> set[str]:
    """By which of these ways that role gets through now."""
    tally = Tally()
    for probe in chosen:
        await run.try_probe(run.actor(role), probe, tally)
    if planted is not None:
        for rows in beneath.of_planted(planted, run.actor(planted.owner).viewer.user_id):
            await run.count_rows(run.actor(role), rows, planted.owner, tally)
    return {hit.probe for hit in tally.hits}


async def test_each_missing_rule_is_noticed_by_what_it_opens(
    owner_url: str, servers: Servers, embedder_home: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A policy opened, a condition of a function left out, a role not asked for: every one is a hit, and named."""
    async with (
        whole_gateway(owner_url, servers, embedder_home, data) as one,
        prepared_run(one.box, one.url) as (run, _),
    ):
        await run.plant()
        controls = Tally()
        seen: dict[str, tuple[set[str], set[str]]] = {}
        await run.check_controls(controls)
        for missing in MISSING:
            planted = run.planted[missing.plant]
            ways = [probe for probe in _reading(planted) if f"{probe.method} {probe.name}" in missing.found]
            closed = await _tried(run, missing.role, ways, planted)
            with taken_away(owner_url, missing):
                seen[missing.rule] = (
                    closed,
                    set(missing.found) - await _tried(run, missing.role, ways, planted),
                )
        ordinary = [*overviews.overviews(), *overviews.of_person(run.actor("owner").viewer.user_id)]
        for module, name, found in ASKED:
            ways = [probe for probe in ordinary if f"{probe.method} {probe.name}" in found]
            closed = await _tried(run, "outsider", ways)
            with monkeypatch.context() as patch:
                patch.setattr(module, name, lambda caller: None)
                seen[f"{module.__name__}.{name}"] = (closed, found - await _tried(run, "outsider", ways))
        gift = Missing(
            "nobody gives to themselves", frozenset(), functions=(("give_collection", *GIFTS_TO_ONESELF),)
        )
        giving = [probe for probe in probes.of_planted(run.planted[0]) if probe.method == "PATCH"]
        closed = await _tried(run, "administrator", giving)
        with taken_away(owner_url, gift):
            found = {f"PATCH {giving[0].name}"}
            seen[gift.rule] = (closed, found - await _tried(run, "administrator", giving))
        await run.clean()
        await run.clean()  # the owner's file lay in what had been given away

    assert controls.controls_failed == []
    wrong = {rule: ways for rule, ways in seen.items() if ways != (set(), set())}
    assert wrong == {}  # (what was open before, what stayed closed then)
