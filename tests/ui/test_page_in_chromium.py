"""The page in a real browser, in front of a real ui process: what a person sees, does, and what the console says.

Nothing may be written to the console and nothing asked of another host, in either language, dark or on a phone.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect
from redis.asyncio import Redis

from appliance.domain.answers import Cited, Finished, TextDelta, Waiting
from appliance.storage.database import Database
from tests.page_box import PASSWORD, PageBox, Serving, a_tiny_engine, make_box, quoted, until_started
from ui.texts import Language, text

CHROMIUM = shutil.which("chromium")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
UI_START_S = 90  # a busy machine; 4 s on an idle one

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None, reason="chromium is not installed: the page was not opened in a browser"
    ),
    pytest.mark.timeout(600),
]


@dataclass
class Visit:
    """A browser's page, and everything that should not have happened in it."""

    page: Page
    box: PageBox
    url: str
    trouble: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("console", lambda message: self._hear(message.type, message.text))
        self.page.on("pageerror", lambda error: self.trouble.append(f"error: {error}"))
        self.page.on("request", lambda request: self._check(request.url))

    def _hear(self, kind: str, words: str) -> None:
        # Whoever types before the browser has come to the field's autofocus gets this remark, and nothing is wrong.
        if not words.startswith("Autofocus processing was blocked"):
            self.trouble.append(f"console {kind}: {words}")

    def _check(self, address: str) -> None:
        if not address.startswith((self.url, "data:", "blob:")):
            self.trouble.append(f"asked another host: {address}")

    async def sign_in(self) -> None:
        await self.page.goto(self.url)
        await self.page.fill("[name=email]", "ana@example.org")
        await self.page.fill("[name=password]", PASSWORD)
        await self.page.click("button[type=submit]")
        await expect(self.page.locator("#slot-chat chat-transcript .composer")).to_be_visible(timeout=60_000)

    async def ask(self, question: str) -> None:
        await self.page.fill("chat-transcript textarea", question)
        await self.page.keyboard.press("Enter")

    async def open_tab(self, name: str) -> None:
        """From the bar, or from the menu of what does not fit into it."""
        if await (tab := self.page.get_by_role("tab", name=name, exact=True)).count():
            return await tab.click()
        await self.page.locator(".overflow-menu > button").click()
        return await self.page.locator(".overflow-dropdown").get_by_role("button", name=name).click()


@asynccontextmanager
async def _ui(api_url: str, socket: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ui", "--api", api_url, "--socket", str(socket), cwd=Path(__file__).parents[2]
    )
    try:
        async with asyncio.timeout(UI_START_S):
            while True:
                try:
                    _, writer = await asyncio.open_unix_connection(str(socket))
                    writer.close()
                    break
                except OSError:
                    assert process.returncode is None, "the ui process ended"
                    await asyncio.sleep(0.1)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Chromium, with nothing of its own to ask the network for."""
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        await launched.close()


@asynccontextmanager
async def _visiting(
    browser: Browser, database: Database, valkey: Redis, socket: Path, *, with_ui: bool = True, **look: Any
) -> AsyncIterator[Visit]:
    box = make_box(database, valkey, socket)
    box.people.add("ana@example.org")
    await box.page.open()
    server = Serving(box)
    task = await until_started(server)
    context = await browser.new_context(**look)
    visit = Visit(await context.new_page(), box, server.url)
    visit.watch()
    try:
        if with_ui:
            async with _ui(server.url, socket):
                yield visit
        else:
            yield visit
    finally:
        await context.close()
        server.should_exit = server.force_exit = True
        await task
        await box.page.close()


LOOKS: dict[str, tuple[Language, dict[str, Any]]] = {
    "spanish, dark": (
        "es",
        {"locale": "es-ES", "color_scheme": "dark", "viewport": {"width": 1280, "height": 800}},
    ),
    "phone": ("en", {"locale": "en-US", "viewport": {"width": 390, "height": 844}}),
}


@pytest.mark.parametrize("look", ["spanish, dark", "phone"])
async def test_a_person_asks_follows_a_citation_and_opens_every_tab(
    browser: Browser, database: Database, valkey: Redis, tmp_path: Path, look: str
) -> None:
    """From signing in to the last tab: everything answers, in the person's language, with an empty console."""
    language, options = LOOKS[look]
    async with _visiting(browser, database, valkey, tmp_path / "ui.sock", **options) as visit:
        visit.box.engines.append(a_tiny_engine())
        page = visit.page
        await visit.sign_in()
        await expect(page.locator("chat-transcript textarea")).to_be_focused()

        suggestions = page.locator("chat-transcript .suggestions button")
        await expect(suggestions).to_have_count({"en": 4, "es": 2}[language])
        await suggestions.first.click()
        answer = page.locator("chat-transcript article").first
        await expect(answer.locator("footer")).to_contain_text(text("kind_quoted", language))
        await expect(answer.locator("blockquote mark.match").first).to_have_text("23 days")
        assert "/c/" in page.url

        await answer.locator("a.citation").click()
        passage = page.locator("chat-transcript .passage")
        await expect(passage).to_be_visible()
        await expect(passage.locator("h2")).to_have_text("employee-handbook.pdf")
        await expect(passage).to_contain_text(text("page_number", language, page=12))
        await expect(passage.locator(".quote")).to_have_text("Everybody has 23 days of holiday a year.")
        await expect(passage).to_contain_text("Unused days lapse")
        await _sees_the_marked_page(page, language)
        await page.keyboard.press("Escape")
        await expect(passage).to_be_hidden()

        await visit.open_tab(text("tab_documents", language))
        shelf = page.locator("document-shelf")
        await expect(shelf.locator(".stores button")).to_contain_text("Handbook")
        await shelf.locator("input[type=file]").set_input_files(
            [
                {"name": "guide.pdf", "mimeType": "application/pdf", "buffer": b"%PDF" * 1000},
                {"name": "bad.pdf", "mimeType": "application/pdf", "buffer": b"x"},
            ]
        )
        row = shelf.locator("[role=row]", has_text="guide.pdf")
        await expect(row.locator(".badge")).to_have_text(text("state_ready", language))
        await expect(shelf.locator("[role=row]", has_text="bad.pdf")).to_contain_text(
            text("error.document_damaged", language)
        )

        await visit.open_tab(text("tab_connected", language))
        connected = page.locator("#connected-summary")
        await expect(connected).to_contain_text("tiny-chat")
        await expect(connected).to_contain_text(text("part_embedder", language))
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= options["viewport"]["width"]
        assert visit.trouble == []


