"""Administration › Models as an administrator meets it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from playwright.async_api import Page, expect

from ui.texts import Language, text
from ui.texts.models import MODELS, PLANS


def said(key: str, language: Language, **values: object) -> str:
    """One sentence of the view."""
    sentence: str = getattr((MODELS | PLANS)[key], language)
    return sentence.format_map(values)


async def sees_models(page: Page, language: Language, shot: Callable[[str], Awaitable[None]]) -> None:
    """Every state is told in words; what fits has its sum; a model is got, its pull ended, another removed."""
    desk, dialog = page.locator("administration-desk"), page.get_by_role("dialog")
    await expect(desk).to_contain_text("RTX 4090")
    row = desk.get_by_role("row")
    await expect(row.filter(has_text="llama-3.1-8bhf")).to_contain_text(
        said("state_loading", language, seconds=40)
    )
    await expect(row.filter(has_text="tiny-old-model")).to_contain_text(said("state_failed", language))
    await row.filter(has_text="tiny-old-model").get_by_text(said("last_lines", language)).click()
    await expect(desk.locator("pre.log")).to_contain_text("exiting with code 1")
    await expect(row.filter(has_text="multilingual-e5-smallhf")).to_contain_text(
        said("state_searching", language)
    )
    await expect(desk.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "21")
    await expect(desk).to_contain_text(text("error.model_gated", language))
    await shot("models")

    await desk.get_by_role("button", name=said("why", language)).first.click()
    await expect(dialog).to_contain_text(said("why_need", language))
    await shot("models-arithmetic")
    await page.keyboard.press("Escape")

    await desk.get_by_role("button", name=said("remove", language, name="qwen-2.5-7b-q4_k_m")).click()
    await dialog.get_by_role("button", name=said("remove_do", language), exact=True).click()
    await expect(row.filter(has_text="qwen-2.5-7b-q4_k_m")).to_have_count(0)

    await desk.get_by_label(said("elsewhere_label", language)).fill("hf:acme/another")
    await desk.get_by_role("button", name=said("get", language), exact=True).last.click()
    cancel = desk.get_by_role("button", name=said("pull_cancel", language, name="another"))
    await expect(cancel).to_be_visible()
    await cancel.click()
    await expect(cancel).to_have_count(0)
    await expect(desk).to_contain_text(said("pull_ending", language))
