"""Whoever does not see well, does not point, or does not like motion: the page by axe-core and by the keyboard alone.

Serious and critical findings of our own making: none, in every room, light and dark, wide and on a phone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, FilePayload, Locator, Page, expect
from redis.asyncio import Redis

from appliance.domain.answers import (
    AnswerRequest,
    Citation,
    Cited,
    Finished,
    Reasoned,
    Searched,
    TextDelta,
    Waiting,
)
from appliance.storage.database import Database
from inference.types import Usage
from rag.trace import Step, Trace, Traced
from tests.accessibility import Inspection, failings, tab_path
from tests.conftest import Servers
from tests.page_box import FILE, PASSAGE, PASSWORD, QUOTE, a_tiny_engine
from tests.page_office import ADMINISTRATOR, PERSON
from tests.ui.insights_seen import something_of_everything
from tests.ui.test_me_and_admin_in_chromium import _section, _signed_in, _some_use, _working
from tests.ui.test_page_in_chromium import CHROMIUM, Visit, _visiting, browser
from ui.texts import text

__all__ = ["browser"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: nobody looked at the page"),
    pytest.mark.timeout(600),
]

WIDE: Any = {"width": 1280, "height": 860}
ANSWER = (
    "Everybody has **23 days** of holiday a year [1]. They are planned in January.\n\n## How to ask\n\n"
    "1. Open the `calendar`.\n2. Write to [the team](https://team.example).\n\n> Approval takes a week.\n\n"
    "```python\ndays = 23  # a year\nprint('days', days)\n```\n\n| Country | Days |\n|---|--:|\n| Spain | 23 |\n\n"
    "That is $x^2$."
)
TRACE = Trace(
    queries=("How many days?",),
    steps=(Step("by meaning", 8.2, {}), Step("rerank", 96.0, {})),
    found=(Traced(1, FILE, PASSAGE.filename, 12, 0.031),),
    dropped=(Traced(2, FILE, "travel.pdf", 2, 0.011, reason="beyond the number asked for"),),
)
_CITED = Citation(
    index=1,
    file_id=FILE,
    filename=PASSAGE.filename,
    quote=QUOTE,
    page=12,
    headings=PASSAGE.headings,
    chunk_id=1,
)
_UNSUPPORTED = (ANSWER.index("They are"), ANSWER.index("\n\n## How"))


def _script(request: AnswerRequest) -> list[Any]:
    """By a word of the question."""
    if "wait" in request.question:
        return [Waiting(2, 3.0), asyncio.Event().wait()]
    if "fail" in request.question:
        return [TextDelta("Half of"), RuntimeError("on purpose")]
    if "cut" in request.question:
        return [TextDelta("Half of"), Finished("written", finish_reason="length", served_by="cloud:acme")]
    figures: dict[str, Any] = {"served_by": "local:tiny", "model": "tiny-chat", "usage": Usage(900, 120)}
    return [
        Searched((PASSAGE,), (), TRACE),
        Reasoned("The handbook *says* so."),
        TextDelta(ANSWER),
        Cited((_CITED,), (_UNSUPPORTED,)),
        Finished("written", notes=("unsupported",), **figures),
    ]


@asynccontextmanager
async def _chatting(
    browser: Browser, database: Database, valkey: Redis, socket: Path
) -> AsyncIterator[Visit]:
    """At the sign-in page; the gateway alone draws the chat."""
    look = {"locale": "en-GB", "viewport": WIDE, "reduced_motion": "reduce"}
    async with _visiting(browser, database, valkey, socket, with_ui=False, **look) as visit:
        visit.box.answerer.script = _script
        visit.box.engines.append(a_tiny_engine())
        await visit.page.goto(visit.url)
        yield visit


async def _enter(page: Page) -> None:
    await page.fill("[name=email]", "ana@example.org")
    await page.fill("[name=password]", PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.locator("chat-transcript .suggestions button").first).to_be_visible()


async def _answered(visit: Visit, question: str) -> Locator:
    """The last answer once it has ended."""
    articles = visit.page.locator("chat-transcript article")
    before = await articles.count()
    await visit.ask(question)
    await expect(articles).to_have_count(before + 1)
    await expect(articles.last.locator("footer .deeds")).to_be_visible()
    return articles.last


def _button(page: Page, key: str, **values: object) -> Locator:
    return page.get_by_role("button", name=text(key, "en", **values), exact=True)


async def test_the_chat_has_no_grave_failing_in_any_state(
    browser: Browser, database: Database, valkey: Redis, tmp_path: Path
) -> None:
    """From signing in to an answer that waits: code, table, sources, forms, menus, dialogs, files, problems."""
    async with _chatting(browser, database, valkey, tmp_path / "no.sock") as visit:
        page, seen = visit.page, Inspection(visit.page, WIDE)
        await page.fill("[name=email]", "ana@example.org")
        await page.fill("[name=password]", "wrong")
        await page.keyboard.press("Enter")
        await expect(page.locator(".problem")).to_be_visible()
        await seen.look("signing in")
        await _enter(page)
        await seen.look("an empty chat")
        await _the_looking_glass_is_clear(page)

        answer = await _answered(visit, "How many days of holiday do I have?")
        await answer.locator(".thoughts summary").click()
        await answer.locator(".deeds .steps").click()
        await answer.locator(".trace summary").click()
        await answer.locator(".deeds .down").click()
        await expect(answer.locator(".feedback textarea")).to_be_visible()
        await answer.locator(".took").focus()
        await expect(answer.locator(".facts-card")).to_be_visible()
        await answer.locator("a.citation").first.click()
        await expect(page.locator("chat-transcript .page-picture img")).to_be_visible()
        await seen.look("an answer with its sources")
        await _button(page, "viewer_open").click()
        await expect(page.locator(".viewer img")).to_be_visible()
        await seen.look("a document")
        await page.keyboard.press("Escape")
        await page.keyboard.press("Escape")

        await _looks_around_the_question_box(page, answer, seen)
        await _looks_at_the_conversations(page, seen)
        await _looks_at_what_went_wrong(visit, seen)
        assert seen.found == []
        assert [line for line in visit.trouble if "status of 4" not in line] == []


async def _the_looking_glass_is_clear(page: Page) -> None:
    """What would be a failing is found inside of our elements too, in light and in dark."""
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        await page.evaluate("document.documentElement.style.setProperty('--ink-2', '#808080')")
        assert any("color-contrast" in one and "chat-transcript" in one for one in await failings(page)), (
            scheme
        )
        await page.evaluate("document.documentElement.removeAttribute('style')")


async def _looks_around_the_question_box(page: Page, answer: Locator, seen: Inspection) -> None:
    """A question being edited, files in every state, a long paste, the list behind @, the meter's words."""
    await answer.locator(".question").hover()
    await _button(page, "edit_question").click()
    files = [
        FilePayload(name=name, mimeType="application/pdf", buffer=b"x")
        for name in ("contract.pdf", "bad.pdf", "slow.pdf")
    ]
    await page.locator("chat-transcript .composer input[type=file]").set_input_files(files)
    await expect(page.locator("chat-transcript .attached .file")).to_have_count(3)
    box = page.locator("chat-transcript .composer textarea")
    await box.evaluate(_PASTE, "A long passage. " * 300)
    await expect(page.locator("chat-transcript .paste")).to_be_visible()
    await box.press_sequentially("@t")
    await expect(page.get_by_role("option").first).to_be_visible()
    await seen.look("a full question box")
    await page.keyboard.press("Escape")
    await box.fill("")
    for _ in range(3):
        await page.locator("chat-transcript .attached .file button").first.click()
    await page.locator("chat-transcript .paste button").last.click()
    await _button(page, "cancel").click()


