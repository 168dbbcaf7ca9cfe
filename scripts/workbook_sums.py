"""Writes the workbooks of tests/querying/workbooks_written and the sums that LibreOffice finds in them.

    .venv/bin/python scripts/workbook_sums.py

Needs LibreOffice Calc (`soffice`). Each workbook is made here, opened, calculated and saved by LibreOffice (as XLSX,
ODS and XLS), and a second sheet of formulas adds up its columns; sums.json keeps what came out.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path

from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

FOLDER = Path(__file__).parent.parent / "tests" / "querying" / "workbooks_written"
_MOST_S = 180
_SUMS = "Sumas de prueba"


def quarters(book: Workbook) -> dict[str, dict[str, str]]:
    """Merged headers over two rows, subtotals, a grand total, a column of totals, a merged first column."""
    sheet = book.create_sheet("Ventas por trimestre")
    sheet["A1"] = "Ventas por zona y trimestre (miles de €)"
    sheet.merge_cells("A1:J1")
    sheet["A3"], sheet["B3"], sheet["C3"], sheet["G3"] = "Zona", "Producto", 2024, 2025
    for cells in ("A3:A4", "B3:B4", "C3:F3", "G3:I3"):
        sheet.merge_cells(cells)
    sheet["J3"] = "Total"
    sheet.merge_cells("J3:J4")
    for column, name in zip("CDEFGHI", ("T1", "T2", "T3", "T4", "T1", "T2", "T3"), strict=True):
        sheet[f"{column}4"] = name
    row = 5
    for zone, products in (("Norte", ("Aceite", "Vino", "Queso")), ("Sur", ("Aceite", "Vino"))):
        first = row
        for product in products:
            sheet[f"A{row}"] = zone if row == first else None
            sheet[f"B{row}"] = product
            for at, column in enumerate("CDEFGHI"):
                sheet[f"{column}{row}"] = round(10.1 * (row - 3) + 7.37 * at, 2)
            sheet[f"J{row}"] = f"=SUM(C{row}:I{row})"
            row += 1
        sheet.merge_cells(f"A{first}:A{row - 1}")
        sheet[f"A{row}"] = f"Subtotal {zone}"
        for column in "CDEFGHIJ":
            sheet[f"{column}{row}"] = f"=SUM({column}{first}:{column}{row - 1})"
        row += 1
    sheet[f"A{row}"] = "TOTAL GENERAL"
    for column in "CDEFGHIJ":
        sheet[f"{column}{row}"] = f"={column}8+{column}11"
    names = ("y2024_t1", "y2024_t2", "y2024_t3", "y2024_t4", "y2025_t1", "y2025_t2", "y2025_t3")
    return {
        "ventas_por_trimestre": {
            name: f"=SUM({{sheet}}!{column}5:{column}7)+SUM({{sheet}}!{column}9:{column}10)"
            for name, column in zip(names, "CDEFGHI", strict=True)
        }
    }


def expenses(book: Workbook) -> dict[str, dict[str, str]]:
    """Spanish numbers in text, brackets for less than nothing, dates as dates and as text, codes, errors, SÍ and NO."""
    sheet = book.create_sheet("Gastos")
    header = ["Fecha", "C.P.", "Concepto", "Importe", "Base (€)", "% Dto.", "Pagado", "Fecha pago", "Media"]
    rows = [
        [date(2025, 1, 31), "08001", "Luz", "1.234,56 €", 1234.56, 0.05, "SÍ", "3/2/2025", 1],
        [date(2025, 2, 28), "28013", "Agua", "(98,70 €)", -98.7, 0.1, "NO", "15/03/2025", 2],
        [
            date(2025, 3, 31),
            "01005",
            "Alquiler",
            "2.000,00 €",
            2000,
            0.125,
            "SÍ",
            "1 de abril de 2025",
            "=1/0",
        ],
        [date(2025, 4, 30), "46001", "Seguro", "0,40 €", 0.4, 0, "NO", "30.04.2025", "=NA()"],
        [date(2025, 5, 31), "08002", "Teléfono", "-61,05 €", -61.05, 0.21, "SÍ", "02-06-25", 3],
        [date(2025, 6, 30), "36201", "Obras", "1.000.000,99 €", 1000000.99, 0.3, "SÍ", None, 4],
    ]
    sheet.append(["Gastos de la oficina"])
    sheet.append([])
    sheet.append(header)
    for row in rows:
        sheet.append(row)
    for row_number in range(4, 10):
        sheet[f"A{row_number}"].number_format = "dd/mm/yyyy"
        sheet[f"E{row_number}"].number_format = '#,##0.00 "€"'
        sheet[f"F{row_number}"].number_format = "0.0%"
    sheet.append(["Total", None, None, None, "=SUM(E4:E9)"])
    sheet["E10"].number_format = '#,##0.00 "€"'
    sheet.append([])
    sheet.append(["Fuente: contabilidad"])
    number = (
        '_xlfn.NUMBERVALUE(SUBSTITUTE(SUBSTITUTE(SUBSTITUTE({sheet}!D4:D9,"(","-"),")","")," €",""),",",".")'
    )
    return {
        "gastos": {
            "importe": f"=SUMPRODUCT({number})",
            "base": "=SUM({sheet}!E4:E9)",
            "pct_dto": "=SUM({sheet}!F4:F9)",
            "media": "=SUM({sheet}!I4:I5)+SUM({sheet}!I8:I9)",
        }
    }


def two_tables(book: Workbook) -> dict[str, dict[str, str]]:
    """Two tables beside each other and one below, a hidden row, times, a total that is wrong on purpose."""
    sheet = book.create_sheet("Almacén 1")
    for at, row in enumerate(
        (["Artículo", "Unidades"], ["Tornillo", 1200], ["Tuerca", 800], ["Broca", 15]), start=2
    ):
        sheet[f"A{at}"], sheet[f"B{at}"] = row
    for at, row in enumerate(
        (["Proveedor", "Pedidos", "Plazo (días)"], ["Ibáñez", 3, 2.5], ["Muñoz", 4, 7.25]), start=2
    ):
        sheet[f"D{at}"], sheet[f"E{at}"], sheet[f"F{at}"] = row
    sheet["A9"] = "Movimientos"
    sheet.append([])
    for row in (
        ["Fecha", "Hora", "Cantidad", "Valor"],
        [datetime(2025, 3, 1), "08:30", 10, 1.5],
        [datetime(2025, 3, 2), "17:45", -4, 2.25],
        [datetime(2025, 3, 3), "09:00", 6, 1e-3],
    ):
        sheet.append(row)
    sheet.row_dimensions[12].hidden = True
    for row_number in range(12, 15):
        sheet[f"A{row_number}"].number_format = "yyyy-mm-dd"
    sheet.append(["Total", None, 13, 3.751])
    return {
        "almacen_1_1": {"unidades": "=SUM({sheet}!B3:B5)"},
        "almacen_1_2": {"pedidos": "=SUM({sheet}!E3:E4)", "plazo": "=SUM({sheet}!F3:F4)"},
        "almacen_1_3": {"cantidad": "=SUM({sheet}!C12:C14)", "valor": "=SUM({sheet}!D12:D14)"},
    }


BOOKS: Mapping[str, Callable[[Workbook], dict[str, dict[str, str]]]] = {
    "trimestres": quarters,
    "gastos": expenses,
    "almacen": two_tables,
}


def converted(path: Path, kind: str, folder: Path) -> Path:
    """As LibreOffice calculates and saves it."""
    profile = folder / "profile"
    command = ["soffice", f"-env:UserInstallation=file://{profile}", "--headless", "--convert-to", kind]
    subprocess.run(
        [*command, "--outdir", str(folder / kind), str(path)],
        check=True,
        capture_output=True,
        timeout=_MOST_S,
    )
    return folder / kind / f"{path.stem}.{kind}"


def with_sums(
    path: Path, formulas: Mapping[str, Mapping[str, str]], folder: Path
) -> dict[str, dict[str, float]]:
    """What LibreOffice says of the formulas, over the workbook as it stands."""
    book = load_workbook(path)
    target = folder / "asked" / path.name
    target.parent.mkdir(exist_ok=True)
    first = book.sheetnames[0]
    sheet: Worksheet = book.create_sheet(_SUMS)
    for told in formulas.values():
        for formula in told.values():
            sheet.append([formula.replace("{sheet}", f"'{first}'")])
    book.save(target)
    answers = load_workbook(converted(target, "xlsx", folder / "asked"), data_only=True)[_SUMS]
    values = iter([row[0] for row in answers.iter_rows(values_only=True)])
    return {table: {name: float(next(values)) for name in told} for table, told in formulas.items()}


def main() -> int:
    """Write everything anew."""
    if shutil.which("soffice") is None:
        print("LibreOffice Calc (soffice) is not installed.")
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    sums: dict[str, dict[str, dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for stem, write in BOOKS.items():
            book = Workbook()
            assert book.active is not None
            book.remove(book.active)
            formulas = write(book)
            raw = folder / f"{stem}.xlsx"
            book.save(raw)
            for kind in ("xlsx", "ods", "xls"):
                shutil.copy(converted(raw, kind, folder), FOLDER / f"{stem}.{kind}")
            sums[stem] = with_sums(raw, formulas, folder)
            print(stem, sums[stem])
    (FOLDER / "sums.json").write_text(json.dumps(sums, indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
