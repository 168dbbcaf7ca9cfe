"""The documents tab in a real browser: adding, watching, sharing, searching, opening, deleting, in both languages."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, expect
from redis.asyncio import Redis

from appliance.storage.database import Database
from tests.handbook_page import FILE_ID
from tests.page_box import PASSWORD
from tests.ui.test_page_in_chromium import Visit, _visiting, browser, pytestmark
from ui.texts import Language, text

__all__ = ["browser", "pytestmark"]

LOOKS: dict[str, tuple[Language, dict[str, Any]]] = {
    "english": ("en", {"locale": "en-GB", "viewport": {"width": 1280, "height": 800}}),
    "spanish, dark, phone": (
        "es",
        {"locale": "es-ES", "color_scheme": "dark", "viewport": {"width": 390, "height": 844}},
    ),
}


def pdf(name: str, content: bytes = b"") -> Any:
    """A file to be chosen; its content is told apart by its name."""
    return {"name": name, "mimeType": "application/pdf", "buffer": content or name.encode()}


@asynccontextmanager
async def at_the_shelf(
    browser: Browser,
    database: Database,
    valkey: Redis,
    socket: Path,
    language: Language,
    look: dict[str, Any],
) -> AsyncIterator[tuple[Visit, Locator]]:
    """Signed in, with the documents tab open; nothing may have been written to the console at the end."""
    async with _visiting(browser, database, valkey, socket, **look) as visit:
        await visit.sign_in()
        asked = len(visit.box.requests)
        assert not [path for _, path in visit.box.requests if "/documents/shelf.js" in path]
        await visit.open_tab(text("tab_documents", language))
        shelf = visit.page.locator("document-shelf")
        await expect(shelf.locator("h1")).to_have_text("Handbook")
        assert [path for _, path in visit.box.requests[asked:] if path.endswith("/documents/shelf.js")]
        yield visit, shelf
        width = await visit.page.evaluate("document.documentElement.scrollWidth")
        assert width <= look["viewport"]["width"]
        assert visit.trouble == []


async def picture(visit: Visit, name: str) -> None:
    """For looking at, where somebody asks for it."""
    if shots := os.environ.get("PAGE_SCREENSHOTS"):
        await visit.page.wait_for_timeout(400)
        await visit.page.screenshot(path=f"{shots}/{name}.png")


@pytest.mark.parametrize("look", [pytest.param("english", marks=pytest.mark.battery), "spanish, dark, phone"])
async def test_documents_are_added_watched_shared_found_opened_and_deleted(
    browser: Browser, database: Database, valkey: Redis, tmp_path: Path, look: str
) -> None:
    """One visit from the first upload to the receipt of what was deleted."""
    language, options = LOOKS[look]
    short = look.split(",")[0]
    async with at_the_shelf(browser, database, valkey, tmp_path / "ui.sock", language, options) as (
        visit,
        shelf,
    ):
        page = visit.page

        def say(key: str, **values: object) -> str:
            return text(key, language, **values)

        def row(name: str) -> Locator:
            return shelf.locator(f"[role=row]:has-text('{name}')").first

        # Added, and watched while it is read
        names = ("slow.pdf", "bad-1.pdf", "bad-2.pdf", "noted.pdf", "queued.pdf", "pack.zip")
        await shelf.locator("input[type=file]").set_input_files([pdf(name) for name in names])
        await expect(row("slow.pdf")).to_contain_text(say("stage_embedding"))
        await expect(row("slow.pdf")).to_contain_text("42 %")
        await expect(row("slow.pdf")).to_contain_text("12.5" if language == "en" else "12,5")
        await expect(row("queued.pdf")).to_contain_text(say("state_place", place=7))
        await expect(row("bad-1.pdf")).to_contain_text(say("error.document_damaged"))
        await expect(shelf.locator(".dead")).to_contain_text(say("failed_count", count=3))
        await row("noted.pdf").locator("summary").click()
        await expect(row("noted.pdf")).to_contain_text(say("told.pages_blank", pages="2, 3"))
        await row("pack.zip").locator(".unfold").click()
        await expect(shelf.locator(".inside")).to_have_count(2)
        await expect(row("secret.pdf")).to_contain_text(say("error.document_encrypted"))
        await picture(visit, f"documents-{short}")

        # Stopped, filtered, tried again
        await row("slow.pdf").get_by_label(say("cancel_file", filename="slow.pdf")).click()
        await expect(row("slow.pdf").locator(".badge")).to_have_text(say("state_cancelled"))
        await shelf.get_by_role("button", name=say("show_failed")).click()
        await expect(shelf.locator(".slice [role=row]")).to_have_count(3)
        await shelf.get_by_role("button", name=say("retry_failed")).click()
        await expect(shelf.locator(".dead")).to_be_hidden()
        await shelf.locator("[data-act='filter-']").click()
        await expect(row("bad-1.pdf")).to_contain_text("Page 3 was left out.")
        await shelf.get_by_role("searchbox").fill("NOTED")
        await expect(shelf.locator(".slice [role=row]")).to_have_count(1)
        await shelf.get_by_role("searchbox").fill("")

        # The same content is not sent twice; a newer version takes the older one's place
        await shelf.locator("input[type=file]").set_input_files([pdf("noted.pdf"), pdf("noted.pdf", b"new")])
        await page.get_by_role("button", name=say("versions_replace")).click()
        await expect(shelf.locator(".tray")).to_contain_text(say("uploads_same_one"))
        await expect(shelf.locator(".tray")).to_contain_text(say("uploads_done", count=7))
        await expect(shelf.locator("[role=row]:has-text('noted.pdf')")).to_have_count(1)

        # Shared with somebody found by name, and no longer
        await shelf.get_by_role("button", name=say("share"), exact=True).click()
        await page.get_by_role("combobox", name=say("share_find")).press_sequentially("ber")
        await expect(page.get_by_role("option", name="Berta Ruiz")).to_be_visible()
        await page.keyboard.press("Enter")
        shares = page.locator(".page-dialog .shares")
        await expect(shares).to_contain_text("berta@example.org")
        await shares.get_by_role("combobox").select_option("write")
        await picture(visit, f"sharing-{short}")
        await page.get_by_label(say("share_take", name="berta@example.org")).click()
        await expect(shares.locator("li")).to_have_count(0)

        # Given away only by who says so twice
        await page.get_by_role("button", name=say("give_away")).click()
        await page.get_by_label(say("give_to")).press_sequentially("ber")
        await expect(page.locator("#given-to option").first).to_be_attached()
        await picture(visit, f"giving-{short}")
        await page.get_by_role("button", name=say("cancel"), exact=True).click()
        await expect(page.locator(".page-dialog")).to_have_count(0)

        # A trial search, and the page it leads to
        await shelf.get_by_role("button", name=say("search_test")).click()
        await page.get_by_label(say("search_test_question")).fill("How many days of holiday?")
        await page.keyboard.press("Enter")
        hit = page.locator(".page-dialog .hits li")
        await expect(hit).to_contain_text("23 days of holiday")
        await expect(hit.locator("dd").first).to_contain_text("0.71" if language == "en" else "0,71")
        await page.locator(".search-test summary").first.click()
        await expect(page.locator(".dropped").first).to_contain_text(
            say("trace.the_same_words_as_a_better_one")
        )
        await picture(visit, f"search-test-{short}")
        await hit.locator(".hit-name").click()
        viewer = page.locator(".viewer")
        await expect(viewer.locator("h2")).to_have_text("employee-handbook.pdf")
        await expect(viewer.locator(".quote")).to_have_text("Everybody has 23 days of holiday a year.")
        await expect(viewer.locator("img")).to_be_visible()
        await picture(visit, f"viewer-{short}")

        # Turned by keys, jumped in, and known by its versions, notes and attributes
        await page.keyboard.press("ArrowRight")
        await expect(viewer.get_by_role("spinbutton")).to_have_value("13")
        await viewer.get_by_role("spinbutton").fill("40")
        await page.keyboard.press("Tab")
        await expect(viewer.get_by_label(say("viewer_next"))).to_be_disabled()
        await expect(viewer.get_by_label(say("viewer_download"))).to_have_attribute(
            "href", f"/api/documents/{FILE_ID}/original"
        )
        await viewer.get_by_label(say("viewer_about"), exact=True).first.click()
        await expect(viewer.locator("aside")).to_contain_text(say("told.pages_blank_one", pages="3"))
        await expect(viewer.locator("aside")).to_contain_text("department")
        await viewer.get_by_role("combobox", name=say("viewer_versions")).select_option(index=1)
        await expect(viewer.get_by_role("spinbutton")).to_have_value("1")
        await picture(visit, f"viewer-about-{short}")
        await page.keyboard.press("Escape")
        await page.keyboard.press("Escape")
        await expect(page.locator("dialog")).to_have_count(0)

        # Deleted, with a word before and a receipt afterwards
        await row("slow.pdf").get_by_label(say("remove_file", filename="slow.pdf")).click()
        await expect(page.locator("dialog")).to_contain_text(say("remove_all"))
        await page.get_by_role("button", name=say("delete_for_good"), exact=True).click()
        await expect(page.locator("dialog .receipt")).to_contain_text(say("receipt_passages"))
        await page.get_by_role("button", name=say("close"), exact=True).click()
        await expect(row("slow.pdf")).to_have_count(0)
        await shelf.get_by_role("button", name=say("delete_collection")).click()
        await expect(page.locator("dialog")).to_contain_text("Handbook")
        await picture(visit, f"deleting-{short}")
        await page.get_by_role("button", name=say("delete_for_good"), exact=True).click()
        await expect(page.locator("dialog .receipt")).to_contain_text(say("receipt_collections"))
        await picture(visit, f"receipt-{short}")
        await page.get_by_role("button", name=say("close"), exact=True).click()
        await expect(shelf).to_contain_text(say("no_collections"))
        await shelf.get_by_role("button", name=say("new_collection")).click()
        await page.get_by_label(say("collection_name")).fill("Obra norte")
        await page.keyboard.press("Enter")
        await expect(shelf.locator("h1")).to_have_text("Obra norte")
        await expect(shelf).to_contain_text(say("no_files"))


async def _drop(shelf: Locator, *paths: Path) -> None:
    """Let go over the shelf what somebody dragged there from their file manager: files and whole folders."""
    box = await shelf.locator(".drop").bounding_box()
    assert box is not None
    devtools = await shelf.page.context.new_cdp_session(shelf.page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2, "data": data}
    for kind in ("dragEnter", "dragOver", "drop"):
        await devtools.send("Input.dispatchDragEvent", {"type": kind, **at})
    await devtools.detach()


async def _drops_a_folder(visit: Visit, shelf: Locator, room: Path) -> None:
    """Folders in folders, each document with the path it had; what systems leave lying about is left out."""
    folder = room / "Site north"
    (folder / "2026" / "May").mkdir(parents=True)
    for name in ("plan.pdf", "2026/offer.pdf", "2026/May/invoice.pdf", ".DS_Store", "2026/~$offer.docx"):
        (folder / name).write_bytes(name.encode())
    (room / "alone.pdf").write_bytes(b"alone")

    await _drop(shelf, folder, room / "alone.pdf")

    await expect(shelf.locator(".tray")).to_contain_text(text("uploads_done", "en", count=4))
    await expect(shelf.locator(".slice [role=row]")).to_have_count(4)
    (members,) = visit.box.shelf.members.values()
    assert {one["filename"]: one["source"] for one in members} == {
        "plan.pdf": "Site north/plan.pdf",
        "offer.pdf": "Site north/2026/offer.pdf",
        "invoice.pdf": "Site north/2026/May/invoice.pdf",
        "alone.pdf": None,
    }


async def test_a_dropped_folder_thousands_of_documents_and_what_one_may_only_read(
    browser: Browser, database: Database, valkey: Redis, tmp_path: Path
) -> None:
    """A folder is added whole; the list comes in slices as one scrolls; who may only read sees no way to change it."""
    look = {"locale": "en-GB", "viewport": {"width": 1280, "height": 800}}
    async with at_the_shelf(browser, database, valkey, tmp_path / "ui.sock", "en", look) as (visit, shelf):
        await _drops_a_folder(visit, shelf, tmp_path)
        box = visit.box.shelf
        store = box.add_store(
            "Archive",
            owner_name="berta@example.org",
            can_write=False,
            can_manage=False,
            owner="user",
            may_leave=True,
        )
        box.add_store("Offers", may_leave=True)
        for number in range(2_500):
            box.add_file(store, f"report-{number:04}.pdf", created_at=1_795_000_000 - number)
        await visit.open_tab(text("tab_ask", "en"))
        await visit.open_tab(text("tab_documents", "en"))

        await shelf.get_by_role("button", name="Archive").click()

        await expect(shelf.locator("h1")).to_have_text("Archive")
        await expect(shelf.locator(".about")).to_contain_text(
            text("shared_by", "en", owner="berta@example.org")
        )
        await expect(shelf.locator(".about")).to_contain_text(text("read_only", "en"))
        await expect(shelf.locator(".about")).to_contain_text(text("collection_may_leave", "en"))
        await expect(
            shelf.get_by_role("button", name=text("collection_keep", "en"), exact=True)
        ).to_have_count(0)
        rows = shelf.locator(".slice [role=row]")
        await expect(rows.first).to_contain_text("report-0000.pdf")
        drawn = await rows.count()
        assert drawn < 500, drawn
        await rows.last.scroll_into_view_if_needed()
        await expect(shelf.locator("[role=row]", has_text=f"report-{drawn + 50:04}.pdf")).to_be_attached()
        await shelf.get_by_role("columnheader", name=text("column_name", "en")).get_by_role("button").click()
        await shelf.get_by_role("columnheader", name=text("column_name", "en")).get_by_role("button").click()
        await expect(rows.first).to_contain_text("report-2499.pdf")
        for label in ("share", "rename_collection", "delete_collection", "choose_files"):
            await expect(shelf.get_by_role("button", name=text(label, "en"), exact=True)).to_be_hidden()
        await expect(shelf.locator(".actions button")).to_have_count(0)
        await _keeps_a_collection_here(visit, shelf)


async def _keeps_a_collection_here(visit: Visit, shelf: Locator) -> None:
    """Whose it is takes the mark away with a click, and cannot give it: that is the administrators'."""
    await shelf.get_by_role("button", name="Offers").click()
    await expect(shelf.locator("h1")).to_have_text("Offers")
    await expect(shelf.locator(".about")).to_contain_text(text("collection_may_leave", "en"))
    await shelf.get_by_role("button", name=text("collection_keep", "en"), exact=True).click()
    await expect(shelf.locator(".about")).to_contain_text(text("collection_stays", "en"))
    await expect(shelf.get_by_role("button", name=text("collection_let", "en"), exact=True)).to_have_count(0)
    if folder := os.environ.get("PAGE_SCREENSHOTS"):
        await visit.page.screenshot(path=f"{folder}/collection-stays.png")


