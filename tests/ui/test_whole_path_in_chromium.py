"""One person's first morning with a whole box, in a real browser, in both languages; nothing of it leaves the host.

What single elements do is held by the other files of this folder; here they are joined to the real documents, search,
accounts and keys.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from tests.connections_seen import ConnectionsSeen
from tests.documents import pdf
from tests.ui.test_page_in_chromium import _MARKED_ROWS, CHROMIUM, browser
from tests.whole_box import WholeBox
from ui.texts import Language, text

__all__ = ["browser"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: no whole path was walked"),
    pytest.mark.timeout(900),  # with the first start of a box
]

READ_MS = 120_000  # a short document, on a machine that does three other things


@dataclass(frozen=True)
class Morning:
    """What is uploaded, asked and answered in one language. whose: somebody new's name."""

    language: Language
    locale: str
    collection: str
    sentence: str
    question: str
    others: tuple[str, str]
    title: str
    sought: str
    whose: str = "nora"


MORNINGS = (
    Morning(
        "en",
        "en-GB",
        "North site",
        "The crane driver keeps the red key of the north gate in locker 47.",
        "Where does the crane driver keep the red key of the north gate?",
        ("Which locker holds the red key of the north gate?", "Who keeps the red key of the north gate?"),
        "The red key",
        "locker",
    ),
    Morning(
        "es",
        "es-ES",
        "Obra norte",
        "El gruista guarda la llave roja de la puerta norte en la taquilla 47.",
        "¿Dónde guarda el gruista la llave roja de la puerta norte?",
        (
            "¿En qué taquilla está la llave roja de la puerta norte?",
            "¿Quién guarda la llave roja de la puerta norte?",
        ),
        "La llave roja",
        "taquilla",
    ),
)


@dataclass
class Stay:
    """A browser's page in front of the box, and everything that should not have happened in it."""

    page: Page
    morning: Morning
    trouble: list[str] = field(default_factory=list)

    def say(self, key: str, **values: object) -> str:
        return text(key, self.morning.language, **values)

    def watch(self, context: BrowserContext, url: str) -> None:
        """Requests of workers count too: they are the context's."""

        def check(address: str) -> None:
            if not address.startswith((url, "data:", "blob:")):
                self.trouble.append(f"asked another host: {address}")

        context.on("request", lambda request: check(request.url))
        context.on("serviceworker", lambda worker: self.trouble.append(f"a service worker: {worker.url}"))
        self.page.on("pageerror", lambda error: self.trouble.append(f"error: {error}"))
        self.page.on("console", self._hear)

    def _hear(self, told: ConsoleMessage) -> None:
        if "Clear-Site-Data" not in told.text:  # Chromium says that it was obeyed
            self.trouble.append(f"console {told.type}: {told.text}")

    async def open_tab(self, key: str) -> None:
        await self.page.get_by_role("tab", name=self.say(key), exact=True).click()


@asynccontextmanager
async def _arriving(browser: Browser, box: WholeBox, morning: Morning) -> AsyncIterator[Stay]:
    """Somebody new, signed in with the password that an administrator gave them."""
    email = f"{morning.whose}.{morning.language}@example.com"
    added = await asyncio.to_thread(box.command, "user", "add", email, "--json")
    assert added.returncode == 0, added.stderr
    context = await browser.new_context(locale=morning.locale, viewport={"width": 1280, "height": 860})
    stay = Stay(await context.new_page(), morning)
    stay.watch(context, box.url)
    try:
        await stay.page.goto(box.url)
        await stay.page.fill("[name=email]", email)
        await stay.page.fill("[name=password]", json.loads(added.stdout)["password"])
        await stay.page.keyboard.press("Enter")
        await expect(stay.page.locator("#slot-chat chat-transcript .composer")).to_be_visible(timeout=60_000)
        yield stay
    finally:
        await context.close()