_PASTE = """(box, text) => {
  const data = new DataTransfer();
  data.setData("text/plain", text);
  box.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
}"""


async def _looks_at_the_conversations(page: Page, seen: Inspection) -> None:
    """A menu, a name being changed, what can be undone, the search, the list of keys, the drawer of a phone."""
    row = page.locator("chat-transcript .conversations li")
    await row.locator("button").click()
    await expect(page.get_by_role("menuitem").first).to_be_focused()
    await seen.look("a conversation's menu", on_phone=False)
    await page.keyboard.press("Enter")
    await expect(row.locator("input")).to_be_focused()
    await seen.look("a name being changed", on_phone=False)
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("holiday")
    await expect(page.get_by_role("option").first).to_be_visible()
    await seen.look("searching conversations")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+/")
    await expect(page.get_by_role("checkbox", name=text("keys_on", "en"))).to_be_visible()
    await seen.look("the list of keys")
    await page.keyboard.press("Escape")
    await page.set_viewport_size({"width": 390, "height": 844})
    await _button(page, "show_sidebar").click()
    await expect(row).to_be_visible()
    seen.found += [f"the drawer: {line}" for line in await failings(page)]
    await page.keyboard.press("Escape")
    await page.set_viewport_size(WIDE)
    await row.locator("a").focus()
    await page.keyboard.press("Delete")
    await expect(_button(page, "undo")).to_be_visible()
    await seen.look("a conversation that can be brought back", on_phone=False)


