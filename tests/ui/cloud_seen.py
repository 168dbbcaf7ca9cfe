"""What an administrator sees in Administration, Cloud, and what they do there: narrow, mark, stop and let go on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg
from playwright.async_api import Page, expect

from appliance.bootstrap.leaving import LeavingRoom
from appliance.domain.origins import OWN_WORDS
from appliance.fairness.accounting.ledger_rows import uuid7
from appliance.fairness.leaving.deciding import Decisions
from appliance.fairness.leaving.decisions import LEAVES, Decision
from appliance.fairness.leaving.rules import Permission
from appliance.fairness.leaving.settings import LeavingSettings
from appliance.storage.database import Database
from appliance.storage.leaving import PostgresLeaving
from inference.personal_data.patterns import PatternDetector
from ui.texts import Language, text
from ui.texts.cloud import CLOUD

COLLECTION = "Manual de producto"
_SETTINGS = LeavingSettings(when="queue", queue_s=30, personal_data="redact")


def a_leaving_room(database: Database) -> LeavingRoom:
    """An operator's file that permits much, so that there is something to narrow."""
    repository = PostgresLeaving(database)
    decisions = Decisions(
        Permission.of(_SETTINGS),
        repository,
        PatternDetector(),
        names=lambda model: (frozenset({model}), frozenset()),
        new_id=uuid7,
        now=lambda: datetime.now(UTC),
    )
    return LeavingRoom(decisions, repository, database, lambda: {"tiny-chat"})


async def two_decisions(owner_url: str, database: Database, asker: UUID) -> None:
    """One question left, another one stayed; and there is a collection that everybody sees."""
    told = (True, LEAVES, 2), (False, "collection_stays", 0)
    now = datetime.now(UTC)
    await PostgresLeaving(database).keep(
        [
            Decision(
                uuid7(),
                now,
                asker,
                None,
                "r1",
                "tiny-chat",
                "queue",
                42.0,
                leaves,
                code,
                code,
                OWN_WORDS,
                hidden,
            )
            for leaves, code, hidden in told
        ]
    )
    await asyncio.to_thread(_add_collection, owner_url, asker)


def _add_collection(owner_url: str, owner: UUID) -> None:
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "INSERT INTO collections (id, name, is_public, created_by) VALUES (gen_random_uuid(), %s, true, %s)",
            [COLLECTION, owner],
        )


async def sees_cloud(
    page: Page, data: Path, language: Language, shot: Callable[[str], Awaitable[None]]
) -> None:
    """The section is open, over two_decisions; data: where the stop file lies."""
    desk = page.locator("administration-desk")

    def said(key: str, **values: object) -> str:
        return str(getattr(CLOUD[key], language)).format(**values)

    await expect(desk).to_contain_text(said("something_leaves"))
    await expect(desk).to_contain_text(said("as_file"))
    await _reads_decisions(page, said, language)
    await shot("cloud")
    await _narrows(page, said, language)
    await _marks(page, said, language)
    await shot("cloud-narrowed")
    await _stops(page, data, said, shot)


async def _reads_decisions(page: Page, said: Callable[..., str], language: Language) -> None:
    desk = page.locator("administration-desk")
    section = desk.get_by_role("region", name=said("decisions"))
    await expect(section.get_by_role("row")).to_have_count(3)
    await expect(section).to_contain_text(said("hidden", count=2))
    await section.get_by_label(said("decision"), exact=True).select_option("stay")
    await expect(section.get_by_role("row")).to_have_count(2)
    await expect(section.get_by_role("row").nth(1)).to_contain_text(text("stay.collection_stays", language))


async def _narrows(page: Page, said: Callable[..., str], language: Language) -> None:
    """By the keyboard alone: a person is named, and the next look knows of it."""
    rules = page.locator("administration-desk").get_by_role("region", name=said("rules"))
    await rules.get_by_label(said("at_most"), exact=True).select_option("local_down")
    await rules.get_by_label(said("veto"), exact=True).check()
    stays = rules.get_by_label(f"{said('people_groups_models')}: {said('add_hint_all')}", exact=True)
    await stays.fill("nobody@box.example")
    await stays.press("Enter")
    await expect(rules.get_by_role("alert")).to_contain_text("nobody@box.example")
    await stays.fill("ANA@box.example")
    await stays.press("Enter")
    await expect(rules.get_by_role("alert")).to_have_count(0)
    await expect(rules.get_by_role("list", name=said("people_groups_models"))).to_contain_text(
        "ana@box.example"
    )
    await rules.get_by_role("button", name=text("save", language)).click()
    desk = page.locator("administration-desk")
    await expect(desk).to_contain_text(said("narrowed"))
    await expect(desk.get_by_text(said("personal.veto"), exact=True)).to_be_visible()


async def _marks(page: Page, said: Callable[..., str], language: Language) -> None:
    """Letting a collection leave is asked for twice, keeping it is not."""
    desk, dialog = page.locator("administration-desk"), page.get_by_role("dialog")
    row = desk.get_by_role("row", name=COLLECTION)
    await expect(row).to_contain_text(text("collection_stays", language))
    await row.get_by_role("button", name=said("let_of", name=COLLECTION)).click()
    await dialog.get_by_role("button", name=text("collection_let", language), exact=True).click()
    await expect(row).to_contain_text(text("collection_may_leave", language))
    await row.get_by_role("button", name=said("keep_of", name=COLLECTION)).click()
    await expect(row).to_contain_text(text("collection_stays", language))


async def _stops(
    page: Page, data: Path, said: Callable[..., str], shot: Callable[[str], Awaitable[None]]
) -> None:
    """One click, one confirmation: the file is there, and the page says by whom and why until it goes on."""
    desk, dialog = page.locator("administration-desk"), page.get_by_role("dialog")
    switch = desk.get_by_role("region", name=said("switch"), exact=True)
    await switch.get_by_role("button", name=said("switch_stop")).click()
    await dialog.get_by_label(said("switch_why")).fill("Auditoría")
    await dialog.get_by_role("button", name=said("switch_do")).click()
    await expect(dialog).to_have_count(0)
    await expect(switch).to_contain_text(said("switch_on"))
    await expect(switch).to_contain_text(said("switch_reason", reason="Auditoría"))
    await expect(switch).to_contain_text("root@box.example")
    assert (data / "egress.stop").exists()
    await shot("cloud-stopped")
    await page.set_viewport_size({"width": 390, "height": 844})
    await shot("cloud-phone")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.set_viewport_size({"width": 1280, "height": 800})
    await switch.get_by_role("button", name=said("switch_resume")).click()
    await dialog.get_by_role("button", name=said("switch_resume_do"), exact=True).click()
    await expect(switch).to_contain_text(said("switch_off"))
    assert not (data / "egress.stop").exists()
