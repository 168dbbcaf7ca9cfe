"""What is told of the tables that were made of a workbook; see `rag.notes`."""

from __future__ import annotations

from collections.abc import Mapping

SENTENCES: Mapping[str, str] = {
    # Of the document
    "tables_made": "{count} tables of it can be asked for sums and lists: {names}.",
    "tables_made_one": "A table of it can be asked for sums and lists: {names}.",
    "tables_none": "It has no table that could be asked for sums: no columns with names or numbers were found.",
    "tables_over": "{count} tables were left out: one workbook may have {most}.",
    "tables_over_one": "{count} table was left out: one workbook may have {most}.",
    "tables_refused": "It can be searched, but no tables were made of it: it has more rows or cells than may be, or "
    "reading them took too long.",
    "tables_failed": "It can be searched, but its tables could not be read.",
    "tables_look": "Something of its tables is worth a look: {names}.",
    # Of one table
    "table_header_missing": "No row names its columns; they are numbered.",
    "table_totals": "{count} rows of totals were left out of the data; {checked} of their numbers were checked.",
    "table_totals_one": "{count} row of totals was left out of the data; {checked} of its numbers were checked.",
    "table_total_differs": "The workbook's own total of {column} says {theirs}, the rows add up to {ours}.",
    "table_sum_column": "The column {column} adds up others and was left out of the data.",
    "table_sum_column_differs": "The workbook's column {column} is not the sum of the others in {count} rows.",
    "table_sum_column_differs_one": "The workbook's column {column} is not the sum of the others in {count} row.",
    "table_cells_no_number": "{count} cells of {column} are no numbers and were left empty, such as “{example}”.",
    "table_cells_no_number_one": "{count} cell of {column} is no number and was left empty: “{example}”.",
    "table_cells_no_date": "{count} cells of {column} are no dates and were left empty, such as “{example}”.",
    "table_cells_no_date_one": "{count} cell of {column} is no date and was left empty: “{example}”.",
    "table_cells_no_time": "{count} cells of {column} are no times of day and were left empty, such as “{example}”.",
    "table_cells_no_time_one": "{count} cell of {column} is no time of day and was left empty: “{example}”.",
    "table_cells_no_truth": "{count} cells of {column} are neither yes nor no and were left empty, such as "
    "“{example}”.",
    "table_cells_no_truth_one": "{count} cell of {column} is neither yes nor no and was left empty: “{example}”.",
    "table_errors": "{count} cells of {column} show an error such as {example} and were left empty.",
    "table_errors_one": "{count} cell of {column} shows the error {example} and was left empty.",
    "table_marks_unsure": "Nothing shows whether points and commas of {column} part thousands or decimals; they were "
    "read as a file in English would mean them.",
    "table_hidden_rows": "{count} hidden or filtered rows were read too.",
    "table_hidden_rows_one": "{count} hidden or filtered row was read too.",
    "table_remarks": "{count} lines of text below the data were left out.",
    "table_remarks_one": "{count} line of text below the data was left out.",
    "table_columns_over": "{count} columns were left out: one table may have {most}.",
    "table_columns_over_one": "{count} column was left out: one table may have {most}.",
}
