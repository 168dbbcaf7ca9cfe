"""Workbooks and CSV: rows as lines of text, each with its cells as reference; every file is made here."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from openpyxl.comments import Comment
from openpyxl.worksheet.worksheet import Worksheet

from rag.documents import Page, ParsedDocument
from rag.errors import DocumentDamaged, DocumentDangerous, DocumentEmpty, DocumentTooLarge
from rag.limits import ParsingLimits
from rag.parsers.csv import CsvParser
from rag.parsers.xls import XlsParser
from rag.parsers.xlsx import XlsxParser
from tests.office_documents import relationships, xls, xlsx, xlsx_with

LIMITS = ParsingLimits()
PEOPLE = [["Name", "Born", "Share"], ["Ana", datetime.date(1990, 5, 17), 0.25], ["Bo", None, 3]]


def _xlsx(path: Path, limits: ParsingLimits = LIMITS) -> ParsedDocument:
    return XlsxParser(limits).parse(path)


def _csv(tmp_path: Path, content: bytes) -> ParsedDocument:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    return CsvParser(LIMITS).parse(path)


def _refs(page: Page) -> dict[str, str]:
    return {page.text[anchor.start : anchor.end]: anchor.ref for anchor in page.anchors}


def _sheet(body: str) -> bytes:
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return f'<?xml version="1.0"?><worksheet xmlns="{space}">{body}</worksheet>'.encode()


def test_each_sheet_is_a_page_with_its_name_and_cell_ranges(tmp_path: Path) -> None:
    """Rows say where they stand; dates read as ISO, empty cells between others keep their place."""
    first, second = _xlsx(xlsx(tmp_path / "a.xlsx", {"People": PEOPLE, "Other": [["x"]]})).pages
    assert (first.number, first.unit, first.label) == (1, "sheet", "People")
    assert (second.number, second.unit, second.label) == (2, "sheet", "Other")
    assert _refs(first) == {
        "Name | Born | Share": "A1:C1",
        "Ana | 1990-05-17 | 0.25": "A2:C2",
        "Bo | | 3": "A3:C3",
    }


def test_a_title_above_a_table_is_a_heading_and_the_names_of_columns_are_its_header(tmp_path: Path) -> None:
    """The table's first line is marked, so that later parts of it can be told their columns."""
    rows = [["Prices of 2026"], [], ["Part", "Price"], ["Bolt", 1.5], ["Nut", 2]]
    (page,) = _xlsx(xlsx(tmp_path / "a.xlsx", {"S": rows})).pages
    assert [(b.kind, b.level, page.text[b.start : b.end].split("\n")[0]) for b in page.blocks] == [
        ("heading", 2, "Prices of 2026"),
        ("table", 1, "Part | Price"),
    ]


def test_an_empty_row_parts_tables_only_where_another_begins(tmp_path: Path) -> None:
    """Rows behind a gap stay under their header; a new header begins a new table."""
    rows = [["A", "B"], ["x", 1], [], ["y", 2], [], ["C", "D"], ["z", 3]]
    (page,) = _xlsx(xlsx(tmp_path / "a.xlsx", {"S": rows})).pages
    assert [page.text[b.start : b.end] for b in page.blocks] == ["A | B\nx | 1\ny | 2", "C | D\nz | 3"]
    assert [b.level for b in page.blocks] == [1, 1]


def test_values_are_written_as_the_sheet_shows_them(tmp_path: Path) -> None:
    """Percentages, currencies, truth values, errors, times; decimals without the noise of floating point."""

    def fill(sheet: Worksheet) -> None:
        values = [0.125, 12.5, True, 0.1 + 0.2, datetime.time(9, 30), "=1/0", "a\nb"]
        sheet.append(values)
        sheet["A1"].number_format = "0.0%"
        sheet["B1"].number_format = '0.00 "€"'

    (page,) = _xlsx(xlsx(tmp_path / "a.xlsx", {"S": fill})).pages
    assert page.text == "12.5% | 12.50 € | TRUE | 0.3 | 09:30 | =1/0 | a b"


def test_formulas_without_a_stored_value_are_shown_and_noted(tmp_path: Path) -> None:
    """Nobody is given a made-up result; with a stored value the value is read."""
    document = _xlsx(xlsx(tmp_path / "a.xlsx", {"S": [["Sum", "=A2+A3"]]}))
    assert document.pages[0].text == "Sum | =A2+A3"
    assert "1 formulas have no stored value" in document.notes[0]
    stored = '<sheetData><row r="1"><c r="A1"><f>B1</f><v>7</v></c></row></sheetData>'
    document = _xlsx(xlsx_with(tmp_path / "b.xlsx", {"xl/worksheets/sheet1.xml": _sheet(stored)}))
    assert (document.pages[0].text, document.notes) == ("7", ())


