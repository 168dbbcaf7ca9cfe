"""The sample sales: the same rows for the same day, questions that run, and nothing of people among them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

from appliance.services.data.personal_columns import personal_by_name
from appliance.services.data.sample_sales import QUESTIONS, TABLES, write_sample_sales
from inference.egress import Neighbours
from querying.connectors.opening import open_connector
from querying.guard.checking import check
from querying.types import Caps

TODAY = date(2026, 11, 22)


def test_the_same_day_gives_the_same_rows(tmp_path: Path) -> None:
    """Two boxes that are set up on one day answer the same."""
    for name in ("one", "other"):
        write_sample_sales(tmp_path / name, TODAY)

    assert _rows(tmp_path / "one") == _rows(tmp_path / "other")
    assert len(_rows(tmp_path / "one")["facturas"]) > 800


def test_the_latest_days_have_sales_whenever_a_box_is_set_up(tmp_path: Path) -> None:
    """So that last month finds something, in a leap year too."""
    for number, today in enumerate((TODAY, date(2028, 2, 29), date(2031, 1, 1))):
        path = tmp_path / str(number)
        write_sample_sales(path, today)
        days = [str(row[2]) for row in _rows(path)["facturas"]]
        assert max(days) > date.fromordinal(today.toordinal() - 5).isoformat()
        assert max(days) <= today.isoformat()


async def test_every_question_passes_the_guard_and_brings_rows(tmp_path: Path) -> None:
    """With values as its gaps take them; the contact's address is a personal column by its name."""
    path = tmp_path / "sales.sqlite"
    write_sample_sales(path, TODAY)
    path.chmod(0o400)
    connector = open_connector("sqlite", {"path": str(path)}, Neighbours())
    schema = await connector.schema()
    values = {"desde": date(2026, 3, 1), "antes": date(2026, 4, 1), "ano": 2026}

    assert {table.name for table in schema.tables} == set(TABLES)
    (customers,) = (table for table in schema.tables if table.name == "clientes")
    assert set(personal_by_name(customers)) == {"contacto_email"}
    for one in QUESTIONS:
        told = {name: value for name, value in values.items() if f":{name}" in one.sql}
        rows = await connector.run(check(one.sql, schema, Caps(), told), Caps())
        assert rows.rows and rows.cut is None, one.question
    await connector.close()


def _rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as database:
        return {table: database.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}
