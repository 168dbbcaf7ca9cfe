"""The pages Me and Administration in a real browser, in front of real accounts, limits and a ledger.

Nothing may be written to the console and nothing asked of another host, in either language.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, FilePayload, Page, expect
from redis.asyncio import Redis

from appliance.bootstrap.backups.running import BackupFiles
from appliance.domain.answers import Cost
from appliance.fairness.accounting.ledger_rows import RequestEnd
from appliance.storage.backups.steps import Step
from appliance.storage.database import Database
from appliance.storage.roles import DatabaseRole, url_as
from inference.types import Usage
from tests.accounts_world import PASSWORD, key_of, signed_in
from tests.administration_world import asked
from tests.conftest import ROLE_SECRET, Servers
from tests.page_box import Serving, until_started
from tests.page_circuits import sees_circuits
from tests.page_health import sees_health
from tests.page_office import ADMINISTRATOR, PERSON, PageOffice, opened_page_office
from tests.ui.budgets_seen import sees_budgets
from tests.ui.cloud_seen import sees_cloud, two_decisions
from tests.ui.data_seen import sees_data
from tests.ui.egress_seen import sees_what_left
from tests.ui.insights_seen import sees_how_it_goes, something_of_everything
from tests.ui.models_seen import sees_models
from tests.ui.test_page_in_chromium import Visit, _ui, browser, pytestmark
from ui.texts import Language, text

__all__ = ["browser", "pytestmark"]

LOCALES: dict[str, tuple[Language, dict[str, Any]]] = {
    "english": ("en", {"locale": "en-GB", "viewport": {"width": 1280, "height": 800}}),
    "spanish, dark": (
        "es",
        {"locale": "es-ES", "color_scheme": "dark", "viewport": {"width": 1280, "height": 800}},
    ),
}


@asynccontextmanager
async def _working(
    database: Database, valkey: Redis, servers: Servers, socket: Path
) -> AsyncIterator[tuple[PageOffice, str]]:
    """The office and its address, with the ui's process behind it."""
    async with opened_page_office(database, valkey, servers.valkey.url, socket) as office:
        server = Serving(office.box)
        task = await until_started(server)
        try:
            async with _ui(server.url, socket):
                yield office, server.url
        finally:
            server.should_exit = server.force_exit = True
            await task


@asynccontextmanager
async def _signed_in(
    browser: Browser, office: PageOffice, url: str, email: str, **look: Any
) -> AsyncIterator[Visit]:
    context = await browser.new_context(**look)
    visit = Visit(await context.new_page(), office.box, url)
    visit.watch()
    page = visit.page
    try:
        await page.goto(url)
        await _fill_sign_in(page, email, PASSWORD)
        yield visit
    finally:
        await context.close()


async def _fill_sign_in(page: Page, email: str, password: str) -> None:
    await page.fill("[name=email]", email)
    await page.fill("[name=password]", password)
    await page.click("button[type=submit]")
    await expect(page.locator("#slot-chat chat-transcript .composer")).to_be_visible(timeout=60_000)


async def _section(page: Page, element: str, name: str) -> None:
    """Open one of a room's sections."""
    await page.locator(f"{element} nav button", has_text=name).click()
    await expect(page.locator(f"{element} h1")).to_have_text(name)


async def test_a_person_makes_and_revokes_a_key_and_changes_how_the_page_is(
    browser: Browser, database: Database, valkey: Redis, servers: Servers, tmp_path: Path
) -> None:
    """The key works until it is revoked; colours are there at once, the language after a click, on every device."""
    language, options = LOCALES["spanish, dark"]
    async with (
        _working(database, valkey, servers, tmp_path / "ui.sock") as (office, url),
        _signed_in(browser, office, url, PERSON, **options) as visit,
    ):
        page, mine = visit.page, visit.page.locator("my-settings")
        await expect(page.locator("#tab-admin-button")).to_be_hidden()
        await page.click("#tab-me-button")
        await _section(page, "my-settings", text("me_keys", language))
        await mine.get_by_label(text("key_name", language), exact=True).fill("reports")
        await mine.get_by_role("button", name=text("key_create", language)).click()
        secret = await mine.get_by_label(text("key_secret", language), exact=True).input_value()
        await _shot(page, "keys")
        headers = {"authorization": f"Bearer {secret}"}
        assert (await office.worker.client.get("/probe", headers=headers)).json()["email"] == PERSON

        await mine.get_by_role("row", name="reports").get_by_role("button").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_role("button", name=text("key_revoke", language)).click()
        await expect(mine.get_by_role("row", name="reports")).to_have_count(0)
        assert (await office.worker.client.get("/probe", headers=headers)).status_code == 401

        await _section(page, "my-settings", text("me_usage", language))
        await expect(mine).to_contain_text(text("usage_none", language))
        await _section(page, "my-settings", text("me_profile", language))
        await mine.get_by_label(text("theme_light", language)).check()
        await expect(page.locator("html")).to_have_attribute("data-theme", "light")
        await expect(page.locator("body")).to_have_css("background-color", "rgb(250, 249, 246)")
        await mine.get_by_label(text("me_instructions_label", language)).fill("Short, please.")
        await mine.locator(".card", has=page.locator("textarea")).get_by_role("button").click()
        await expect(mine.get_by_role("status")).to_have_text(text("saved", language))
        await _shot(page, "profile")
        await mine.get_by_label("English").check()
        await expect(page.locator("html")).to_have_attribute("lang", "en", timeout=60_000)
        await page.click("#tab-me-button")
        await expect(mine.get_by_label(text("me_instructions_label", "en"))).to_have_value("Short, please.")
        await expect(page.locator("html")).to_have_attribute("data-theme", "light")
        await _ends_another_session(visit, office)
        await page.set_viewport_size({"width": 390, "height": 844})
        await page.locator(".overflow-menu > button").click()
        await expect(page.get_by_role("button", name=text("tab_connected", "en"))).to_be_visible()
        await expect(page.get_by_role("button", name=text("tab_admin", "en"))).to_be_hidden()
        await _shot(page, "phone")
        assert visit.trouble == []


