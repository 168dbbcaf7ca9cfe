"""Workbooks with merged headers, totals, dates and Spanish decimals: their sums are those that LibreOffice finds."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from querying.workbooks.packing import quoted
from tests.querying.workbook_tables import WRITTEN, asked, codes, made_of

_SUMS: dict[str, dict[str, dict[str, float]]] = json.loads((WRITTEN / "sums.json").read_text())


@pytest.mark.parametrize("kind", ["xlsx", "ods", "xls"])
@pytest.mark.parametrize("stem", sorted(_SUMS))
def test_the_sums_of_every_column_are_those_of_libreoffice(stem: str, kind: str) -> None:
    """Recorded by scripts/workbook_sums.py; the same in all three formats, totals counted once."""
    tables = made_of(WRITTEN / f"{stem}.{kind}")
    assert set(tables) == set(_SUMS[stem])
    for table, columns in _SUMS[stem].items():
        for column, theirs in columns.items():
            ((ours,),) = asked(tables, f"SELECT sum({quoted(column)}) FROM {quoted(table)}")
            assert float(ours) == pytest.approx(theirs, rel=1e-12), (table, column)


@pytest.mark.parametrize("kind", ["xlsx", "ods", "xls"])
def test_types_of_a_spanish_expense_sheet_are_found(kind: str) -> None:
    """Codes keep their zeros, brackets are negative, text dates are dates, SÍ is true, errors are empty and told."""
    table = made_of(WRITTEN / f"gastos.{kind}")["gastos"]
    assert {column.name: column.kind for column in table.table.columns} == {
        "fecha": "date",
        "c_p": "text",
        "concepto": "text",
        "importe": "decimal",
        "base": "decimal",
        "pct_dto": "decimal",
        "pagado": "boolean",
        "fecha_pago": "date",
        "media": "integer",
    }
    tables = {"gastos": table}
    assert asked(tables, "SELECT c_p FROM gastos ORDER BY 1 LIMIT 1") == [("01005",)]
    assert asked(tables, "SELECT count(*) FROM gastos WHERE pagado AND importe > 0") == [(3,)]
    assert str(asked(tables, "SELECT max(fecha_pago) FROM gastos")[0][0]) == "2025-06-02"
    assert table.table.description == "Gastos de la oficina"
    assert codes(table) == ["table_totals_one", "table_errors"]


@pytest.mark.parametrize("kind", ["xlsx", "ods", "xls"])
def test_a_wrong_total_and_hidden_rows_are_told(kind: str) -> None:
    """The workbook's own total is no data, and where it differs both numbers are said."""
    tables = made_of(WRITTEN / f"almacen.{kind}")
    differing = [
        note for note in tables["almacen_1_3"].notes if getattr(note, "code", "") == "table_total_differs"
    ]
    assert [note.values for note in differing] == [{"column": "Cantidad", "theirs": "13", "ours": "12"}]  # type: ignore[attr-defined]
    assert "table_hidden_rows_one" in codes(tables["almacen_1_3"])


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice Calc is not installed")
def test_libreoffice_itself_still_finds_the_recorded_sums(tmp_path: Path) -> None:
    """The record is what LibreOffice says today of the same workbook."""
    script = _script()
    book = Workbook()
    assert book.active is not None
    book.remove(book.active)
    formulas = script.BOOKS["gastos"](book)
    book.save(tmp_path / "gastos.xlsx")
    assert script.with_sums(tmp_path / "gastos.xlsx", formulas, tmp_path) == _SUMS["gastos"]


def _script() -> Any:
    path = Path(__file__).parent.parent.parent / "scripts" / "workbook_sums.py"
    spec = importlib.util.spec_from_file_location("workbook_sums", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
