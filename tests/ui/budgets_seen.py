"""Administration › Limits › Budgets as an administrator meets them, and the line that everybody reads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from playwright.async_api import Page, expect

from ui.texts import Language, text


async def sees_budgets(page: Page, language: Language, shot: Callable[[str], Awaitable[None]]) -> None:
    """Set for the organisation and for somebody, seen with what is spent, taken away again."""
    desk, dialog = page.locator("administration-desk"), page.get_by_role("dialog")
    await expect(desk).to_contain_text(text("budgets_none", language))
    for kind, amount in (("organisation", "0,30"), ("user", "2.50")):
        await desk.get_by_role("button", name=text("budget_new", language)).click()
        await dialog.get_by_label(text("budget_whose", language)).select_option(kind)
        if kind == "user":
            await dialog.get_by_label(text("limits_of_user", language)).select_option(label="ana@box.example")
        await dialog.get_by_label(text("budget_amount", language, currency="EUR")).fill(amount)
        await shot(f"budget-{kind}")
        await dialog.get_by_role("button", name=text("save", language)).click()
        await expect(dialog).to_have_count(0)
    table = desk.get_by_role("table", name=text("budgets", language), exact=True)
    await expect(table.get_by_role("row")).to_have_count(3)
    spent = "0.25" if language == "en" else "0,25"
    await expect(table.get_by_role("row", name="ana@box.example")).to_contain_text(spent)
    await expect(table.get_by_role("row", name=text("budget_for_organisation", language))).to_contain_text(
        "80 %"
    )
    await shot("budgets")
    await _reads_the_line(page, language, spent, shot)
    for name in (text("budget_for_organisation", language), "ana@box.example"):
        await desk.get_by_role("button", name=text("budget_remove_of", language, name=name)).click()
    await expect(desk).to_contain_text(text("budgets_none", language))


async def _reads_the_line(
    page: Page, language: Language, spent: str, shot: Callable[[str], Awaitable[None]]
) -> None:
    """Whoever looks at the page again is told once that four fifths are spent."""
    line = page.locator(".budget-line")
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await page.get_by_role("tab", name=text("tab_ask", language), exact=True).first.click()
    await expect(line).to_contain_text(text("budget_of_organisation", language))
    await expect(line).to_contain_text(spent)
    await shot("budget-line")
    await line.get_by_role("button", name=text("budget_read", language)).click()
    await expect(line).to_be_hidden()
    await page.click("#tab-admin-button")