async def _ends_another_session(visit: Visit, office: PageOffice) -> None:
    """What a forgotten device was signed in with is of no use any more."""
    mine = visit.page.locator("my-settings")
    forgotten = await signed_in(office.worker, PERSON)
    await _section(visit.page, "my-settings", text("me_signing", "en"))
    await expect(mine.get_by_role("row")).to_have_count(3)
    await mine.get_by_role("button", name=text("session_end_others", "en")).click()
    await expect(mine.get_by_role("row")).to_have_count(2)
    assert (await forgotten.get("/probe")).status_code == 401
    await forgotten.aclose()


async def _some_use(owner_url: str, office: PageOffice) -> None:
    ana = await office.worker.accounts.people.by_email(PERSON)
    assert ana is not None
    used = RequestEnd(
        status="completed",
        usage=Usage(prompt_tokens=4000, completion_tokens=1000),
        wait_ms=5,
        cost=Cost(0.25, "EUR"),
        engine_seconds=150.0,
        joules=7200.0,
        energy_cost=Cost(0.01, "EUR"),
    )
    url = url_as(owner_url, DatabaseRole.API, ROLE_SECRET)
    await asked(url, ana.id, datetime.now(UTC), used, "tiny-chat")


async def _shot(page: Page, name: str) -> None:
    """For people's eyes, where a folder is named for them."""
    if folder := os.environ.get("PAGE_SCREENSHOTS"):
        await page.wait_for_timeout(250)  # what moves in has arrived
        await page.screenshot(path=f"{folder}/{name}.png")


