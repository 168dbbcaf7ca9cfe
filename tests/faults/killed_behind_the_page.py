"""An answer on the page while the gateway and the page's own server are killed behind it, in a real browser."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from playwright.async_api import Locator, Page, async_playwright, expect

from tests.ui.test_page_in_chromium import CHROMIUM, FLAGS
from tests.whole_box import WholeBox
from ui.texts import text

BACK_MS = 120_000  # both processes start anew, on a machine that does three other things


@dataclass(frozen=True)
class Reader:
    """The first administrator's browser, with one answer that is being written."""

    page: Page
    box: WholeBox

    @property
    def answers(self) -> Locator:
        return self.page.locator("chat-transcript article")

    async def sign_in(self) -> None:
        kept = json.loads((self.box.data / "credentials.json").read_text(encoding="utf-8"))
        await self.page.goto(self.box.url)
        await self.page.fill("[name=email]", kept["email"])
        await self.page.fill("[name=password]", kept["password"])
        await self.page.keyboard.press("Enter")
        await expect(self.page.locator("#slot-chat chat-transcript textarea")).to_be_visible(timeout=BACK_MS)

    async def ask(self, model: str, question: str) -> None:
        box = self.page.locator("chat-transcript textarea")
        await box.press_sequentially(f"@{model}")
        await expect(self.page.get_by_role("option")).to_have_count(1)
        await self.page.keyboard.press("Enter")
        await box.fill(question)
        await self.page.keyboard.press("Enter")

    async def words(self) -> list[str]:
        """Of the last answer, so far."""
        return (await self.answers.last.locator(".body").inner_text()).split()

    async def reads(self, more_than: int) -> list[str]:
        """The words, once there are more than so many."""
        await self.page.wait_for_selector("chat-transcript article .body .block", timeout=BACK_MS)
        while len(words := await self.words()) <= more_than:
            await self.page.wait_for_timeout(50)
        return words

    async def sees_the_break(self) -> list[str]:
        """Told in its place, beside the words that there are."""
        ended = self.answers.last.locator(".ended")
        await expect(ended).to_contain_text(text("error.turn_interrupted", "en"), timeout=BACK_MS)
        # A browser has no words to tell of what it has not laid out yet, because it is not in view.
        await ended.scroll_into_view_if_needed()
        await expect(self.answers.last.locator(".body")).not_to_have_text(
            "", timeout=BACK_MS, use_inner_text=True
        )
        return await self.words()

    async def goes_on(self) -> None:
        """One click."""
        await self.answers.last.get_by_role("button", name=text("continue_answer", "en")).click()
        await expect(self.answers.last.locator(".answer.running")).to_be_visible()

    async def stops(self) -> None:
        await self.page.locator("chat-transcript .send.running").click()
        await expect(self.answers.last.locator(".ended")).to_contain_text(text("stopped", "en"))


@asynccontextmanager
async def reading(box: WholeBox) -> AsyncIterator[Reader]:
    """Signed in."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = await browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 860})
        reader = Reader(await context.new_page(), box)
        await reader.sign_in()
        yield reader
        await browser.close()


def kill(box: WholeBox, *parts: str) -> dict[str, int]:
    """`kill -9`, all at once; returns which processes they were."""
    pids = {part: box.pid_of(part) for part in parts}
    for pid in pids.values():
        os.kill(pid, signal.SIGKILL)
    return pids
