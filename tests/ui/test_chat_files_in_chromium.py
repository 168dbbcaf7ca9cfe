"""Dropping a file into a chat, in a real browser: progress, reasons, taking out, and the file beside its question."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect
from redis.asyncio import Redis

from appliance.domain.answers import Finished, Progressed, TextDelta
from appliance.storage.database import Database
from tests.page_box import PASSWORD
from tests.ui.test_page_in_chromium import _visiting, browser, pytestmark, text

__all__ = ["browser", "pytestmark"]

PDF = {"name": "contract.pdf", "mimeType": "application/pdf", "buffer": b"%PDF" * 1000}
_DROP = """async room => {
  const data = new DataTransfer();
  data.items.add(new File(["# Minutes"], "minutes.md", {type: "text/markdown"}));
  room.dispatchEvent(new DragEvent("dragenter", {dataTransfer: data, bubbles: true}));
  const marked = room.hasAttribute("data-dropping");
  room.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
  return marked && !room.hasAttribute("data-dropping");
}"""


@pytest.mark.parametrize(("language", "locale"), [("en", "en-GB"), ("es", "es-ES")])
async def test_a_file_is_dropped_into_a_chat_and_asked(
    browser: Browser, database: Database, valkey: Redis, tmp_path: Path, language: str, locale: str
) -> None:
    """Chosen or dropped, it becomes a chip with its state; the question shows it, after a reload too."""
    go_on = asyncio.Event()
    socket = tmp_path / "no-ui.sock"
    async with _visiting(browser, database, valkey, socket, with_ui=False, locale=locale) as visit:
        steps = [
            Progressed("summarising", 12, 40),
            go_on.wait(),
            TextDelta("A contract."),
            Finished("written"),
        ]
        visit.box.answerer.script = lambda _request: steps
        page = visit.page
        await page.goto(visit.url)
        await page.fill("[name=email]", "ana@example.org")
        await page.fill("[name=password]", PASSWORD)
        await page.click("button[type=submit]")
        chips = page.locator("chat-transcript .attached .file")
        await page.locator("chat-transcript .composer input[type=file]").set_input_files(
            [PDF, {**PDF, "name": "bad.pdf"}, {**PDF, "name": "slow.pdf"}]
        )
        await expect(chips).to_have_count(3)
        await expect(chips.nth(0)).to_contain_text(text("attached_pages", language, pages=3))
        await expect(chips.nth(1)).to_contain_text(text("error.document_damaged", language))
        await expect(chips.nth(2)).to_contain_text(text("state_reading", language, percent=42))
        assert "/c/" in page.url

        await chips.nth(2).locator("button").click()
        await chips.nth(1).locator("button").click()
        await expect(chips).to_have_count(1)
        assert await page.locator("chat-transcript").evaluate(_DROP)
        await expect(chips).to_have_count(2)
        await visit.ask("Summarise this")
        article = page.locator("chat-transcript article")
        await expect(article.locator(".asked-files .file-name")).to_have_text(["contract.pdf", "minutes.md"])
        await expect(article.locator(".status")).to_have_text(
            text("status_summarising", language, done=12, total=40)
        )
        go_on.set()
        await expect(article).to_contain_text("A contract.")

        await page.reload()
        await expect(article.locator(".asked-files .file-name")).to_have_text(["contract.pdf", "minutes.md"])
        await expect(chips).to_have_count(2)
        await page.get_by_role("button", name=text("new_question", language)).click()
        await expect(chips).to_have_count(0)
        assert visit.trouble == []
