"""What people do on sheets, and what becomes of it: blocks, headers, totals, mixed columns, marks of thousands."""

from __future__ import annotations

import csv
import io
import string
import tempfile
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from querying.workbooks import names
from querying.workbooks.grid import CellError, GridRow, Sheet, Span
from querying.workbooks.packing import packed
from querying.workbooks.tables import make_tables
from querying.workbooks.text_values import NumberStyle, moment, number, number_style
from rag.errors import DocumentRefused, DocumentTooLarge
from rag.limits import ParsingLimits
from rag.office.number_formats import GENERAL
from tests.querying.workbook_tables import asked, codes, made_of, workbook

_COMMA = NumberStyle(",")


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("1.234,56 €", "1234.56", "€"),
        ("(12,50)", "-12.5", ""),
        ("-3,5 %", "-0.035", "%"),
        ("1.234", "1234", ""),
        ("12-", "-12", ""),
        ("€ 5", "5", "€"),
        ("1 234,5", "1234.5", ""),
        ("1'234'567", "1234567", ""),
        ("0,001", "0.001", ""),
        ("1,234.5", "1234.5", ""),
    ],
)
def test_a_number_in_text_is_read_as_people_mean_it(text: str, value: str, unit: str) -> None:
    """Marks of thousands, signs in front and behind, brackets, percentages, currencies."""
    found = number(text, _COMMA)
    assert found is not None
    assert (found.value, found.unit) == (Decimal(value), unit)


@pytest.mark.parametrize(
    "text", ["08001", "1.2.3", "12,3,4", "+34 600 123 456", "A-3", "(5", "--5", "1..2", "3/4"]
)
def test_what_is_no_quantity_stays_text(text: str) -> None:
    """Codes, versions, telephone numbers, halves of brackets."""
    assert number(text, _COMMA) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("3/4/2025", date(2025, 4, 3)),
        ("31.12.99", date(1999, 12, 31)),
        ("3 de marzo de 2025", date(2025, 3, 3)),
        ("15-sep-24", date(2024, 9, 15)),
        ("2025-01-02 10:30", datetime(2025, 1, 2, 10, 30)),
        ("31/2/2025", None),
        ("1.234", None),
    ],
)
def test_the_day_comes_first_in_a_date(text: str, found: date | None) -> None:
    """Unless a column proves otherwise."""
    assert moment(text) == found


def test_a_column_says_by_one_number_how_it_writes_all() -> None:
    """`1.234` is a thousand beside `0,5`, and one and a bit beside `0.5`."""
    assert number_style(["1.234", "0,5"]) == NumberStyle(",")
    assert number_style(["1.234", "0.5"]) == NumberStyle(".")
    assert number_style(["1.234"]) == NumberStyle(".", is_sure=False)


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Importe (€)", "importe"),
        ("2024 T1", "y2024_t1"),
        ("Año", "ano"),
        ("Order", "order_"),
        ("% Dto.", "pct_dto"),
        ("   ", "column_3"),
        ("名前", "名前"),
        ('a"b; DROP', "a_b_drop"),
    ],
)
def test_a_header_becomes_a_name_that_needs_no_quotation_marks(label: str, name: str) -> None:
    """Its own words stay in the description."""
    assert names.speakable(label, "column_3") == name


def test_names_that_come_twice_are_numbered() -> None:
    """The second is _2, whatever is there already."""
    assert names.made_unique(["a", "a", "a_2", "a"]) == ["a", "a_2", "a_2_2", "a_3"]


def test_headers_over_two_rows_blocks_beside_each_other_and_remarks_are_told_apart(tmp_path: Path) -> None:
    """Three tables of one sheet, a unit row, a footnote."""
    rows: list[list[object]] = [
        ["Informe", None, None, None, None, None],
        [],
        ["Zona", "Ventas", "Peso", None, "Mes", "Gasto"],
        [None, "€", "kg", None, None, None],
        ["Norte", 10.5, 3, None, "enero", 7],
        ["Sur", 20, 4, None, "febrero", 8],
        [],
        ["Nota: datos provisionales"],
    ]
    tables = made_of(workbook(tmp_path, rows))
    assert [[column.name for column in one.table.columns] for one in tables.values()] == [
        ["zona", "ventas", "peso"],
        ["mes", "gasto"],
    ]
    first = tables["hoja_1"]
    assert [column.description for column in first.table.columns] == ["Zona", "Ventas (€)", "Peso (kg)"]
    assert first.table.rows == 2


def test_a_mixed_column_keeps_its_type_while_nine_of_ten_fit_and_says_what_did_not(tmp_path: Path) -> None:
    """Nothing is dropped in silence; with more strangers the column is text, and all of it stays."""
    amounts: list[object] = [*range(18), "pendiente", None]
    table = made_of(workbook(tmp_path, [["Id", "Importe"], *zip(range(20), amounts, strict=True)]))["hoja"]
    assert [column.kind for column in table.table.columns] == ["integer", "integer"]
    (note,) = [note for note in table.notes if getattr(note, "code", "").startswith("table_cells_no")]
    assert note.values == {"count": "1", "column": "Importe", "example": "pendiente"}  # type: ignore[attr-defined]

    mixed: list[object] = [1, 2, 3, "pendiente", "anulado", 6]
    table = made_of(workbook(tmp_path, [["Id", "Importe"], *zip(range(6), mixed, strict=True)]))["hoja"]
    assert [column.kind for column in table.table.columns] == ["integer", "text"]
    assert asked({"hoja": table}, "SELECT string_agg(importe, ',' ORDER BY id) FROM hoja") == [
        ("1,2,3,pendiente,anulado,6",)
    ]


