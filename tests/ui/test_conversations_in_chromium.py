"""The conversations beside the chat, in a real browser.

By keyboard, in both languages, on a phone. The ui's process is not there: none of this needs it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, expect
from redis.asyncio import Redis

from appliance.domain.answers import Finished, TextDelta
from appliance.storage.database import Database
from tests.page_box import PASSWORD, a_tiny_engine
from tests.ui.test_page_in_chromium import Visit, _visiting, browser, pytestmark
from ui.texts import Language, text

__all__ = ["browser", "pytestmark"]

LOCALES: list[tuple[Language, str]] = [("en", "en-GB"), ("es", "es-ES")]
PHONE = {"viewport": {"width": 390, "height": 844}}

_PASTE_PICTURE = """box => {
  const data = new DataTransfer();
  data.items.add(new File(["x"], "image.png", {type: "image/png"}));
  box.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
}"""
_PERIODS = """async moments => {
  const script = document.querySelector("script[type=module][src]").src;
  const {period} = await import(new URL("../conversations/sidebar.js", script).href);
  return moments.map(([at, now]) => period(at, new Date(now)));
}"""
_BEGIN = """async count => {
  for (let at = 0; at < count; at += 1)
    await fetch("/api/conversations", {method: "POST", headers: {"content-type": "application/json"},
      body: JSON.stringify({title: `Chat ${at}`})});
}"""
_MAC = """Object.defineProperty(navigator, "userAgentData", {get: () => ({platform: "macOS"})});"""
_TITLE_MARKS = """async ([title, question]) => {
  const script = document.querySelector("script[type=module][src]").src;
  const {wordSpans} = await import(new URL("../conversations/search.js", script).href);
  return wordSpans(title, question);
}"""


@asynccontextmanager
async def _chatting(
    browser: Browser, database: Database, valkey: Redis, socket: Path, **look: Any
) -> AsyncIterator[Visit]:
    """Signed in, before the ui is there: the chat needs nothing of it."""
    async with _visiting(browser, database, valkey, socket, with_ui=False, **look) as visit:
        visit.box.engines.append(a_tiny_engine())
        await visit.page.goto(visit.url)
        await visit.page.fill("[name=email]", "ana@example.org")
        await visit.page.fill("[name=password]", PASSWORD)
        await visit.page.click("button[type=submit]")
        await expect(visit.page.locator("chat-transcript textarea")).to_be_focused()
        yield visit


def _rows(page: Page) -> Locator:
    return page.locator("chat-transcript .conversations li")


async def _ask(visit: Visit, question: str) -> None:
    """In a chat of its own, by keyboard; returns when it is answered."""
    await visit.page.keyboard.press("Control+Shift+KeyO")
    await expect(visit.page.locator("chat-transcript article")).to_have_count(0)
    await visit.page.keyboard.type(question)
    await visit.page.keyboard.press("Enter")
    await expect(visit.page.locator("chat-transcript article footer")).to_be_visible()


@pytest.mark.parametrize(("language", "locale"), LOCALES)
async def test_conversations_are_kept_in_order_by_the_keyboard_alone(
    browser: Browser, database: Database, valkey: Redis, tmp_path: Path, language: Language, locale: str
) -> None:
    """Named, pinned, put away, deleted and had back, found by their words: without a mouse, nothing in the console."""
    async with _chatting(browser, database, valkey, tmp_path / "no.sock", locale=locale) as visit:
        page, keys = visit.page, visit.page.keyboard
        rows = _rows(page)
        for question in ("Nómina de diciembre", "Travel expenses", "Stolen laptop"):
            await _ask(visit, question)
        await expect(rows).to_have_count(3)
        await expect(page.locator("chat-transcript .conversations h3")).to_have_text(
            [text("today", language)]
        )
        await expect(rows.nth(0)).to_have_class("current")
        await expect(page).to_have_title("Stolen laptop · LLM Appliance")

        await rows.nth(0).locator("a").focus()
        await keys.press("ArrowDown")
        await expect(rows.nth(1).locator("a")).to_be_focused()
        await keys.press("F2")
        await keys.type("Viajes 2026")
        await keys.press("Enter")
        await expect(rows.nth(1).locator(".name")).to_have_text("Viajes 2026")

        await rows.nth(2).locator("button").focus()
        await keys.press("Enter")
        menu = page.locator("chat-transcript [role=menu]")
        await expect(menu.get_by_role("menuitem").first).to_be_focused()
        await keys.press("ArrowDown")
        await keys.press("Enter")
        await expect(page.locator("chat-transcript .conversations h3").first).to_have_text(
            text("pinned", language)
        )
        await expect(rows.nth(0).locator(".name")).to_have_text("Nómina de diciembre")

        await rows.nth(0).locator("a").focus()
        await keys.press("Delete")
        await expect(rows).to_have_count(2)
        undo = page.get_by_role("button", name=text("undo", language))
        await expect(undo).to_be_visible()
        await page.reload()
        await expect(rows).to_have_count(2)
        await undo.focus()
        await keys.press("Enter")
        await expect(rows).to_have_count(3)

        await keys.press("Control+k")
        await expect(page.get_by_role("combobox")).to_be_focused()
        await keys.type("nomina")
        found = page.get_by_role("option")
        await expect(found).to_have_count(1)
        await expect(found.locator(".title mark")).to_have_text("Nómina")
        await expect(found.locator(".snippet mark").first).to_have_text("Nómina")
        await keys.press("Enter")
        await expect(page.locator("chat-transcript article .question")).to_contain_text("Nómina de diciembre")
        await expect(page).to_have_title("Nómina de diciembre · LLM Appliance")
        await expect(page.locator("chat-transcript textarea")).to_be_focused()
        await keys.type("still here")
        await expect(page.locator("chat-transcript textarea")).to_have_value("still here")
        assert visit.trouble == []


@pytest.mark.parametrize(("language", "locale"), LOCALES)
async def test_a_conversation_is_put_away_taken_out_and_saved(
    browser: Browser, database: Database, valkey: Redis, tmp_path: Path, language: Language, locale: str
) -> None:
    """The archive shows what was put away; a conversation can be saved; the shortcuts can be switched off and on."""
    async with _chatting(browser, database, valkey, tmp_path / "no.sock", locale=locale) as visit:
        page, keys = visit.page, visit.page.keyboard
        rows, menu = _rows(page), page.locator("chat-transcript [role=menu]")
        await _ask(visit, "Travel expenses")
        await rows.nth(0).locator("button").click()
        async with page.expect_download() as saving:
            await menu.get_by_role("menuitem", name=text("export_markdown", language)).click()
        saved = await saving.value
        assert saved.suggested_filename.endswith(".md")
        await saved.save_as(tmp_path / "saved.md")
        assert "Travel expenses" in await asyncio.to_thread((tmp_path / "saved.md").read_text, "utf-8")

        await rows.nth(0).locator("button").click()
        await menu.get_by_role("menuitem", name=text("put_away", language)).click()
        await expect(rows).to_have_count(0)
        await page.get_by_role("button", name=text("archive", language), exact=True).click()
        await expect(rows).to_have_count(1)
        await rows.nth(0).locator("button").click()
        await menu.get_by_role("menuitem", name=text("unarchive", language)).click()
        await expect(page.locator("chat-transcript .conversations")).to_have_text(
            text("archive_empty", language)
        )
        await page.get_by_role("button", name=text("archive_back", language)).click()
        await expect(rows).to_have_count(1)

        await keys.press("Control+Shift+KeyS")
        await expect(rows.nth(0)).to_be_hidden()
        await keys.press("Control+/")
        switch = page.get_by_role("checkbox", name=text("keys_on", language))
        await switch.uncheck()
        await keys.press("Escape")
        await expect(switch).to_have_count(0)
        await visit.box.was_asked("PATCH", "/api/me")
        await keys.press("Control+Shift+KeyS")
        await expect(rows.nth(0)).to_be_hidden()
        await page.get_by_role("button", name=text("show_sidebar", language)).click()
        await page.get_by_role("button", name=text("keys_title", language)).click()
        await switch.check()
        await keys.press("Control+/")
        await expect(switch).to_have_count(0)
        assert visit.trouble == []


async def test_on_a_phone_the_conversations_are_a_drawer(
    browser: Browser, database: Database, valkey: Redis, tmp_path: Path
) -> None:
    """Nothing is wider than the screen; the drawer opens over the chat and closes by Esc, by a tap, and by choosing."""
    async with _chatting(
        browser, database, valkey, tmp_path / "no.sock", locale="es-ES", color_scheme="dark", **PHONE
    ) as visit:
        page, box = visit.page, visit.page.locator("chat-transcript textarea")
        await page.get_by_role("button", name=text("starter_translate", "es")).click()
        await expect(box).to_have_value(text("starter_translate_text", "es"))
        await expect(page.locator("chat-transcript .choice")).to_have_text(["@tiny-chat"])
        await box.fill("")
        await _ask(visit, "¿Cuántos días de vacaciones tengo con una antigüedad de siete años en la empresa?")
        await expect(_rows(page)).to_have_count(1)
        await expect(_rows(page)).to_be_hidden()
        opener = page.get_by_role("button", name=text("show_sidebar", "es"))
        await opener.click()
        await expect(_rows(page)).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        await page.keyboard.press("Escape")
        await expect(_rows(page)).to_be_hidden()
        await opener.click()
        await page.get_by_role("button", name=text("new_question", "es")).last.click()
        await expect(_rows(page)).to_be_hidden()

        await page.get_by_role("button", name=text("temporary", "es")).click()
        await visit.ask("Esto no se guarda")
        await expect(page.locator("chat-transcript article footer")).to_be_visible()
        await expect(page.locator("chat-transcript .chat-head .badge")).to_be_visible()
        assert "/c/" in page.url
        await opener.click()
        await expect(_rows(page)).to_have_count(1)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        assert visit.trouble == []


async def test_what_the_list_works_out_by_itself_is_right(
    browser: Browser, database: Database, valkey: Redis, tmp_path: Path
) -> None:
    """Days are days of the calendar, also over a change of clocks; words are marked with and without accents; older
    conversations come when somebody scrolls to them."""
    async with _chatting(
        browser, database, valkey, tmp_path / "no.sock", locale="es-ES", timezone_id="Europe/Madrid"
    ) as visit:
        page = visit.page
        now = "2026-10-26T00:30:00+01:00"
        moments = [
            ("2026-10-26T00:10:00+01:00", now),
            ("2026-10-25T00:10:00+02:00", now),
            ("2026-10-20T12:00:00+02:00", now),
            ("2026-10-19T12:00:00+02:00", now),
            ("2026-09-20T12:00:00+02:00", now),
        ]
        periods = ["today", "yesterday", "last_week", "last_month", "older"]
        assert await page.evaluate(_PERIODS, moments) == periods
        marks = [[0, 6], [9, 15], [20, 26]]
        assert await page.evaluate(_TITLE_MARKS, ["Nómina y nominas 😀 nómina", "NOMINA"]) == marks

        await page.evaluate(_BEGIN, 45)
        await page.reload()
        await expect(_rows(page)).to_have_count(40)
        await _rows(page).last.scroll_into_view_if_needed()
        await expect(_rows(page)).to_have_count(45)

        await page.add_init_script(_MAC)
        await page.reload()
        search = page.get_by_role("button", name=text("search_conversations", "es"))
        await expect(search).to_have_attribute("title", f"{text('search_conversations', 'es')} (⌘K)")
        await page.keyboard.press("Meta+k")
        await expect(page.get_by_role("combobox")).to_be_focused()
        assert visit.trouble == []


async def test_what_happens_elsewhere_shows_here(
    browser: Browser, database: Database, valkey: Redis, tmp_path: Path
) -> None:
    """An answer in another chat is marked while it runs and until it is read; another device's question appears;
    a pasted picture becomes a file; what no longer fits into the context is said."""
    go_on = asyncio.Event()
    async with _chatting(browser, database, valkey, tmp_path / "no.sock", locale="es-ES") as visit:
        page, rows = visit.page, _rows(visit.page)
        script = visit.box.answerer.script
        visit.box.answerer.script = lambda _request: [go_on.wait(), TextDelta("Sí."), Finished("written")]
        await visit.ask("Tarda mucho")
        await expect(rows).to_have_count(1)
        visit.box.answerer.script = script
        await page.keyboard.press("Control+Shift+KeyO")
        await expect(rows.nth(0)).to_have_class("running")
        go_on.set()
        await expect(rows.nth(0)).to_have_class("unread", timeout=30_000)
        await expect(rows.nth(0)).to_contain_text(text("is_unread", "es"))
        await rows.nth(0).locator("a").click()
        await expect(rows.nth(0)).to_have_class("current")
        await expect(page.locator("chat-transcript article footer")).to_be_visible()

        await page.locator("chat-transcript textarea").evaluate(_PASTE_PICTURE)
        picture = page.locator("chat-transcript .attached .file-name")
        await expect(picture).to_contain_text(text("pasted_picture", "es"))

        use = {"used_tokens": 1945, "limit_tokens": 2048, "dropped_turns": 2, "is_exact": True}
        await page.route("**/context?*", lambda route: route.fulfill(json=use))
        other = await page.context.new_page()
        await other.goto(page.url)
        await other.fill("chat-transcript textarea", "Desde el teléfono")
        await other.keyboard.press("Enter")
        await expect(other.locator("chat-transcript article")).to_have_count(2)
        await page.bring_to_front()
        await expect(page.locator("chat-transcript article")).to_have_count(2, timeout=90_000)
        await visit.ask("Y desde aquí")
        await expect(page.locator("chat-transcript article footer")).to_have_count(3)
        await page.locator("chat-transcript .meter").click()
        told = page.locator("chat-transcript .meter-told")
        await expect(told).to_contain_text(text("context_used", "es", used="1945", limit="2048"))
        await expect(told).to_contain_text(text("context_drops", "es", count=2))
        assert visit.trouble == []
