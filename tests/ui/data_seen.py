"""What an administrator sees and does in Administration, Data: connect, choose, share, try, settle what drifted."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

from playwright.async_api import Page, expect

from tests.data_doors import sqlite_shop
from ui.texts import Language, text
from ui.texts.data_page import DATA


async def sees_data(
    page: Page, language: Language, databases: Path, shot: Callable[[str], Awaitable[None]]
) -> None:
    """databases: the folder that SQLite files must lie in."""

    def say(key: str, **values: object) -> str:
        sentence: str = getattr(DATA[key], language)
        return sentence.format(**values)

    path = sqlite_shop(databases)
    desk, dialog = page.locator("administration-desk"), page.get_by_role("dialog")
    file = dialog.get_by_role("textbox", name=say("path"), exact=True)
    await expect(desk).to_contain_text(say("none"))
    await desk.get_by_role("button", name=say("connect")).click()
    await dialog.get_by_label(text("me_name", language)).fill("Tienda")
    await dialog.get_by_label(say("kind")).select_option("sqlite")
    await file.fill("../other.db")
    await dialog.get_by_role("button", name=say("connect")).click()
    await expect(dialog.get_by_role("alert")).to_contain_text("data.sqlite_folder")
    await shot("data-connect")
    await file.fill(path.name)
    await dialog.get_by_role("button", name=say("connect")).click()
    await expect(dialog).to_have_count(0)
    await expect(desk.get_by_role("heading", name="Tienda")).to_be_visible()
    await expect(desk).to_contain_text(say("state.no_tables"))

    for table in ("customer", "sale"):
        await desk.get_by_label(say("choose_of", table=table), exact=True).check()
    await desk.get_by_role("button", name=say("choose_save")).click()
    await expect(desk).to_contain_text(say("columns_of", offered=2, count=3))
    await desk.get_by_role("button", name=say("columns_edit", table="customer")).click()
    await expect(dialog.get_by_label(f"email: {say('personal')}")).to_be_checked()
    await expect(dialog.get_by_label(f"email: {say('offered')}")).not_to_be_checked()
    await dialog.get_by_label(f"city: {say('description')}").fill("Where they live")
    await shot("data-columns")
    await dialog.get_by_role("button", name=text("save", language)).click()
    await expect(dialog).to_have_count(0)

    await desk.get_by_label(say("share_with")).select_option("everybody")
    await desk.get_by_role("button", name=say("share_add"), exact=True).click()
    await expect(desk.get_by_role("list", name=say("share"))).to_contain_text(say("share_everybody"))
    sql, run = desk.get_by_label("SQL"), desk.get_by_role("button", name=say("trial_run"))
    await sql.fill("SELECT city, sum(amount) AS total FROM sale JOIN customer USING (id) GROUP BY city")
    await run.click()
    await expect(desk.get_by_role("table", name=say("trial"))).to_contain_text(
        "10.5" if language == "en" else "10,5"
    )
    await shot("data-trial")
    await sql.fill("DELETE FROM sale")
    await run.click()
    await expect(desk.get_by_role("alert")).to_contain_text("DELETE")

    with closing(sqlite3.connect(path)) as shop:
        shop.execute("ALTER TABLE sale RENAME COLUMN amount TO total")
    await desk.get_by_role("button", name=say("read_anew")).click()
    await expect(desk).to_contain_text(say("drift.column_gone", table="sale", column="amount"))
    await shot("data-drift")
    await desk.get_by_role("button", name=say("choose_save")).click()
    await expect(desk).not_to_contain_text(say("drift"))
    await desk.get_by_role("button", name=say("back")).click()
    await expect(desk.get_by_role("row", name=re.compile("Tienda"))).to_contain_text(say("state.ready"))
    await shot("data")
    await desk.get_by_role("button", name=say("remove_of", name="Tienda")).click()
    await dialog.get_by_role("button", name=text("delete", language)).click()
    await expect(desk).to_contain_text(say("none"))
