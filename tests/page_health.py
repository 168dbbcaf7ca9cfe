"""What an administrator sees in Administration, Health: trouble first, with commands to copy, in their language."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.page_office import DRAINED
from ui.texts import Language, text
from ui.texts.findings import FINDINGS


def _said(key: str, language: Language) -> str:
    return str(getattr(FINDINGS[key], language))


async def sees_health(page: Page, language: Language) -> None:
    """The view is open over the findings of `page_office`."""
    desk = page.locator("administration-desk")
    now = desk.get_by_role("list", name=text("watchdog_now", language)).locator(".finding")
    reason = text("limited_by.heat", language)
    hot = text("seen.gpu_throttled", language, subject="gpu 0", name="L40S", reason=reason, temperature_c=91)
    await expect(now).to_contain_text(hot)
    await expect(now).to_contain_text(text("remedy_of.cool", language))
    down, drain = desk.locator(".finding").nth(1), desk.locator(".finding").nth(2)
    await expect(down).to_contain_text(text("severity_error", language))
    await expect(down).to_contain_text("2026-11-21 02:00 UTC")
    await expect(down.locator("pre")).to_have_text("postgres: no space left")
    await expect(drain).to_contain_text(_said("finding.tuning.no_drain", language))
    await expect(drain).to_contain_text(_said("remedy.tuning.no_drain", language))
    await expect(drain.locator("code")).to_have_text(DRAINED)
    free = "1,234.5" if language == "en" else "1234,5"
    await expect(desk.get_by_role("row", name=text("check_disk", language))).to_contain_text(free)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await drain.get_by_role("button").click()
    # the text is written after the click has been heard
    await page.wait_for_function(
        "async wanted => await navigator.clipboard.readText() === wanted", arg=DRAINED, timeout=60_000
    )
    await desk.get_by_role("button", name=text("health_again", language)).click()
    await expect(desk.locator(".finding")).to_have_count(3)