def test_a_customer_called_total_is_data_and_a_row_that_adds_up_is_not(tmp_path: Path) -> None:
    """A name that only looks like a total is believed where its numbers agree."""
    rows = [
        ["Cliente", "Importe"],
        ["Total Energies", 10],
        ["Repsol", 20],
        ["Cepsa", 5],
        ["Total clientes", 35],
    ]
    table = made_of(workbook(tmp_path, rows))["hoja"]
    assert asked({"hoja": table}, "SELECT count(*), sum(importe) FROM hoja") == [(3, 35)]
    assert codes(table) == ["table_totals_one"]


def test_a_price_with_its_tax_keeps_its_total(tmp_path: Path) -> None:
    """A column that adds up two others is what people ask for; one that adds up three or more is a check."""
    rows = [["Factura", "Base", "IVA", "Total"], ["A1", 100, 21, 121], ["A2", 200, 42, 242]]
    table = made_of(workbook(tmp_path, rows))["hoja"]
    assert [column.name for column in table.table.columns] == ["factura", "base", "iva", "total"]
    rows = [["Zona", "Enero", "Febrero", "Marzo", "Total"], ["N", 1, 2, 3, 6], ["S", 4, 5, 6, 15]]
    table = made_of(workbook(tmp_path, rows))["hoja"]
    assert [column.name for column in table.table.columns] == ["zona", "enero", "febrero", "marzo"]
    assert codes(table) == ["table_sum_column"]


def test_dates_count_from_1904_in_workbooks_that_say_so(tmp_path: Path) -> None:
    """And the wrong leap year of 1900 is kept as Excel has it."""
    path = workbook(tmp_path, [["Día", "N"], [59, 1], [61, 2], [45000, 3]], A="dd/mm/yyyy")
    days = asked({"hoja": made_of(path)["hoja"]}, "SELECT dia FROM hoja ORDER BY n")
    assert days == [(date(1900, 2, 28),), (date(1900, 3, 1),), (date(2023, 3, 15),)]


_TEXTS = (
    st.text(string.ascii_letters + "áéñü ;,.\"'\n|%&<>€", min_size=1, max_size=20).map(str.strip).filter(bool)
)
_CELLS = {
    "integer": st.integers(-(10**9), 10**9),
    "decimal": st.decimals(-(10**6), 10**6, places=2).map(lambda value: value + Decimal(0)),
    "text": _TEXTS.map(lambda text: "x " + text),
    "date": st.dates(date(1905, 1, 1), date(2200, 1, 1)),
}


@st.composite
def _random_table(draw: st.DrawFn) -> tuple[list[str], list[list[object]]]:
    kinds = draw(st.lists(st.sampled_from(sorted(_CELLS)), min_size=2, max_size=5))
    rows = draw(st.integers(2, 12))
    columns = [draw(st.lists(_CELLS[kind], min_size=rows, max_size=rows)) for kind in ("text", *kinds)]
    return ["text", *kinds], [list(row) for row in zip(*columns, strict=True)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_random_table())
def test_what_stands_in_a_random_sheet_comes_out_equal(table: tuple[list[str], list[list[object]]]) -> None:
    """Written by one program, read by us, stored, asked: the same rows in the same order, to the last digit."""
    kinds, rows = table
    header = [f"Columna {chr(65 + at)}" for at in range(len(kinds))]
    with tempfile.TemporaryDirectory() as folder:
        found = made_of(workbook(Path(folder), [header, *rows]))["hoja"]
    told = asked({"hoja": found}, "SELECT * FROM hoja")
    expected = [tuple(" ".join(v.split()) if isinstance(v, str) else v for v in row) for row in rows]
    read = [tuple(" ".join(v.split()) if isinstance(v, str) else v for v in row) for row in told]
    assert read == expected


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    _random_table(),
    st.sampled_from([(",", "."), (";", ","), ("\t", ","), ("|", "."), (";", ".")]),
    st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_stands_in_a_random_file_of_values_comes_out_equal(
    table: tuple[list[str], list[list[object]]], dialect: tuple[str, str], encoding: str, line_end: str
) -> None:
    """Whatever parts the fields, marks decimals, encodes letters and ends lines."""
    kinds, rows = table
    delimiter, mark = dialect
    # Texts that hold another program's delimiter in every row make two readings equally good: nobody could tell.
    others = str.maketrans(dict.fromkeys(set(",;\t|") - {delimiter}, "x"))
    rows = [[one.translate(others) if isinstance(one, str) else one for one in row] for row in rows]
    rows = [row for row in rows for _ in range(3)]
    target = io.StringIO(newline="")
    writer = csv.writer(target, delimiter=delimiter, lineterminator=line_end)
    writer.writerow([f"Columna {chr(65 + at)}" for at in range(len(kinds))])
    for row in rows:
        writer.writerow([_in_text(value, mark) for value in row])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one.csv"
        path.write_bytes(target.getvalue().encode(encoding))
        found = made_of(path)["datos"]
    told = asked({"datos": found}, "SELECT * FROM datos")
    for at, kind in enumerate(kinds):
        read = [row[at] for row in told]
        expected = [row[at] for row in rows]
        if kind == "text":
            assert [" ".join(str(one).split()) for one in read] == [
                " ".join(str(one).split()) for one in expected
            ]
        else:
            assert read == expected, found.table.columns[at]