async def _looks_at_what_went_wrong(visit: Visit, seen: Inspection) -> None:
    """An answer cut off, one that failed, one that waits in line, and a question that waits for that one."""
    page = visit.page
    await _answered(visit, "Now one that is cut")
    await _answered(visit, "Now one that will fail")
    await visit.ask("Now wait")
    await expect(page.locator("chat-transcript .status .place")).to_be_visible()
    await visit.ask("And then?")
    await expect(page.locator("chat-transcript .waiting")).to_be_visible()
    await seen.look("what went wrong, and what waits")


async def test_documents_me_and_administration_have_no_grave_failing(
    browser: Browser, database: Database, valkey: Redis, servers: Servers, owner_url: str, tmp_path: Path
) -> None:
    """Every section with something in it, its dialogs, and the tabs around them; Tab comes to every document."""
    look = {"locale": "en-GB", "viewport": WIDE, "reduced_motion": "reduce"}
    async with (
        _working(database, valkey, servers, tmp_path / "ui.sock") as (office, url),
        _signed_in(browser, office, url, ADMINISTRATOR, **look) as visit,
    ):
        await _some_use(owner_url, office)
        await something_of_everything(database, owner_url, office)
        await office.history.write()
        _fill_the_shelf(visit)
        page, seen = visit.page, Inspection(visit.page, WIDE)
        await _looks_at_documents(visit, seen)
        await page.click("#tab-connected-button")
        await expect(page.locator("#connected-summary")).to_contain_text("tiny-chat")
        await seen.look("what is connected")
        await page.click("#tab-me-button")
        for name in ("me_signing", "me_keys", "me_usage", "me_profile"):
            await _section(page, "my-settings", text(name, "en"))
            await expect(page.locator("my-settings .panel .body > *")).not_to_be_empty()
            await page.wait_for_load_state("networkidle")
            await seen.look(name)
        await _looks_at_the_administration(page, seen)
        assert (seen.found, visit.trouble) == ([], [])


def _fill_the_shelf(visit: Visit) -> None:
    """Documents in every state."""
    shelf = visit.box.shelf
    store = shelf.add_store("Handbook")
    error = {"code": "invalid_file", "reason": "document_damaged", "message": "damaged"}
    shelf.add_file(store, "guide.pdf", attributes={"year": 2026})
    shelf.add_file(store, "noted.pdf", notes=["Page 3 is blank."])
    shelf.add_file(store, "bad.pdf", status="failed", last_error=error, pages=0)
    shelf.add_file(
        store, "slow.pdf", status="in_progress", progress=0.42, stage="embedding", pages_per_s=12.5
    )
    shelf.add_file(store, "queued.pdf", status="in_progress", progress=0, stage="waiting", place_in_line=7)
    shelf.add_file(store, "pack.zip", inside=2, inside_failed=1, pages=0)
    shelf.add_store("Archive", owner_name="berta@example.org", can_write=False, can_manage=False)


async def _looks_at_documents(visit: Visit, seen: Inspection) -> None:
    page = visit.page
    await visit.open_tab(text("tab_documents", "en"))
    shelf = page.locator("document-shelf")
    await expect(shelf.locator("[role=row]", has_text="guide.pdf")).to_be_visible()
    await shelf.locator("details summary").first.click()
    await seen.look("documents")
    await _keeps_the_focus_while_documents_are_read(visit, shelf)
    path = await _all_is_in_reach(page)
    assert any("guide.pdf" in one for one in path) and any(one.startswith("input") for one in path)
    for name in ("new_collection", "share", "search_test", "delete_collection"):
        await shelf.get_by_role("button", name=text(name, "en"), exact=True).click()
        await expect(page.locator("dialog[open]")).to_be_visible()
        if name == "search_test":
            await page.get_by_label(text("search_test_question", "en")).fill("How many days?")
            await page.keyboard.press("Enter")
            await page.locator(".search-test summary").first.click()
        await seen.look(f"documents, {name}")
        await page.keyboard.press("Escape")
        await expect(page.locator("dialog[open]")).to_have_count(0)


async def _keeps_the_focus_while_documents_are_read(visit: Visit, shelf: Locator) -> None:
    """The list is brought up to date under whoever stands in it; in the end nothing is being read any more."""
    page = visit.page
    ready = shelf.get_by_role("button", name=text("state_ready", "en"))
    for control in (ready, shelf.locator(".stores button").first):
        await control.focus()
        async with page.expect_response("**/documents?changed_since=*"):
            pass
        async with page.expect_response("**/documents?changed_since=*"):  # the one before is drawn
            pass
        await expect(control).to_be_focused()
    for members in visit.box.shelf.members.values():
        for one in members:
            one |= {"status": "completed", "stage": "done"} if one["status"] == "in_progress" else {}
    await expect(shelf.get_by_role("button", name=text("filter_reading", "en"))).to_have_count(0)
    await expect(shelf.get_by_role("progressbar")).to_have_count(0)