@pytest.mark.parametrize("look", [pytest.param("english", marks=pytest.mark.battery), "spanish, dark"])
async def test_an_administrator_invites_somebody_sets_a_limit_and_sees_the_usage(
    browser: Browser,
    database: Database,
    valkey: Redis,
    servers: Servers,
    owner_url: str,
    tmp_path: Path,
    look: str,
) -> None:
    """The link of the invitation lets them in, the limit is kept, and every section can be opened."""
    language, options = LOCALES[look]
    async with (
        _working(database, valkey, servers, tmp_path / "ui.sock") as (office, url),
        _signed_in(browser, office, url, ADMINISTRATOR, **options) as visit,
    ):
        await _some_use(owner_url, office)
        await office.history.write()
        ana = await office.worker.accounts.people.by_email(PERSON)
        assert ana is not None
        await key_of(office.worker.accounts, ana, name="reports")
        page, desk = visit.page, visit.page.locator("administration-desk")
        await expect(page.locator(".slow-line")).to_have_text(text("slow.gpu_throttled.heat", language))
        await page.click("#tab-admin-button")
        await expect(desk.get_by_role("row")).to_have_count(3)
        await desk.get_by_role("button", name=text("invite", language), exact=True).click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label(text("email", language)).fill("eva@box.example")
        await dialog.get_by_label(text("me_name", language), exact=True).fill("Eva Núñez")
        await _shot(page, f"invite-{language}")
        await dialog.get_by_role("button", name=text("invite_make", language)).click()
        link = await dialog.get_by_label(text("link_label", language), exact=True).input_value()
        await _shot(page, f"invited-{language}")
        await page.keyboard.press("Escape")

        await desk.get_by_label(text("people_find", language)).fill("nunez")
        await expect(desk.get_by_role("row")).to_have_count(2)
        await _shot(page, f"people-{language}")
        await desk.get_by_role("button", name="Eva Núñez").click()
        await dialog.get_by_label(text("limit_tokens_day", language)).fill("50000")
        await _shot(page, f"person-{language}")
        await dialog.get_by_role("button", name=text("save", language)).click()
        await expect(dialog).to_have_count(0)
        await desk.get_by_role("button", name="Eva Núñez").click()
        await expect(dialog.get_by_label(text("limit_tokens_day", language))).to_have_value("50000")
        await page.keyboard.press("Escape")

        await _imports_two_and_finds_a_group(page, language)
        await _limits_a_model_and_a_key(page, language)
        await sees_budgets(page, language, lambda name: _shot(page, f"{name}-{language}"))
        await _section(page, "administration-desk", text("me_usage", language))
        await expect(desk.get_by_role("row", name=PERSON)).to_contain_text(
            re.compile("4,000.*2.5 min.*2 Wh.*€0.25" if language == "en" else "4000.*2,5 min.*2 Wh.*0,25.€")
        )
        await expect(desk.locator("rect.column[height]:not([height='0'])")).to_have_count(1)
        await _shot(page, f"usage-{language}")
        for name in ("groups", "engines", "queue", "feedback", "jobs", "audit"):
            await _section(page, "administration-desk", text(f"admin_{name}", language))
            await expect(desk.locator(".panel .body > *")).not_to_be_empty()
            await page.wait_for_load_state("networkidle")
            await _shot(page, f"{name}-{language}")
        await _section(page, "administration-desk", text("admin_engines", language))
        await sees_circuits(page, language, lambda name: _shot(page, f"{name}-{language}"))
        await _reads_why_a_section_is_empty(visit, language)
        await something_of_everything(database, owner_url, office)
        await _section(page, "administration-desk", text("admin_insights", language))
        await sees_how_it_goes(page, language, lambda name: _shot(page, f"{name}-{language}"))
        await _section(page, "administration-desk", text("admin_models", language))
        await sees_models(page, language, lambda name: _shot(page, f"{name}-{language}"))
        await _section(page, "administration-desk", text("admin_data", language))
        await sees_data(
            page, language, tmp_path / "databases", lambda name: _shot(page, f"{name}-{language}")
        )
        assert [one.partition("status of ")[2][:3] for one in visit.trouble] == ["422", "403"]
        visit.trouble.clear()  # the two refusals that were provoked there
        await _section(page, "administration-desk", text("admin_health", language))
        await sees_health(page, language)
        await _shot(page, f"health-{language}")
        await _asks_for_a_backup(page, tmp_path, language)
        await _section(page, "administration-desk", text("admin_egress", language))
        await sees_what_left(page, tmp_path, language, lambda name: _shot(page, f"{name}-{language}"))
        await two_decisions(owner_url, database, ana.id)
        await _section(page, "administration-desk", text("admin_cloud", language))
        await sees_cloud(page, tmp_path, language, lambda name: _shot(page, f"{name}-{language}"))
        await _section(page, "administration-desk", text("admin_audit", language))
        set_limits = desk.get_by_role("row", name=text("action.limit.set", language))
        await expect(set_limits.filter(has_text="50000")).to_have_count(1)
        await desk.get_by_label(text("audit_kind", language)).select_option("limit")
        await expect(desk.get_by_role("row")).to_have_count(8)
        async with page.expect_download() as downloading:
            await desk.get_by_role("link", name="CSV").click()
        exported = await (await downloading.value).path()
        assert "limit.set" in await asyncio.to_thread(exported.read_text, "utf-8-sig")

        await page.set_viewport_size({"width": 390, "height": 844})
        await _shot(page, f"audit-phone-{language}")
        await _section(page, "administration-desk", text("admin_models", language))
        await expect(page.locator("administration-desk").get_by_role("progressbar").first).to_be_visible()
        await _shot(page, f"models-phone-{language}")
        await _section(page, "administration-desk", text("admin_people", language))
        await _shot(page, f"people-phone-{language}")
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert visit.trouble == []
        await _takes_the_invitation(browser, link, language, options)


async def _reads_why_a_section_is_empty(visit: Visit, language: Language) -> None:
    """A section that could not be read says so until it can."""
    page = visit.page
    problem = page.locator("administration-desk .panel > .problem")
    assert visit.trouble == []
    await page.route("**/api/jobs*", lambda route: route.abort())
    await _section(page, "administration-desk", text("admin_jobs", language))
    await expect(problem).to_contain_text(text("connection_lost", language))
    await page.unroute("**/api/jobs*")
    visit.trouble.clear()
    await _section(page, "administration-desk", text("admin_audit", language))
    await expect(problem).to_be_hidden()


