"""The documents tab in a real browser: how far each is, stopping one, and what could not be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect
from redis.asyncio import Redis

from appliance.storage.database import Database
from tests.ui.test_page_in_chromium import _visiting, browser, pytestmark, text

__all__ = ["browser", "pytestmark"]


@pytest.mark.parametrize(("language", "locale"), [("en", "en-GB"), ("es", "es-ES")])
async def test_reading_is_watched_stopped_and_tried_again(
    browser: Browser, database: Database, valkey: Redis, tmp_path: Path, language: str, locale: str
) -> None:
    """Stage, share and speed of what is read; a reason for what was not; one click stops one or tries all again."""
    async with _visiting(browser, database, valkey, tmp_path / "ui.sock", locale=locale) as visit:
        page = visit.page
        await visit.sign_in()
        await visit.open_tab(text("tab_documents", language))
        shelf = page.locator("document-shelf")
        names = ("slow.pdf", "bad-1.pdf", "bad-2.pdf", "good.pdf")
        await shelf.locator("input[type=file]").set_input_files(
            [{"name": name, "mimeType": "application/pdf", "buffer": b"%PDF"} for name in names]
        )
        slow = shelf.locator("tbody tr", has_text="slow.pdf")
        await expect(slow).to_contain_text(text("stage_embedding", language))
        await expect(slow).to_contain_text("42 %")
        await expect(slow).to_contain_text("12.5" if language == "en" else "12,5")
        await expect(shelf.locator(".dead")).to_contain_text(text("failed_count", language, count=2))
        if shots := os.environ.get("APPLIANCE_SCREENSHOTS"):
            await page.screenshot(path=f"{shots}/documents-{language}.png")

        await slow.get_by_label(text("cancel_file", language, filename="slow.pdf")).click()
        await expect(slow.locator(".badge")).to_have_text(text("state_cancelled", language))
        await shelf.get_by_role("button", name=text("show_failed", language)).click()
        await expect(shelf.locator("tbody tr")).to_have_count(2)
        await shelf.get_by_role("button", name=text("retry_failed", language)).click()
        await expect(shelf.locator(".dead")).to_be_hidden()
        await expect(shelf.locator("tbody tr")).to_have_count(4)
        await expect(shelf.locator("tr", has_text="bad-1.pdf")).to_contain_text("Page 3 was left out.")
        assert visit.trouble == []
