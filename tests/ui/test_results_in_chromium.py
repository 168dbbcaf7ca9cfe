"""Rows from the company's tables beside an answer, in a real browser: shown, sorted, drawn, exported, and harmless."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from playwright.async_api import Browser, expect
from redis.asyncio import Redis

from appliance.domain.answers import Finished, Tabled, TextDelta
from appliance.domain.data import Chart, QueryRun
from appliance.storage.database import Database
from querying.types import ResultColumn, Rows, Value
from tests.accessibility import Inspection
from tests.page_box import PASSWORD
from tests.ui.test_page_in_chromium import CHROMIUM, Visit, _visiting, browser
from ui.texts.data_answers import DATA_ANSWERS

__all__ = ["browser"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None, reason="chromium is not installed: the page was not opened in a browser"
    ),
    pytest.mark.timeout(600),
]
WIDE = {"width": 1280, "height": 900}
HOSTILE = "<img src=x onerror=alert(1)>"
COLUMNS = (ResultColumn("ciudad", "text"), ResultColumn("total", "decimal"), ResultColumn("año", "integer"))
ROWS: tuple[tuple[Value, ...], ...] = (
    ("Bilbao", Decimal("1234.50"), 2025),
    (HOSTILE, Decimal("-3.00"), 2024),
    ("Madrid", None, 2023),
    *((f"Pueblo {number}", Decimal(number), 2025) for number in range(1, 21)),
)
RUN = QueryRun(
    UUID(int=7),
    UUID(int=8),
    "Ventas",
    "SELECT ciudad,\n  total FROM t",
    ("t",),
    Rows(COLUMNS, ROWS, "rows", 12.4),
    datetime(2026, 4, 15, 10, 30, tzinfo=UTC),
)


def say(key: str, **values: object) -> str:
    """In Spanish."""
    return DATA_ANSWERS[key].es.format_map(values)


async def _asked(visit: Visit, question: str) -> None:
    await visit.page.goto(visit.url)
    await visit.page.fill("[name=email]", "ana@example.org")
    await visit.page.fill("[name=password]", PASSWORD)
    await visit.page.click("button[type=submit]")
    await expect(visit.page.locator("chat-transcript .composer")).to_be_visible()
    await visit.ask(question)
    await expect(visit.page.locator("article footer .deeds")).to_be_visible(timeout=60_000)


async def test_rows_are_shown_sorted_drawn_and_stay_what_they_are(
    browser: Browser, database: Database, valkey: Redis, tmp_path: Path
) -> None:
    """In Spanish: numbers as people write them, a chart whose values the keyboard reaches, SQL, files; reloaded too."""
    figure = replace(
        RUN, id=UUID(int=9), rows=Rows((ResultColumn("total", "float"),), ((65341.290000000015,),))
    )
    async with _visiting(
        browser, database, valkey, tmp_path / "ui.sock", with_ui=False, locale="es-ES", viewport=WIDE
    ) as visit:
        visit.box.people.languages["ana@example.org"] = "es"
        visit.box.answerer.script = lambda _request: [
            Tabled(RUN, Chart("bar", 0, (1,))),
            Tabled(figure, slot=1),
            TextDelta("Bilbao vendió **1.234,50**."),
            Finished("written", model="answer-from-data"),
        ]
        await _asked(visit, "Ventas por ciudad")
        page, results = visit.page, visit.page.locator(".data-result")
        table, single = results.nth(0), results.nth(1)

        await expect(table.locator("tbody tr")).to_have_count(10)
        await expect(table.locator("tbody tr").first).to_have_text("Bilbao1.234,502025")
        await expect(table.locator("tbody tr").nth(1)).to_have_text(f"{HOSTILE}-3,002024")
        await expect(table.locator("tbody tr").nth(2).locator(".null")).to_have_text("–")
        await expect(table.locator(".cut")).to_have_text(say("cut_rows"))
        await expect(table.locator(".data-facts")).to_contain_text("23 filas · Ventas · 12 ms")
        await expect(single.locator("dd")).to_have_text("65.341,29")

        chart = table.locator(".data-chart")
        await expect(chart.get_by_role("img", name="Bilbao: 1.234,50")).to_be_visible()
        told = await chart.get_by_role("group").get_attribute("aria-label")
        assert told is not None and "1.234,50 (Bilbao)" in told
        await chart.get_by_role("img").first.focus()
        await page.keyboard.press("Tab")
        await expect(chart.get_by_role("img").nth(1)).to_be_focused()

        await table.get_by_role("button", name=say("more")).click()
        await expect(table.locator("tbody tr")).to_have_count(23)
        await table.get_by_role("button", name="total").click()
        await expect(table.locator("th[aria-sort=ascending]")).to_have_text("total")
        await expect(table.locator("tbody tr").first).to_contain_text("-3,00")
        await expect(table.locator("tbody tr").last).to_contain_text("Madrid")
        await table.locator("summary").click()
        await expect(table.locator("pre")).to_have_text(RUN.sql)
        for kind in ("csv", "xlsx"):
            link = table.get_by_role("link", name=say(kind))
            await expect(link).to_have_attribute("href", f"/api/data/results/{RUN.id}.{kind}?language=es")

        inspection = Inspection(page, WIDE)
        await inspection.look("a result")
        assert inspection.found == []
        await page.reload()
        await expect(results).to_have_count(2)
        await expect(results.nth(0).locator("tbody tr").first).to_contain_text("Bilbao")
        assert visit.trouble == []