async def _looks_at_the_administration(page: Page, seen: Inspection) -> None:
    desk, dialog = page.locator("administration-desk"), page.get_by_role("dialog")
    await page.click("#tab-admin-button")
    await desk.get_by_role("button", name=text("invite", "en"), exact=True).click()
    await expect(dialog).to_be_visible()
    await seen.look("inviting somebody")
    await page.keyboard.press("Escape")
    await desk.get_by_role("row", name=PERSON).get_by_role("button").click()
    await expect(dialog.get_by_label(text("limit_tokens_day", "en"))).to_be_visible()
    await seen.look("a person")
    await page.keyboard.press("Escape")
    sections = (
        "people",
        "groups",
        "engines",
        "models",
        "health",
        "queue",
        "insights",
        "feedback",
        "jobs",
        "cloud",
        "egress",
        "data",
        "audit",
    )
    for name in [*(f"admin_{one}" for one in sections), "me_usage"]:
        await _section(page, "administration-desk", text(name, "en"))
        await expect(desk.locator(".panel .body > *")).not_to_be_empty()
        await page.wait_for_load_state("networkidle")
        await seen.look(name)


async def test_everything_in_the_chat_is_reached_and_used_by_the_keyboard(
    browser: Browser, database: Database, valkey: Redis, tmp_path: Path
) -> None:
    """Tab comes to every control and shows where it is; sources, forms and edits need no mouse; the end is told."""
    async with _chatting(browser, database, valkey, tmp_path / "no.sock") as visit:
        page, keys = visit.page, visit.page.keyboard
        await _enter(page)
        await _all_is_in_reach(page)
        answer = await _answered(visit, "How many days of holiday do I have?")
        told = page.locator("chat-transcript .announcement")
        await expect(told).to_have_text(text("announce_done", "en"))
        await expect(told).to_have_role("status")
        path = await _all_is_in_reach(page)
        for control in ("a.citation", "button.source", "summary", "button.took", "textarea"):
            assert any(one.startswith(control) for one in path), control

        chip = answer.locator("a.citation").first
        await chip.focus()
        await keys.press("Enter")
        passage = page.locator("chat-transcript .passage")
        await expect(passage).to_be_focused()
        await keys.press("Escape")
        await expect(passage).to_be_hidden()
        await expect(chip).to_be_focused()
        await answer.locator(".deeds .down").focus()
        await keys.press("Space")
        await expect(answer.locator(".feedback textarea")).to_be_visible()
        await keys.press("Tab")
        await _button(page, "edit_question").focus()
        await keys.press("Enter")
        await expect(answer.locator(".edit textarea")).to_be_focused()
        await keys.press("Escape")
        await expect(_button(page, "edit_question")).to_be_focused()
        await keys.press("Shift+Escape")
        await expect(page.locator("chat-transcript .composer textarea")).to_be_focused()
        assert visit.trouble == []


async def _all_is_in_reach(page: Page) -> tuple[str, ...]:
    """Returns what Tab came to, in order."""
    path = await tab_path(page)
    assert path.missed == ()
    assert path.unseen == ()
    return path.order


async def test_nothing_moves_for_whoever_asked_for_that(
    browser: Browser, database: Database, valkey: Redis, tmp_path: Path
) -> None:
    """Neither the waiting line nor an open dialog is animated where the system asks for reduced motion."""
    async with _chatting(browser, database, valkey, tmp_path / "no.sock") as visit:
        page = visit.page
        await _enter(page)
        await visit.ask("Now wait")
        await expect(page.locator("chat-transcript .status .place")).to_be_visible()
        await page.keyboard.press("Control+k")
        await expect(page.get_by_role("combobox")).to_be_focused()
        assert await page.evaluate(_MOVING) == []

        await page.emulate_media(reduced_motion="no-preference")
        moving = await page.evaluate(_MOVING)
        assert any("breathe" in one for one in moving), moving


_MOVING = """() => {
  const inside = root => [...root.querySelectorAll("*")].flatMap(one => one.shadowRoot ? roots(one.shadowRoot) : []);
  const roots = root => [root, ...inside(root)];
  return [...new Set(roots(document).flatMap(root => root.getAnimations()).filter(one => one.playState === "running")
    .map(one => one.animationName ?? one.transitionProperty))];
}"""
