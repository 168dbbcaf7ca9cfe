"""Search of conversations at ten thousand turns: by the index, and the same words as people see them."""

from __future__ import annotations

import re
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.domain.conversations import ConversationFilter
from appliance.domain.people import Viewer
from appliance.services.snippets import folded, snippet
from appliance.storage.conversations import PostgresConversations
from appliance.storage.database import Database

TURNS = 10_000
_FILL = """
WITH chats AS (
    INSERT INTO conversations (id, user_id, title)
    SELECT gen_random_uuid(), %(user)s, 'Conversation ' || n FROM generate_series(1, %(turns)s / 10) n RETURNING id),
numbered AS (SELECT id, row_number() OVER () AS n FROM chats)
INSERT INTO turns (id, conversation_id, user_id, question, model, status, answer, words)
SELECT gen_random_uuid(), c.id, %(user)s, q.text, 'tiny', 'done', a.text, words_of(q.text || ' ' || a.text)
FROM numbered c CROSS JOIN generate_series(0, 9) m
CROSS JOIN LATERAL (SELECT 'Pregunta ' || (c.n * 10 + m) || ': ¿cuántos días?' AS text) q
CROSS JOIN LATERAL (
    SELECT string_agg('palabra' || ((c.n * 7 + m * 13 + k * k) %% 5000), ' ') ||
        CASE WHEN (c.n * 10 + m) %% 1000 = 0 THEN ' la nómina extraordinaria' ELSE '' END AS text
    FROM generate_series(1, 50) k) a
"""


def _fill(owner_url: str, user: UUID, turns: int) -> None:
    with psycopg.connect(owner_url) as connection:
        connection.execute(_FILL, {"user": user, "turns": turns})
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE turns")


async def test_a_search_in_ten_thousand_turns_reads_few_of_them(owner_url: str, database: Database) -> None:
    """The index leads to the turns: fewer pages are read than a tenth of what all of them take up."""
    ana, ben = Viewer(uuid4()), Viewer(uuid4())
    _fill(owner_url, ana.user_id, TURNS)
    _fill(owner_url, ben.user_id, 1_000)
    found = await PostgresConversations(database).conversations(ana, ConversationFilter("nomina extra"), 50)

    async with database.viewing(ana) as connection:
        search = "SELECT * FROM viewer_turns_with(wanted_words('nomina extra'), 1000)"
        await connection.execute(search.encode())  # planning reads the catalogue once
        rows = await connection.execute(f"EXPLAIN (ANALYZE, BUFFERS) {search}".encode())
        plan = "\n".join(row[0] for row in await rows.fetchall())
        size = await connection.execute("SELECT pg_table_size('turns') / current_setting('block_size')::int")
        pages = (await size.fetchone() or (0,))[0]
    read = sum(int(number) for number in re.findall(r"(?:hit|read)=(\d+)", plan.partition("Planning")[0]))

    assert len(found) == TURNS // 1_000
    assert all(one.said is not None and "nómina" in one.said[1] for one in found)
    assert 0 < read < pages / 10, plan


# The words of a search and the words that are marked ------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted", "marked"),
    [
        ("La NÓMINA de julio", "nomina", ["NÓMINA"]),
        ("Las nóminas", "nómina", ["nómina"]),
        ("El pingüino bebe", "PINGUI bebé", ["pingüi", "bebe"]),
        ("el an\u0303o que viene", "año", ["an\u0303o"]),
        ("ﬁnal of the ﬁlm", "fi", ["ﬁ", "ﬁ"]),
        ("invoice no. 2024-117", "2024-117", ["2024", "117"]),
    ],
)
def test_marks_stand_where_the_words_do(text: str, wanted: str, marked: list[str]) -> None:
    """Accents, capitals, joined letters and decomposed ones count as in the search."""
    shown = snippet([text], wanted)

    assert shown is not None
    assert [shown.text[start:end] for start, end in shown.marks] == marked


def test_a_snippet_shows_the_words_that_stand_together() -> None:
    """Of a long text the piece with most of them, with dots where it was cut."""
    text = "days " + "filler " * 100 + "the days of holiday in Spain " + "filler " * 100
    shown = snippet(["A question?", text], "holiday days")

    assert shown is not None and len(shown.text) < 200
    assert "days of holiday in Spain" in shown.text
    assert shown.text.startswith("…") and shown.text.endswith("…")
    assert [shown.text[start:end] for start, end in shown.marks] == ["days", "holiday"]


@given(st.text(max_size=300), st.text(max_size=20))
def test_marks_are_always_within_the_snippet(text: str, wanted: str) -> None:
    """Whatever the text: every mark is a piece of it, and its words are those that were looked for."""
    shown = snippet([text], wanted)

    if shown is not None:
        assert shown.marks
        for start, end in shown.marks:
            assert 0 <= start < end <= len(shown.text)
            assert any(
                folded(word)[:1] == folded(shown.text[start:end])[:1]
                for word in re.findall(r"[^\W_]+", wanted)
            )


async def test_the_database_folds_as_the_marks_do(database: Database) -> None:
    """One rule in two languages: what is found is also marked."""
    texts = ["NÓMINA", "pingüino", "Straße", "İstanbul", "ﬁnal", "Ωmega", "año", "ПРИВЕТ", "crème brûlée"]

    async with database.connection() as connection:
        rows = await connection.execute(
            "SELECT folded(t) FROM unnest(%s::text[]) WITH ORDINALITY u (t, n) ORDER BY n", (texts,)
        )
        found = [row[0] for row in await rows.fetchall()]

    assert found == [folded(text) for text in texts]