async def test_a_citation_leads_to_the_whole_document(
    browser: Browser, database: Database, valkey: Redis, tmp_path: Path
) -> None:
    """From the passage beside an answer into all of its document, at the same page, with the same words marked."""
    async with _visiting(
        browser, database, valkey, tmp_path / "ui.sock", with_ui=False, locale="en-GB"
    ) as visit:
        page = visit.page
        await page.goto(visit.url)
        await page.fill("[name=email]", "ana@example.org")
        await page.fill("[name=password]", PASSWORD)
        await page.click("button[type=submit]")
        await expect(page.locator("chat-transcript .composer")).to_be_visible(timeout=60_000)
        await visit.ask("How many days of holiday do I have?")
        await page.locator("chat-transcript article a.citation").first.click()
        await page.get_by_role("button", name=text("viewer_open", "en")).click()

        viewer = page.locator(".viewer")
        await expect(viewer.locator("h2")).to_have_text("employee-handbook.pdf")
        await expect(viewer.get_by_role("spinbutton")).to_have_value("12")
        await expect(viewer.locator(".quote")).to_have_text("Everybody has 23 days of holiday a year.")
        await expect(viewer.get_by_role("button", name=text("attributes_edit", "en"))).to_have_count(0)
        await page.keyboard.press("Escape")
        await expect(page.locator("chat-transcript .passage")).to_be_visible()
        assert visit.trouble == []
