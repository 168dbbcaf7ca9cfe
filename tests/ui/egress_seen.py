"""Administration › What left as an administrator meets it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from playwright.async_api import Page, expect

from appliance.bootstrap.egress import way_out_at
from inference.egress import Departure
from inference.egress.settings import EgressSettings
from ui.texts import Language
from ui.texts.egress import EGRESS

WHY = "No engine of this box could answer, and the rules allow this question to leave."


def said(key: str, language: Language) -> str:
    """One sentence of the view."""
    sentence: str = getattr(EGRESS[key], language)
    return sentence


def something_left(data: Path) -> None:
    """A question to a cloud, one that was refused, and a model that was got."""
    ledger = way_out_at(data, EgressSettings()).ledger
    at = datetime(2026, 11, 21, 10, 4, tzinfo=UTC)
    asked = ("cloud", "ana@box.example", "POST", "api.openai.com", "/v1/chat/completions")
    ledger(
        Departure("ended", at, *asked, sent_bytes=4_711, received_bytes=12_400, status=200, seconds=2.1,
                  id="0a", decision="d-1", why=WHY, redactions=2, engine="backup", address="203.0.113.7")
    )  # fmt: skip
    ledger(Departure("refused", at, *asked, reason="api.openai.com is not among the hosts that are allowed."))
    got = ("models", "root@box.example", "GET", "huggingface.co", "/acme/tiny/resolve/main/model.gguf")
    ledger(Departure("ended", at, *got, received_bytes=1_900_000_000, status=200, seconds=80.0))


async def sees_what_left(
    page: Page, data: Path, language: Language, shot: Callable[[str], Awaitable[None]]
) -> None:
    """Empty at first; then sums and lines, found by what they are for; everything is stopped and goes on."""
    desk, dialog = page.locator("administration-desk"), page.get_by_role("dialog")
    await expect(desk).to_contain_text(said("empty", language))
    await shot("egress-empty")

    something_left(data)
    await desk.get_by_label(said("show", language)).select_option("ended")
    await expect(desk).to_contain_text(WHY)
    await desk.get_by_label(said("show", language)).select_option("ended,refused,stopped,resumed")
    await expect(desk.get_by_role("table", name=said("totals", language)).get_by_role("row")).to_have_count(3)
    await expect(desk.get_by_text("api.openai.com is not among")).to_be_visible()
    await shot("egress")
    await desk.get_by_label(said("host_filter", language)).fill("hugging")
    await desk.get_by_label(said("host_filter", language)).press("Enter")
    await expect(desk.get_by_text(WHY)).to_have_count(0)
    await expect(desk.get_by_role("row").filter(has_text="huggingface.co")).to_have_count(2)
    await desk.get_by_label(said("host_filter", language)).fill("")
    await desk.get_by_label(said("host_filter", language)).press("Enter")

    await desk.get_by_role("button", name=said("stop", language)).click()
    await dialog.get_by_label(said("stop_reason", language)).fill("incident 7")
    await shot("egress-stopping")
    await dialog.get_by_role("button", name=said("stop_do", language)).click()
    await expect(desk.locator(".problem").filter(has_text="incident 7")).to_be_visible()
    await shot("egress-stopped")
    await desk.get_by_role("button", name=said("resume", language)).click()
    await expect(desk.get_by_role("button", name=said("stop", language))).to_be_visible()