@pytest.mark.parametrize("morning", MORNINGS, ids=lambda one: one.language)
async def test_a_first_morning_and_nothing_of_it_leaves_the_host(
    browser: Browser, quoting_box: WholeBox, tmp_path: Path, morning: Morning
) -> None:
    """Upload, ask, see the line, ask differently, rename, find, delete and undo, a key, the other language."""
    file = pdf(tmp_path / "site-rules.pdf", [["# Rules", "Helmets are worn."], ["# Keys", morning.sentence]])
    with ConnectionsSeen(quoting_box.pid) as connections:
        async with _arriving(browser, quoting_box, morning) as stay:
            await _uploads(stay, file)
            await _asks_and_sees_the_line(stay)
            await _asks_differently(stay)
            await _keeps_order(stay)
            await _makes_and_revokes_a_key(stay, quoting_box)
            await _deletes_the_documents(stay)
            await _speaks_the_other_language(stay)
            assert stay.trouble == []
    assert not await asyncio.to_thread(quoting_box.rows, "SELECT 1 FROM files WHERE filename = %s", file.name)
    assert connections.looks > 0 and connections.remote
    assert connections.elsewhere == set()


async def _uploads(stay: Stay, file: Path) -> None:
    """Into a collection of one's own; it is ready without the page being asked again."""
    page = stay.page
    await stay.open_tab("tab_documents")
    shelf = page.locator("document-shelf")
    await shelf.get_by_role("button", name=stay.say("new_collection")).click()
    await page.get_by_label(stay.say("collection_name")).fill(stay.morning.collection)
    await page.keyboard.press("Enter")
    await expect(shelf.locator("h1")).to_have_text(stay.morning.collection)
    await shelf.locator("input[type=file]").set_input_files(file)
    row = shelf.locator("[role=row]", has_text=file.name)
    await expect(row.locator(".badge")).to_have_text(stay.say("state_ready"), timeout=READ_MS)


async def _asks_and_sees_the_line(stay: Stay) -> None:
    """The very line is quoted, and marked on the picture of its page."""
    page, morning = stay.page, stay.morning
    await stay.open_tab("tab_ask")
    await _ask(page, morning.question)
    answer = page.locator("chat-transcript article")
    await expect(answer.locator("blockquote").first).to_contain_text(morning.sentence)
    await answer.locator("a.citation").first.click()
    passage = page.locator("chat-transcript .passage")
    await expect(passage.locator("h2")).to_have_text("site-rules.pdf")
    await expect(passage).to_contain_text(stay.say("page_number", page=2))
    await expect(passage.locator(".quote")).to_have_text(morning.sentence)
    picture = passage.locator(".page-picture img")
    await expect(picture).to_be_visible()
    await expect(picture).to_have_js_property("complete", True)
    marked: dict[str, Any] = await picture.evaluate(_MARKED_ROWS)
    assert marked["rows"] > 5, "nothing is marked on the picture"
    assert marked["top"] <= marked["first"] and marked["last"] <= marked["bottom"], "the mark is out of view"
    await page.keyboard.press("Escape")


async def _asks_differently(stay: Stay) -> None:
    """Three versions of one question; the second is shown, and is still shown after a reload."""
    page = stay.page
    answer = page.locator("chat-transcript article")
    for count, question in enumerate(stay.morning.others, start=2):
        await answer.locator(".question").hover()
        await answer.get_by_role("button", name=stay.say("edit_question")).click()
        await page.fill("chat-transcript .edit textarea", question)
        await page.keyboard.press("Enter")
        await expect(answer.locator(".versions")).to_contain_text(f"{count}/{count}")
    await answer.get_by_role("button", name=stay.say("version_before")).click()
    await expect(answer.locator(".versions")).to_contain_text("2/3")
    await expect(answer.locator(".question")).to_have_text(stay.morning.others[0])
    await page.reload()
    await expect(page.locator("#slot-chat chat-transcript .composer")).to_be_visible(timeout=60_000)
    await expect(answer.locator(".versions")).to_contain_text("2/3")
    await expect(answer.locator(".question")).to_have_text(stay.morning.others[0])