async def _asks_for_a_backup(page: Page, data: Path, language: Language) -> None:
    """The last good one is shown; one more is followed to its end, with words for each step."""
    desk = page.locator("administration-desk")
    moment = datetime(2026, 11, 21, 2, tzinfo=UTC).isoformat()
    status = {
        "succeeded_at": moment,
        "folder": "/mnt/backups/2026-11-21T02-00-00Z",
        "size_bytes": 1_800_000_000,
    }
    status |= {"seconds": 64.2, "is_verified": True, "tried_at": moment}
    await asyncio.to_thread((data / "backup-status.json").write_text, json.dumps(status))
    await _section(page, "administration-desk", text("admin_backups", language))
    await expect(desk).to_contain_text("1.8 GB" if language == "en" else "1,8 GB")
    await desk.get_by_role("button", name=text("backups_make", language)).click()
    await expect(desk).to_contain_text(text("backups_waiting", language))
    with BackupFiles(data).telling() as tell:
        assert tell is not None
        tell(Step("files", 1_200_000_000, 812, 5_000))
        await expect(desk).to_contain_text("812 of 5,000" if language == "en" else "812 de 5000")
        await _shot(page, f"backup-running-{language}")
        await page.set_viewport_size({"width": 390, "height": 844})
        await _shot(page, f"backup-phone-{language}")
        await page.set_viewport_size({"width": 1280, "height": 800})
        await desk.get_by_role("button", name=text("backups_cancel", language), exact=True).click()
        await expect(desk).to_contain_text(text("backups_ending", language))
    BackupFiles(data).end()
    await expect(desk.get_by_role("button", name=text("backups_make", language))).to_be_visible()
    await _shot(page, f"backups-{language}")


async def _limits_a_model_and_a_key(page: Page, language: Language) -> None:
    """Chosen from those there are; what was set stands in the list and is what the next look shows."""
    desk, dialog = page.locator("administration-desk"), page.get_by_role("dialog")
    await _section(page, "administration-desk", text("limits", language))
    for kind, most in (("model", "7"), ("key", "9")):
        await desk.get_by_role("button", name=text(f"limits_{kind}", language)).click()
        if kind == "model":
            await dialog.get_by_label(text("limits_of_model", language)).select_option("tiny-chat")
        await expect(dialog.get_by_label(text("limit_at_once", language))).to_have_value("")
        await dialog.get_by_label(text("limit_at_once", language)).fill(most)
        await _shot(page, f"limits-{kind}-{language}")
        await dialog.get_by_role("button", name=text("save", language)).click()
        await expect(dialog).to_have_count(0)
        await expect(desk.get_by_role("row", name=text(f"limits_of_{kind}", language))).to_contain_text(most)
    await _shot(page, f"limits-{language}")
    await desk.get_by_role("button", name="tiny-chat").click()
    await expect(dialog.get_by_label(text("limit_at_once", language))).to_have_value("7")
    await page.keyboard.press("Escape")


async def _imports_two_and_finds_a_group(page: Page, language: Language) -> None:
    """A good line is an invitation, a bad one is told; the group that the file names is there afterwards."""
    desk, dialog = page.locator("administration-desk"), page.get_by_role("dialog")
    await desk.get_by_label(text("people_find", language)).fill("")
    await desk.get_by_role("button", name=text("import_people", language)).click()
    table = b"email,name,groups\nleo@box.example,Leo,Ventas\nana@box.example,Ana,\n"
    file = FilePayload(name="people.csv", mimeType="text/csv", buffer=table)
    await dialog.get_by_label(text("import_file", language)).set_input_files(file)
    await dialog.get_by_role("button", name=text("import_people", language)).click()
    await expect(dialog).to_contain_text(text("import_done", language, added=1, refused=1))
    await _shot(page, f"imported-{language}")
    await page.keyboard.press("Escape")
    await desk.get_by_label(text("people_find", language)).fill("ventas")
    await desk.get_by_role("button", name="Leo").click()
    await dialog.get_by_label(text("person_suspended", language)).check()
    await dialog.get_by_label("Ventas").uncheck()
    await dialog.get_by_role("button", name=text("save", language)).click()
    await expect(dialog).to_have_count(0)
    await desk.get_by_label(text("people_find", language)).fill("leo")
    await expect(desk.get_by_role("row", name="Leo")).to_contain_text(text("people_is_suspended", language))


async def _takes_the_invitation(
    browser: Browser, link: str, language: Language, options: dict[str, Any]
) -> None:
    """Somebody else's browser: a password of their own, and then the chat, without the administration."""
    context = await browser.new_context(**options)
    page = await context.new_page()
    await page.goto(link)
    await expect(page.locator("[name=email]")).to_have_value("eva@box.example")
    await page.fill("[name=password]", PASSWORD)
    await page.click("button[type=submit]")
    await expect(page.locator("#slot-chat chat-transcript .composer")).to_be_visible(timeout=60_000)
    await expect(page.locator("#tab-me-button")).to_have_text(text("tab_me", language))
    await expect(page.locator("#tab-admin-button")).to_be_hidden()
    await context.close()