async def _sees_the_marked_page(page: Page, language: Language) -> None:
    """The page's picture is there with its mark in view; what it says is told to those who do not see it."""
    picture = page.locator("chat-transcript .passage .page-picture img")
    await expect(picture).to_be_visible()
    await expect(page.locator("chat-transcript .passage details")).not_to_have_attribute("open", "")
    where = text("page_number", language, page=12)
    words = text("page_picture", language, filename="employee-handbook.pdf", place=where)
    await expect(picture).to_have_attribute("alt", words)
    marked = await picture.evaluate(_MARKED_ROWS)
    assert marked["rows"] > 5, "nothing is marked on the picture"
    assert marked["top"] <= marked["first"] and marked["last"] <= marked["bottom"], "the mark is out of view"
    await page.locator("chat-transcript .passage summary").click()
    await expect(page.locator("chat-transcript .passage-text")).to_be_visible()


# Where the highlighter's colour stands on the picture, and what of the picture the panel shows, in page pixels.
_MARKED_ROWS = """async image => {
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
  const context = canvas.getContext("2d", {willReadFrequently: true});
  context.drawImage(image, 0, 0);
  const {data} = context.getImageData(0, 0, canvas.width, canvas.height);
  const rows = new Set();
  for (let at = 0; at < data.length; at += 4)
    if (data[at] === 255 && data[at + 1] === 226 && data[at + 2] === 92) rows.add(Math.floor(at / 4 / canvas.width));
  const box = image.getBoundingClientRect(), panel = image.closest(".passage").getBoundingClientRect();
  const place = row => box.top + row / image.naturalHeight * box.height;
  return {rows: rows.size, first: place(Math.min(...rows)), last: place(Math.max(...rows)),
    top: panel.top, bottom: panel.bottom};
}"""


async def test_a_source_that_is_gone_says_so_and_keeps_its_words(
    browser: Browser, database: Database, valkey: Redis, tmp_path: Path
) -> None:
    """A citation of a deleted document still opens: with the words it had, and a sentence that it is no longer here."""
    async with _visiting(
        browser, database, valkey, tmp_path / "ui.sock", with_ui=False, locale="es-ES"
    ) as visit:
        visit.box.answerer.script = lambda request: [
            replace(event, citations=tuple(replace(one, file_id=UUID(int=99)) for one in event.citations))
            if isinstance(event, Cited)
            else event
            for event in quoted(request)
        ]
        page = visit.page
        await page.goto(visit.url)
        await page.fill("[name=email]", "ana@example.org")
        await page.fill("[name=password]", PASSWORD)
        await page.click("button[type=submit]")
        await visit.ask("¿Cuántos días?")
        await page.locator("chat-transcript a.citation").click()
        passage = page.locator("chat-transcript .passage")
        await expect(passage).to_contain_text(text("page_gone", "es"))
        await expect(passage.locator(".passage-text")).to_contain_text("Everybody has 23 days")
        await expect(passage.locator(".page-picture")).to_be_hidden()
        assert all("404" in line for line in visit.trouble)


