"""Questions and answers in a real browser: what is done with them, what they hold that wants to act, and long chats.

The gateway alone draws the chat, so no ui process is started.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, expect
from redis.asyncio import Redis

from appliance.domain.answers import AnswerRequest, Cited, Finished, Reasoned, Searched, TextDelta, Waiting
from appliance.storage.database import Database
from inference.errors import EngineBackSoon
from inference.types import Usage
from rag.trace import Step, Trace, Traced
from tests.markup_attacks import ATTACKS
from tests.page_box import FILE, PASSAGE, PASSWORD, a_tiny_engine, quoted
from tests.ui.test_page_in_chromium import CHROMIUM, Visit, _visiting, browser
from ui.texts import text

__all__ = ["browser"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None, reason="chromium is not installed: the page was not opened in a browser"
    ),
    pytest.mark.timeout(600),
]
WIDE = {"locale": "en-GB", "viewport": {"width": 1280, "height": 900}}
TABLE = "| Country | Days |\n|---|--:|\n| Spain, mainland | 23 |\n| =1+1 | -4 |\n"
CODE = "```python\ndays = 23\n```\n"
TRACE = Trace(
    queries=("How many days?",),
    steps=(Step("by meaning", 8.2, {}), Step("rerank", 96.0, {})),
    found=(Traced(1, FILE, PASSAGE.filename, 12, 0.031),),
    dropped=(Traced(2, FILE, "travel.pdf", 2, 0.011, reason="beyond the number asked for"),),
)


def _written(*pieces: Any, **end: Any) -> list[Any]:
    figures: dict[str, Any] = {
        "served_by": "local:tiny",
        "model": "tiny-chat",
        "usage": Usage(900, 120),
        **end,
    }
    return [
        *(TextDelta(one) if isinstance(one, str) else one for one in pieces),
        Finished("written", **figures),
    ]


def _scripted(request: AnswerRequest) -> list[Any]:
    """By a word of the question."""
    if "table" in request.question:
        return _written(Reasoned("A *table* then."), f"Here:\n\n{TABLE}\n{CODE}\nThat is $x^2$.")
    if "cut" in request.question and not request.partial:
        return _written("Half of", finish_reason="length")
    if request.partial:
        return _written(" the answer.")
    if "cloud" in request.question:
        by = {"served_by": "cloud:acme", "rung": "cloud", "answered_as": "OpenAI (gpt-4o-mini)"}
        return _written("From afar.", **by)
    return [
        Searched((PASSAGE,), (), TRACE) if isinstance(one, Searched) else one
        for one in quoted(request)
        if not isinstance(one, Cited) or "days" in request.question
    ]


async def _signed_in(visit: Visit) -> Page:
    visit.box.answerer.script = _scripted
    visit.box.engines.append(a_tiny_engine())
    await visit.page.goto(visit.url)
    await visit.page.fill("[name=email]", "ana@example.org")
    await visit.page.fill("[name=password]", PASSWORD)
    await visit.page.click("button[type=submit]")
    await expect(visit.page.locator("chat-transcript .composer")).to_be_visible()
    return visit.page


async def _answer(visit: Visit, question: str) -> Locator:
    """The last answer, once it has ended."""
    articles = visit.page.locator("chat-transcript article")
    before = await articles.count()
    await visit.ask(question)
    await expect(articles).to_have_count(before + 1)
    await expect(articles.last.locator("footer .deeds")).to_be_visible(timeout=60_000)
    return articles.last


async def test_an_answer_is_edited_versioned_rated_continued_and_explained(
    browser: Browser, database: Database, valkey: Redis, tmp_path: Path
) -> None:
    """Ask differently, go back a version, say what was wrong, see how it was searched, go on where it broke off."""
    async with _visiting(browser, database, valkey, tmp_path / "ui.sock", with_ui=False, **WIDE) as visit:
        page = await _signed_in(visit)
        answer = await _answer(visit, "How many days?")

        await answer.locator(".deeds .steps").click()
        trace = answer.locator(".trace")
        await expect(trace).to_contain_text(text("trace_step_rerank", "en"))
        await trace.locator("summary").click()
        await expect(trace).to_contain_text(text("trace_reason_beyond_the_number_asked_for", "en"))

        await answer.locator(".deeds .down").click()
        await answer.locator(".feedback").get_by_text(text("reason_incomplete", "en")).click()
        await answer.locator(".feedback textarea").fill("Part-time?")
        await answer.locator(".feedback .share-text").click()
        async with page.expect_request("**/feedback") as sent:
            await answer.locator(".feedback .primary").click()
        await expect(answer.locator(".thanks")).to_be_visible()
        assert (await sent.value).post_data_json["share_text"] is True

        await answer.locator(".question").hover()
        await answer.get_by_role("button", name=text("edit_question", "en")).click()
        await page.fill("chat-transcript .edit textarea", "Is it from the cloud?")
        await page.keyboard.press("Enter")
        await expect(answer.locator(".versions")).to_contain_text("2/2")
        by = text("kind_cloud", "en", name="OpenAI (gpt-4o-mini)")
        await expect(answer.locator(".badge.cloud")).to_have_text(by)
        await answer.locator(".took").hover()
        await expect(answer.locator(".facts-card")).to_contain_text("900 + 120")

        await answer.get_by_role("button", name=text("version_before", "en")).click()
        await expect(answer.locator(".question")).to_have_text("How many days?")
        await expect(answer.locator(".versions")).to_contain_text("1/2")
        await expect(answer.locator(".deeds .down")).to_have_attribute("aria-pressed", "true")

        cut = await _answer(visit, "Now one that is cut")
        await cut.locator(".ended").get_by_text(text("continue_answer", "en")).click()
        await expect(cut.locator(".body")).to_have_text("Half of the answer.")
        await expect(cut.locator(".versions")).to_contain_text("2/2")

        await page.reload()
        await expect(page.locator("chat-transcript article")).to_have_count(2)
        await expect(cut.locator(".body")).to_have_text("Half of the answer.")

        await _says_what_is_tried_and_who_answered(visit)
        assert visit.trouble == []
        await _offers_the_documents_words(visit)


async def _offers_the_documents_words(visit: Visit) -> None:
    """No model answers a plain question, and something in the documents fits: their words are one click away."""
    page, last = visit.page, visit.page.locator("chat-transcript article").last
    visit.box.answerer.script = lambda request: (
        [EngineBackSoon(30)] if request.model == "tiny-chat" else quoted(request)
    )
    relevant = {"is_relevant": True, "data": [{}]}
    await page.route("**/api/search", lambda route: route.fulfill(json=relevant))
    await page.locator("chat-transcript textarea").focus()
    await page.keyboard.type("@tiny")
    await expect(page.get_by_role("option")).to_have_count(1)
    await page.keyboard.press("Enter")
    await visit.ask("How many days?")
    await expect(last.locator(".ended")).to_contain_text(text("refused.expected_in", "en", seconds=30))
    await last.get_by_role("button", name=text("offer_quotes", "en")).click()
    await expect(last.locator(".badge.quoted")).to_be_visible(timeout=60_000)


async def _says_what_is_tried_and_who_answered(visit: Visit) -> None:
    """While an engine is away, and below the answer that came another way."""
    for rung, answered_as in (("smaller", "llama-3.1-8b"), ("quoted", "")):
        go_on = asyncio.Event()
        end = _written("Shortly.", rung=rung, answered_as=answered_as)
        steps = [Waiting(0, trying="elsewhere"), Waiting(0, trying=rung), go_on.wait(), *end]
        visit.box.answerer.script = lambda _request, steps=steps: steps
        await visit.ask(f"And now, {rung}?")
        last = visit.page.locator("chat-transcript article").last
        await expect(last.locator(".status")).to_have_text(text(f"trying_{rung}", "en"))
        go_on.set()
        await expect(last.locator(f".badge.{rung}")).to_have_text(
            text(f"rung_{rung}", "en", name=answered_as), timeout=60_000
        )


async def test_code_and_tables_are_copied_and_thoughts_stay_folded(
    browser: Browser, database: Database, valkey: Redis, tmp_path: Path
) -> None:
    """What is copied is what stands there; a table's CSV holds no formula that a spreadsheet would carry out."""
    async with _visiting(
        browser,
        database,
        valkey,
        tmp_path / "ui.sock",
        with_ui=False,
        **WIDE,
        permissions=["clipboard-read", "clipboard-write"],
    ) as visit:
        page = await _signed_in(visit)
        answer = await _answer(visit, "A table please")

        await expect(answer.locator(".thoughts summary")).to_have_text(text("thought", "en"))
        await expect(answer.locator(".thoughts em")).to_be_hidden()
        await answer.locator(".thoughts summary").click()
        await expect(answer.locator(".thoughts em")).to_have_text("table")

        await expect(answer.locator(".code figcaption span")).to_have_text("python")
        await answer.locator(".code .tool").click()
        assert await page.evaluate("navigator.clipboard.readText()") == "days = 23\n"
        assert await answer.locator("math msup").count() == 1

        await answer.locator(".table-frame").hover()
        async with page.expect_download() as download:
            await answer.get_by_role("button", name=text("table_csv", "en")).click()
        saved = await (await download.value).path()
        assert saved.read_text("utf-8-sig").splitlines() == [
            "Country,Days",
            '"Spain, mainland",23',
            "'=1+1,-4",
        ]

        await answer.locator(".deeds").get_by_role("button", name=text("copy_answer", "en")).click()
        await expect(answer.locator(".deeds button").first.locator("path")).to_have_attribute(
            "d", re.compile("^M5 12")
        )
        copied = str(await page.evaluate("navigator.clipboard.readText()"))
        assert copied.startswith("Here:\n\n| Country") and "table* then" not in copied
        assert visit.trouble == []