def test_hidden_sheets_are_read_and_noted(tmp_path: Path) -> None:
    """What others do not see at once is said."""

    def hide(sheet: Worksheet) -> None:
        sheet["A1"] = "old prices"
        sheet.sheet_state = "hidden"

    document = _xlsx(xlsx(tmp_path / "a.xlsx", {"Shown": [["x"]], "Past": hide}))
    assert document.pages[1].text == "old prices"
    assert document.notes == ("Hidden sheets were read too: Past.",)


def test_merged_rows_say_their_text_in_each_row_and_comments_their_cell(tmp_path: Path) -> None:
    """A passage that holds only the last row still knows its region; a comment is quoted with its author."""

    def fill(sheet: Worksheet) -> None:
        for row in (["Region", "City"], ["North", "Oslo"], [None, "Bergen"]):
            sheet.append(row)
        sheet.merge_cells("A2:A3")
        sheet["B3"].comment = Comment("Rain expected", "Ana")

    (page,) = _xlsx(xlsx(tmp_path / "a.xlsx", {"S": fill})).pages
    assert _refs(page) == {
        "Region | City": "A1:B1",
        "North | Oslo": "A2:B2",
        "North | Bergen": "A3:B3",
        "[Ana] Rain expected": "B3",
    }


def test_false_dimensions_and_a_million_empty_rows_do_no_harm(tmp_path: Path) -> None:
    """What a sheet claims to hold is not believed; styled cells without a value are passed by."""
    empty = "".join(f'<row r="{n}"><c r="A{n}" s="0"/></row>' for n in range(3, 20_000))
    body = (
        '<dimension ref="A1:XFD1048576"/><sheetData><row r="2"><c r="B2"><v>5</v></c></row>'
        f'{empty}<row r="1048576"><c r="XFD1048576"><v>6</v></c></row></sheetData>'
    )
    document = _xlsx(xlsx_with(tmp_path / "a.xlsx", {"xl/worksheets/sheet1.xml": _sheet(body)}))
    assert _refs(document.pages[0]) == {"5": "B2", "6": "XFD1048576"}


def test_more_rows_or_cells_than_the_limit_are_refused_with_the_number(tmp_path: Path) -> None:
    """Cells are counted before anything is parsed, rows over all sheets."""
    path = xlsx(tmp_path / "a.xlsx", {"Log": [[n, n] for n in range(30)], "More": [[1], [2]]})
    with pytest.raises(DocumentTooLarge, match="more than 31 rows"):
        _xlsx(path, ParsingLimits(max_rows=31))
    with pytest.raises(DocumentTooLarge, match="'Log' has 60 cells; 50 are allowed"):
        _xlsx(path, ParsingLimits(max_cells=50))
    with pytest.raises(DocumentTooLarge, match="more than 20 rows"):
        XlsParser(ParsingLimits(max_rows=20)).parse(
            xls(tmp_path / "a.xls", {"Log": [[n] for n in range(30)]})
        )


def test_a_short_string_that_is_repeated_cannot_fill_the_memory(tmp_path: Path) -> None:
    """A text that every cell refers to counts as often as it is written."""
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    strings = f"<sst {space}><si><t>{'x' * 30_000}</t></si></sst>".encode()
    row = "<row>" + '<c t="s"><v>0</v></c>' * 50 + "</row>"
    parts = {
        "xl/sharedStrings.xml": strings,
        "xl/worksheets/sheet1.xml": _sheet(f"<sheetData>{row * 50}</sheetData>"),
    }
    with pytest.raises(DocumentTooLarge, match="characters"):
        _xlsx(xlsx_with(tmp_path / "a.xlsx", parts))


def test_entities_and_bombs_in_a_workbook_are_refused(tmp_path: Path) -> None:
    """Before any part is parsed."""
    laughs = b'<!DOCTYPE w [<!ENTITY a "ha">]><worksheet>&a;</worksheet>'
    with pytest.raises(DocumentDangerous, match="entities"):
        _xlsx(xlsx_with(tmp_path / "a.xlsx", {"xl/worksheets/sheet1.xml": laughs}))
    bomb = _sheet("<sheetData>" + " " * (20 * 2**20) + "</sheetData>")
    with pytest.raises(DocumentDangerous, match="100-fold"):
        _xlsx(xlsx_with(tmp_path / "b.xlsx", {"xl/worksheets/sheet1.xml": bomb}))