async def test_the_chat_works_while_the_ui_is_starting_and_keeps_its_place(
    browser: Browser, database: Database, valkey: Redis, tmp_path: Path
) -> None:
    """A question asked before the ui is there survives its arrival: the same answer, then the tabs."""
    async with _visiting(browser, database, valkey, tmp_path / "ui.sock", with_ui=False) as visit:
        page = visit.page
        await page.goto(visit.url)
        await page.fill("[name=email]", "ana@example.org")
        await page.fill("[name=password]", PASSWORD)
        await page.click("button[type=submit]")
        await expect(page.locator("#waiting-ui")).to_be_visible()
        await visit.ask("How many days?")
        await expect(page.locator("chat-transcript article footer")).to_be_visible()
        await page.fill("chat-transcript textarea", "half a thought")

        async with _ui(visit.url, tmp_path / "ui.sock"):
            await expect(page.locator("#slot-chat chat-transcript")).to_be_visible(timeout=60_000)
            await expect(page.locator("chat-transcript article blockquote")).to_be_visible()
            await expect(page.locator("chat-transcript textarea")).to_have_value("half a thought")
        assert visit.trouble == []


@pytest.mark.parametrize(("language", "locale"), [("en", "en-US"), ("es", "es-ES")])
async def test_an_answer_in_the_middle_survives_a_reload_and_is_the_same_on_another_device(
    browser: Browser, database: Database, valkey: Redis, tmp_path: Path, language: Language, locale: str
) -> None:
    """Its place in line, its words as they come, on both devices; stopped on the one, it is stopped on the other."""
    go_on, further, never = asyncio.Event(), asyncio.Event(), asyncio.Event()
    first, second = (
        [Waiting(2, 3.0), go_on.wait(), TextDelta("First **words**")],
        TextDelta(", then **others**"),
    )
    script = [*first, further.wait(), second, never.wait(), Finished("written")]
    async with (
        _visiting(browser, database, valkey, tmp_path / "no.sock", with_ui=False, locale=locale) as visit,
        await browser.new_context(locale=locale, viewport={"width": 390, "height": 844}) as phone,
    ):
        visit.box.answerer.script = lambda _request: script
        page, elsewhere = visit.page, await phone.new_page()
        await _sign_in(page, visit.url)
        await visit.ask("Why?")
        answer = page.locator("chat-transcript article")
        await expect(answer.locator(".status")).to_contain_text(
            text("status_queued_eta", language, position=2, eta=3)
        )
        go_on.set()
        await expect(answer.locator("strong")).to_have_text("words")

        await page.reload()
        await expect(answer.locator("strong")).to_have_text("words")
        await _sign_in(elsewhere, page.url)
        followed = elsewhere.locator("chat-transcript article")
        await expect(followed.locator("strong")).to_have_text("words")
        further.set()
        await expect(answer.locator("strong")).to_have_text(["words", "others"])
        await expect(followed.locator("strong")).to_have_text(["words", "others"])

        await elsewhere.locator("chat-transcript .send.running").click()
        for one in (followed, answer):
            await expect(one.locator("footer")).to_contain_text(text("stopped", language))
            await expect(one.locator("strong")).to_have_text(["words", "others"])
        await expect(page.locator("chat-transcript .send")).to_have_text(text("send", language))
        assert visit.trouble == []


async def _sign_in(page: Page, url: str) -> None:
    """Before the ui is there."""
    await page.goto(url)
    await page.fill("[name=email]", "ana@example.org")
    await page.fill("[name=password]", PASSWORD)
    await page.click("button[type=submit]")
    await expect(page.locator("chat-transcript .composer")).to_be_visible()


async def test_the_language_switch_changes_everything_and_lasts(
    browser: Browser, database: Database, valkey: Redis, tmp_path: Path
) -> None:
    """One click: header, chat and Gradio's tabs speak the other language, after signing out too."""
    async with _visiting(browser, database, valkey, tmp_path / "ui.sock", locale="en-US") as visit:
        visit.box.answerer.script = quoted
        page = visit.page
        await visit.sign_in()
        await page.get_by_role("button", name="ES", exact=True).click()
        await expect(page.get_by_role("tab", name=text("tab_documents", "es"))).to_be_visible(timeout=60_000)
        await expect(page.locator("chat-transcript .welcome h1")).to_have_text(text("ask_title", "es"))
        assert await page.evaluate("document.documentElement.lang") == "es"
        assert visit.box.people.languages == {"ana@example.org": "es"}

        await page.get_by_role("button", name=text("sign_out", "es")).click()
        await expect(page.locator("#sign-in button")).to_have_text(text("sign_in", "es"))
        assert visit.trouble == []