async def test_nothing_that_an_answer_holds_acts_loads_or_freezes(
    browser: Browser, database: Database, valkey: Redis, tmp_path: Path
) -> None:
    """Every attack in one answer, and a megabyte of nested lists: no alert, no request, no error, no frozen page."""
    attack = "\n\n".join(
        sorted(ATTACKS, key=lambda one: one.startswith(("```", "~~~")))
    )  # an open fence swallows
    nested = "\n".join(" " * (depth % 60 * 2) + "- x" for depth in range(16_000))
    async with _visiting(browser, database, valkey, tmp_path / "ui.sock", with_ui=False, **WIDE) as visit:
        page = await _signed_in(visit)
        alerts: list[str] = []
        page.on("dialog", lambda dialog: alerts.append(dialog.message))
        visit.box.answerer.script = lambda request: _written(
            attack if "attack" in request.question else nested
        )

        answer = await _answer(visit, "attack")
        found = await answer.locator(".body").evaluate(_ACTIVE)
        await _answer(visit, "nested")
        await page.reload()
        await expect(page.locator("chat-transcript article footer")).to_have_count(2)
        again = await page.locator("chat-transcript article .body").first.evaluate(_ACTIVE)

        assert found == again == []
        assert alerts == []
        assert visit.trouble == []


