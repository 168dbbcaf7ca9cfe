"""What a confined child does with one workbook: read its cells, find its tables, pack them. See `rag.sandbox`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from querying.workbooks.grid import Sheet
from querying.workbooks.ods_cells import read_ods
from querying.workbooks.packing import packed
from querying.workbooks.separated_cells import read_separated
from querying.workbooks.tables import make_tables
from querying.workbooks.wire import PackedTable, PackedTables, encode_tables
from querying.workbooks.xls_cells import read_xls
from querying.workbooks.xlsx_cells import read_xlsx
from rag.errors import UnsupportedFormat
from rag.limits import ParsingLimits
from rag.media_types import CSV, ODS, XLS, XLSX, detect

_READERS: Mapping[str, Callable[[Path, ParsingLimits], Iterator[Sheet]]] = {
    XLSX: read_xlsx,
    XLS: read_xls,
    ODS: read_ods,
    CSV: read_separated,
}


class TableMaker:
    """The task `tables`. order: `path`, `media_type` as the uploader claimed it, `name` for a sheet without one."""

    def __init__(self, limits: ParsingLimits) -> None:
        self._limits = limits

    def work(self, order: Mapping[str, Any], scratch: Path) -> bytes:
        """An encoded `PackedTables`. Raises a DocumentRefused."""
        path = Path(order["path"])
        read = _READERS.get(detect(path, self._limits, order["media_type"]))
        if read is None:
            raise UnsupportedFormat("It has no sheets.")
        made = make_tables(read(path, self._limits), order["name"])
        tables = tuple(
            PackedTable(
                one.table,
                one.label,
                one.place,
                packed(
                    [(column.name, column.database_type) for column in one.table.columns], one.values, scratch
                ),
                tuple(one.notes),
            )
            for one in made.tables
        )
        return encode_tables(PackedTables(tables, tuple(made.notes)))