def _in_text(value: object, mark: str) -> str:
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}"
    if isinstance(value, Decimal):
        return f"{value:.2f}".replace(".", mark)
    return str(value)


def test_every_real_spreadsheet_gives_tables_or_a_reason(test_data: Path) -> None:
    """None of them ends in anything but tables, or a refusal that is told."""
    files = [
        path
        for folder in ("xlsx", "xls", "csv", "hostile")
        for path in sorted((test_data / "docs" / folder).glob("*"))
        if path.suffix in (".xlsx", ".xls", ".csv", ".xlsm", ".ods")
    ]
    made, refused = 0, []
    for path in files:
        try:
            made += len(made_of(path)) > 0
        except DocumentRefused as refusal:
            refused.append((path.name, refusal.code))
    assert len(files) >= 9 and made >= 8
    assert refused == [("unstructured__password_protected.xlsx", "document_encrypted")]


def test_a_sheet_of_a_million_cells_and_links_to_elsewhere_stay_bounded(tmp_path: Path) -> None:
    """Too many cells are refused by count; a formula that would run a program is its stored value."""
    limits = ParsingLimits(max_cells=5_000, max_rows=1_000)
    with pytest.raises(DocumentTooLarge):
        made_of(workbook(tmp_path, [["a", "b"], *[[n, n] for n in range(3_000)]]), limits)
    rows = [
        ["Nombre", "Valor"],
        ["=cmd|'/c calc'!A1", 1],
        ["='[otro.xlsx]Hoja'!A1", 2],
        ['=WEBSERVICE("http://x")', 3],
    ]
    table = made_of(workbook(tmp_path, rows))["hoja"]
    assert asked({"hoja": table}, "SELECT sum(valor) FROM hoja") == [(6,)]
    assert [column.name for column in table.table.columns] == ["valor"]  # none of them has a stored value


_ANYTHING = st.one_of(
    st.floats(-1e12, 1e12, allow_nan=False),
    st.sampled_from(
        ["Total", "Suma", "2024", "€", "1.234,5", "SÍ", "-", "x", "03/04/2025", "08001", "12:30", " "]
    ),
    st.text(max_size=8),
    st.booleans(),
    st.dates(),
    st.sampled_from([CellError("#N/A"), time(8, 30), datetime(2025, 1, 2, 3, 4), 2024.0, 2025.0]),
)
_PLACES = st.tuples(st.integers(1, 9), st.integers(1, 7))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(_PLACES, _ANYTHING, max_size=40),
    st.lists(st.tuples(_PLACES, _PLACES), max_size=3),
    st.dictionaries(_PLACES, st.tuples(_PLACES, _PLACES), max_size=3),
)
def test_whatever_stands_anywhere_on_a_sheet_gives_sound_tables_or_none(
    cells: dict[tuple[int, int], Any],
    merged: list[tuple[tuple[int, int], tuple[int, int]]],
    sums: dict[tuple[int, int], tuple[tuple[int, int], tuple[int, int]]],
) -> None:
    """No arrangement of cells, merges and formulas breaks it; columns have one length, one type, one name."""
    rows = []
    for number_ in sorted({row for row, _ in cells}):
        columns = sorted(column for row, column in cells if row == number_)
        values = tuple(cells[number_, column] for column in columns)
        shapes = tuple(GENERAL if isinstance(value, float) else None for value in values)
        rows.append(GridRow(number_, tuple(columns), values, shapes))
    spans = [Span(min(a, c), min(b, d), max(a, c), max(b, d)) for (a, b), (c, d) in merged]
    adding = {
        place: Span(min(a, c), min(b, d), max(a, c), max(b, d)) for place, ((a, b), (c, d)) in sums.items()
    }
    made = make_tables([Sheet("Hoja", rows, spans, adding)])
    assert len({one.table.name for one in made.tables}) == len(made.tables)
    for one in made.tables:
        named = [column.name for column in one.table.columns]
        assert len(set(named)) == len(named) == len(one.values) > 0
        assert {len(values) for values in one.values} == {one.table.rows}
        with tempfile.TemporaryDirectory() as folder:
            packed(
                [(column.name, column.database_type) for column in one.table.columns],
                one.values,
                Path(folder),
            )