async def _keeps_order(stay: Stay) -> None:
    """Renamed, found by a word of its answer, deleted and brought back."""
    page, keys, morning = stay.page, stay.page.keyboard, stay.morning
    rows = page.locator("chat-transcript .conversations li")
    await rows.locator("a").focus()
    await keys.press("F2")
    await keys.type(morning.title)
    await keys.press("Enter")
    await expect(rows.locator(".name")).to_have_text(morning.title)
    await keys.press("Control+k")
    await expect(page.get_by_role("combobox")).to_be_focused()
    await keys.type(morning.sought)
    found = page.get_by_role("option")
    await expect(found).to_have_count(1)
    await expect(found.locator(".snippet mark").first).to_have_text(morning.sought)
    await keys.press("Enter")
    await expect(page).to_have_title(f"{morning.title} · {stay.say('product')}")
    await rows.locator("a").focus()
    await keys.press("Delete")
    await expect(rows).to_have_count(0)
    await page.get_by_role("button", name=stay.say("undo"), exact=True).click()
    await expect(rows.locator(".name")).to_have_text(morning.title)


async def _makes_and_revokes_a_key(stay: Stay, box: WholeBox) -> None:
    """A program may ask with it until it is revoked."""
    page, mine = stay.page, stay.page.locator("my-settings")
    await stay.open_tab("tab_me")
    await mine.locator("nav button", has_text=stay.say("me_keys")).click()
    await mine.get_by_label(stay.say("key_name"), exact=True).fill("reports")
    await mine.get_by_role("button", name=stay.say("key_create")).click()
    secret = await mine.get_by_label(stay.say("key_secret"), exact=True).input_value()
    headers = {"authorization": f"Bearer {secret}"}
    async with httpx.AsyncClient(base_url=box.url, headers=headers, timeout=60, trust_env=False) as program:
        assert (await program.get("/v1/models")).status_code == 200
        await mine.get_by_role("row", name="reports").get_by_role("button").click()
        await page.get_by_role("dialog").get_by_role("button", name=stay.say("key_revoke")).click()
        await expect(mine.get_by_role("row", name="reports")).to_have_count(0)
        assert (await program.get("/v1/models")).status_code == 401


async def _deletes_the_documents(stay: Stay) -> None:
    """The collection with all that is in it; a receipt says what went."""
    page = stay.page
    await stay.open_tab("tab_documents")
    await page.locator("document-shelf").get_by_role("button", name=stay.say("delete_collection")).click()
    dialog = page.locator("dialog[open]")
    await expect(dialog).to_contain_text(stay.morning.collection)
    await dialog.get_by_label(stay.say("delete_collection_files", count=1)).check()
    await page.get_by_role("button", name=stay.say("delete_for_good"), exact=True).click()
    await expect(dialog.locator(".receipt")).to_contain_text(stay.say("receipt_collections"))
    await page.get_by_role("button", name=stay.say("close"), exact=True).click()
    await expect(
        page.locator("document-shelf .stores button", has_text=stay.morning.collection)
    ).to_have_count(0)


async def _speaks_the_other_language(stay: Stay) -> None:
    """Everything at once, and at the next signing in."""
    page = stay.page
    other: Language = "es" if stay.morning.language == "en" else "en"
    await page.locator(f"page-header [lang={other}]").click()
    await expect(page.get_by_role("tab", name=text("tab_documents", other))).to_be_visible(timeout=60_000)
    await expect(page.locator("html")).to_have_attribute("lang", other)
    await page.get_by_role("button", name=text("sign_out", other)).click()
    await expect(page.locator("#sign-in button")).to_have_text(text("sign_in", other))


async def _ask(page: Page, question: str) -> None:
    await page.fill("chat-transcript textarea", question)
    await page.keyboard.press("Enter")
    await expect(page.locator("chat-transcript article footer").last).to_be_visible(timeout=60_000)