def test_remarks_within_the_xml_of_a_sheet_are_no_cells(tmp_path: Path) -> None:
    """Comments and processing instructions stand anywhere in files that other programs write."""
    body = '<sheetData><!-- a --><row r="1"><?x y?><c r="A1"><!-- b --><v>5</v><?x y?></c></row></sheetData>'
    document = _xlsx(xlsx_with(tmp_path / "a.xlsx", {"xl/worksheets/sheet1.xml": _sheet(body)}))
    assert document.pages[0].text == "5"


def test_sheets_elsewhere_are_not_followed(tmp_path: Path) -> None:
    """A relationship out of the package is no sheet."""
    links = relationships({"rId1": ("worksheet", "file:///etc/passwd")}, mode="External")
    with pytest.raises(DocumentDamaged):
        _xlsx(xlsx_with(tmp_path / "a.xlsx", {"xl/_rels/workbook.xml.rels": links}))


def test_a_workbook_without_values_is_empty(tmp_path: Path) -> None:
    """Sheets alone are no text."""
    with pytest.raises(DocumentEmpty):
        _xlsx(xlsx(tmp_path / "a.xlsx", {"S": []}))


def test_an_old_workbook_reads_as_a_new_one(tmp_path: Path) -> None:
    """XLS gives the pages, ranges and values that XLSX does."""
    rows = [["Name", "Units", "Sold"], ["Ana", 3, True], ["Bo", 2.5, False]]
    (old,) = XlsParser(LIMITS).parse(xls(tmp_path / "a.xls", {"S": rows})).pages
    (new,) = _xlsx(xlsx(tmp_path / "a.xlsx", {"S": rows})).pages
    assert old == new


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_of_a_csv_is_found_out(delimiter: str, tmp_path: Path) -> None:
    """Decimal commas do not make commas of semicolons."""
    number = "1,5" if delimiter != "," else "1.5"
    lines = [["City", "Units", "Share"], ["León", "3", number], ["Oslo", "4", number]]
    document = _csv(tmp_path, "\n".join(delimiter.join(line) for line in lines).encode())
    (page,) = document.pages
    assert _refs(page) == {
        "City | Units | Share": "row 1",
        f"León | 3 | {number}": "row 2",
        f"Oslo | 4 | {number}": "row 3",
    }
    assert page.blocks[0].level == 1


def test_quoted_line_ends_and_empty_lines_of_a_csv_keep_the_count(tmp_path: Path) -> None:
    """A row's number is the one a spreadsheet shows."""
    (page,) = _csv(tmp_path, b'a,b\r\n"one\r\ntwo",1\r\n\r\n"say ""hi""",2\r\n').pages
    assert _refs(page) == {"a | b": "row 1", "one two | 1": "row 2", 'say "hi" | 2': "row 4"}


def test_a_quotation_mark_that_never_ends_does_not_swallow_the_file(tmp_path: Path) -> None:
    """Each line is a row then, and the owner is told."""
    document = _csv(tmp_path, b'a,b\n"open,1\nlast,2\n')
    assert document.pages[0].anchors[-1].ref == "row 3"
    assert "quotation marks" in document.notes[0]


def test_formulas_in_a_csv_stay_text_and_excels_own_first_line_is_obeyed(tmp_path: Path) -> None:
    """Nothing is evaluated; `sep=` names the delimiter and is no row of the table."""
    (page,) = _csv(tmp_path, b'sep=;\nname;sum\n=HYPERLINK("http://x");-1\n@SUM(1);2\n').pages
    assert page.text == 'name | sum\n=HYPERLINK("http://x") | -1\n@SUM(1) | 2'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "cp932"])
def test_a_csv_is_decoded_like_any_text(encoding: str, tmp_path: Path) -> None:
    """Old exports name no encoding."""
    rows = (
        "名前,年齢\n佐藤太郎,30\n三木英子,25\n" if encoding == "cp932" else "Añada,Niño\nÁngel,3\nÚrsula,5\n"
    )
    (page,) = _csv(tmp_path, rows.encode(encoding)).pages
    assert page.text == rows.strip().replace(",", " | ")