# What must not be there: elements that act or load, handlers, styles, and links that lead anywhere but to the web.
_ACTIVE = r"""body => {
  const bad = /^(script|style|link|meta|iframe|object|embed|img|form|input|video|audio|base|template)$/i;
  const acts = ({name, value}) => /^on|^style$|^src|xlink|formaction/i.test(name)
    || name === "href" && !/^(https?|mailto):/i.test(value);
  const ours = one => one.closest("figcaption");
  return [...body.querySelectorAll("*")].filter(one => !ours(one)).flatMap(one =>
    [...bad.test(one.localName) || one.localName === "svg" ? [one.localName] : [],
     ...[...one.attributes].filter(acts).map(({name, value}) => `${one.localName} ${name}=${value}`)]);
}"""


# Copies of the last turn behind it, each going on from the one before.
_GO_ON = """
WITH RECURSIVE wanted AS (
    SELECT t.id AS model, t.id AS id, t.id AS previous, 0 AS number, t.created_at AS at
    FROM turns t WHERE t.conversation_id = %(chat)s
    UNION ALL SELECT model, gen_random_uuid(), id, number + 1, at + interval '1 second'
    FROM wanted WHERE number < %(more)s),
added AS (
    INSERT INTO turns (id, conversation_id, user_id, question, model, status, answer, created_at, finished_at,
                       previous_id)
    SELECT w.id, t.conversation_id, t.user_id, 'Question ' || w.number, t.model, t.status, t.answer, w.at, w.at,
           w.previous
    FROM wanted w JOIN turns t ON t.id = w.model WHERE w.number > 0 RETURNING id),
events AS (
    INSERT INTO turn_events (turn_id, user_id, kind, slot, seq, data)
    SELECT w.id, e.user_id, e.kind, e.slot, e.seq, e.data
    FROM wanted w JOIN turn_events e ON e.turn_id = w.model WHERE w.number > 0)
UPDATE conversations SET current_turn_id = (SELECT id FROM wanted ORDER BY number DESC LIMIT 1)
WHERE id = %(chat)s
"""


async def test_a_long_chat_is_paged_and_keeps_its_place(
    browser: Browser, database: Database, valkey: Redis, tmp_path: Path
) -> None:
    """Thirty turns at first; scrolling up brings earlier ones without moving what one reads, up to the very first."""
    async with _visiting(browser, database, valkey, tmp_path / "ui.sock", with_ui=False, **WIDE) as visit:
        page = await _signed_in(visit)
        await _answer(visit, "Question 0")
        chat = re.search(r"/c/([0-9a-f-]+)", page.url)
        assert chat is not None
        ana = visit.box.people.by_email["ana@example.org"]
        async with database.viewing(ana.viewer) as connection:
            await connection.execute(_GO_ON, {"chat": chat[1], "more": 70})
        await page.reload()
        articles = page.locator("chat-transcript article")
        await expect(articles).to_have_count(30)
        await expect(articles.last.locator(".question")).to_have_text("Question 70")

        scroller = page.locator("chat-transcript .scroll")
        first = articles.first.locator(".question p")
        seen = await first.text_content() or "?"
        await scroller.evaluate("one => { one.scrollTop = 400; }")
        reading = page.locator("chat-transcript article", has_text=seen)
        before = await reading.evaluate("one => one.getBoundingClientRect().top")
        await expect(articles).to_have_count(60)
        after = await reading.evaluate("one => one.getBoundingClientRect().top")
        assert abs(after - before) < 40, "what was read has jumped"

        await scroller.evaluate("one => { one.scrollTop = 0; }")
        await expect(articles).to_have_count(71)
        await expect(page.locator("chat-transcript .earlier")).to_be_hidden()
        await expect(articles.first.locator(".question")).to_have_text("Question 0")
        assert visit.trouble == []
