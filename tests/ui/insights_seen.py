"""Administration › Insights in a browser, with something of everything in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from playwright.async_api import Page, expect

from appliance.domain.answers import QUESTION_READ, Feedback, Turn, TurnEvent
from appliance.domain.people import Viewer
from appliance.fairness.accounting.ledger_rows import RequestEnd
from appliance.storage.database import Database
from appliance.storage.roles import DatabaseRole, url_as
from appliance.storage.turns import PostgresTurns
from inference.types import Usage
from tests.administration_world import asked
from tests.conftest import ROLE_SECRET
from tests.page_office import PERSON, PageOffice
from ui.texts import Language, text

SHARED = "¿Cuántos días de vacaciones tengo este año?"
PRIVATE = "Zanahoria-4711"


async def something_of_everything(database: Database, owner_url: str, office: PageOffice) -> None:
    """Of one person: errors, questions that found nothing, a slow answer and a bad one."""
    person = await office.worker.accounts.people.by_email(PERSON)
    assert person is not None
    api_url, user = url_as(owner_url, DatabaseRole.API, ROLE_SECRET), person.id
    now = datetime.now(UTC)
    for hours in (1, 2, 30):
        away = RequestEnd("failed", error_code="engine_unavailable")
        await asked(api_url, user, now - timedelta(hours=hours), away, "llama-3.1-8b")
    parent = await asked(api_url, user, now - timedelta(hours=3), _took(31_400, None), "answer-with-sources")
    await asked(
        api_url,
        user,
        now - timedelta(hours=3),
        _took(24_000, 12_300),
        "llama-3.1-8b",
        part_of=parent,
        request_id=str(parent),
    )
    for minutes in range(3):
        await asked(api_url, user, now - timedelta(minutes=minutes), _took(1_900, 40), "llama-3.1-8b")
    turns, viewer = PostgresTurns(database), Viewer(user)
    for question, shares in ((SHARED, True), (PRIVATE, False)):
        turn = Turn(uuid4(), uuid4(), question, "answer-with-sources", "running", now, language="es")
        await turns.begin(viewer, turn, "title")
        end = TurnEvent(1, "done", 0, {"kind": "refused", "notes": ["nothing_found", QUESTION_READ]})
        await turns.finish(viewer, turn.id, "done", "No hay nada.", [end])
        feedback = Feedback(
            "down", "not_in_sources", "Está en el convenio." if shares else None, shares_text=shares
        )
        await turns.rate(viewer, turn.id, feedback)


def _took(total_ms: float, wait_ms: float | None) -> RequestEnd:
    return RequestEnd(
        "completed", "local", Usage(900, 200), ttft_ms=total_ms / 3, total_ms=total_ms, wait_ms=wait_ms
    )


async def sees_how_it_goes(page: Page, language: Language, shot: Callable[[str], Awaitable[None]]) -> None:
    """Every part says something in both languages, what is private stays so, and another span is a key away."""
    desk = page.locator("administration-desk")
    await expect(desk.get_by_role("table", name=text("insights_errors", language))).to_contain_text(
        "engine_unavailable"
    )
    await expect(desk.get_by_role("table", name=text("insights_questions", language))).to_contain_text(SHARED)
    slowest = desk.get_by_role("table", name=text("insights_slowest", language))
    await expect(slowest.get_by_role("row").nth(1)).to_contain_text("12")
    await expect(desk).to_contain_text(text("insights_private", language))
    await expect(desk.get_by_role("region", name=text("insights_disliked", language))).to_contain_text(
        "convenio"
    )
    await expect(desk).not_to_contain_text(PRIVATE)
    await shot("insights")
    await desk.get_by_label(text("insights_period", language)).focus()
    await page.keyboard.press("ArrowUp")
    await expect(desk.get_by_label(text("insights_period", language))).to_have_value("day")
