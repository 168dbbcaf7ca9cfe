"""The question box in a real browser: what is typed, pasted, chosen and uploaded there, and that none of it is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Browser, FilePayload, Route, expect
from redis.asyncio import Redis

from appliance.domain.answers import Finished, TextDelta
from appliance.storage.database import Database
from tests.ui.test_conversations_in_chromium import LOCALES, _chatting
from tests.ui.test_page_in_chromium import browser, pytestmark
from ui.texts import Language, text

__all__ = ["browser", "pytestmark"]

_PASTE = """(box, text) => {
  const data = new DataTransfer();
  data.setData("text/plain", text);
  box.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
}"""


@pytest.mark.parametrize(("language", "locale"), LOCALES)
async def test_the_question_box_loses_nothing(
    browser: Browser, database: Database, valkey: Redis, tmp_path: Path, language: Language, locale: str
) -> None:
    """Drafts and pastes survive a reload; what could not be sent comes back; a question waits for its turn."""
    go_on = asyncio.Event()
    async with _chatting(browser, database, valkey, tmp_path / "no.sock", locale=locale) as visit:
        answerer = visit.box.answerer
        answerer.script = lambda _request: [go_on.wait(), TextDelta("Yes."), Finished("written")]
        page, keys = visit.page, visit.page.keyboard
        box, chips = page.locator("chat-transcript textarea"), page.locator("chat-transcript .choice")
        await keys.type("@tiny")
        await expect(page.get_by_role("option")).to_have_count(1)
        assert await box.get_attribute("aria-activedescendant") == "picker-0"
        await keys.press("Enter")
        await expect(chips).to_have_text(["@tiny-chat"])
        await expect(box).to_have_value("")
        await keys.type("#hand")
        await expect(page.get_by_role("option")).to_have_count(1)
        await keys.press("Enter")
        await expect(chips).to_have_text(["@" + text("model_sources", language), "#Handbook"])

        await keys.type("First line")
        await keys.press("Shift+Enter")
        await keys.type("second line")
        pasted = ("A long passage. " * 300).strip()
        await box.evaluate(_PASTE, pasted)
        await expect(page.locator("chat-transcript .paste")).to_have_count(1)
        await page.reload()
        await expect(box).to_have_value("First line\nsecond line")
        await expect(page.locator("chat-transcript .paste")).to_have_count(1)

        await page.context.route("**/api/turns", lambda route: route.abort())
        await box.focus()
        await keys.press("Enter")
        await expect(page.get_by_role("alert")).to_have_text(text("not_sent_connection", language))
        await expect(box).to_have_value("First line\nsecond line")
        await expect(page.locator("chat-transcript .paste")).to_have_count(1)
        await expect(page.locator("chat-transcript article")).to_have_count(0)
        visit.trouble.clear()
        await page.context.unroute("**/api/turns")

        await expect(chips).to_have_text(["@" + text("model_sources", language), "#Handbook"])
        await keys.press("Enter")
        await expect(page.locator("chat-transcript .send.running")).to_be_visible()
        await keys.type("And then?")
        await keys.press("Enter")
        await expect(page.locator("chat-transcript .waiting")).to_contain_text(
            text("waits_for_answer", language)
        )
        go_on.set()
        await expect(page.locator("chat-transcript article footer")).to_have_count(2)
        assert [request.question for _, request in answerer.asked] == [
            f"First line\nsecond line\n\n{pasted}",
            "And then?",
        ]
        assert answerer.asked[1][1].collection_ids is not None
        await expect(box).to_have_value("")

        answerer.script = lambda _request: [
            TextDelta("On and on"),
            asyncio.Event().wait(),
            Finished("written"),
        ]
        await keys.type("A third one")
        await keys.press("Enter")
        await expect(page.locator("chat-transcript article").last).to_contain_text("On and on")
        await keys.press("Escape")
        await expect(page.locator("chat-transcript article footer").last).to_contain_text(
            text("stopped", language)
        )
        assert visit.trouble == []


async def test_an_upload_that_is_cancelled_or_lost_does_not_hold_up_the_next(
    browser: Browser, database: Database, valkey: Redis, tmp_path: Path
) -> None:
    """Cancelled it is gone, lost it says why and can be tried again."""
    async with _chatting(browser, database, valkey, tmp_path / "no.sock", locale="en-GB") as visit:
        page = visit.page
        hanging = asyncio.Event()

        async def first_hangs(route: Route) -> None:
            if hanging.is_set():
                await route.abort()
            hanging.set()

        await page.route("**/files", first_hangs)
        chips = page.locator("chat-transcript .attached .file")
        chooser = page.locator("chat-transcript .composer input[type=file]")
        await chooser.set_input_files(
            [
                FilePayload(name=name, mimeType="text/markdown", buffer=b"# Minutes")
                for name in ("first.md", "minutes.md")
            ]
        )
        await expect(chips).to_have_count(2)
        await hanging.wait()
        await chips.nth(0).get_by_role("button", name="first.md").click()
        await expect(chips).to_have_count(1)
        await expect(chips).to_contain_text(text("connection_lost", "en"))
        visit.trouble.clear()
        await page.unroute("**/files")
        await chips.get_by_role("button", name=text("try_again", "en")).click()
        await expect(chips).to_contain_text("minutes.md")
        await expect(chips.locator(".file-problem")).to_have_count(0)
        await expect(chips.locator("progress")).to_have_count(0)
        assert visit.trouble == []
