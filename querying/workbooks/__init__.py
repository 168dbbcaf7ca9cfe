"""An uploaded workbook as typed tables that can be asked: found on its sheets, kept as Parquet, asked with DuckDB.

    file ── confined child ──► tables (schema, notes, Parquet) ── kept beside the file
                                                                     │
    checked SQL ── confined child: loads them, locks itself, runs ◄──┘

`reading` gives cells, `finding` the blocks on a sheet, `columns` their types, `packing` Parquet; `connector` asks.
Nothing here knows whose file it is.
"""
