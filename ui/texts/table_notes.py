"""What is told of the tables that were made of a workbook, by the codes of rag.table_notes."""

from __future__ import annotations

from ui.texts.sentence import Sentence

TABLE_NOTES = {
    "tables_made": Sentence(
        "{count} tables of it can be asked for sums and lists: {names}.",
        "Se le pueden pedir sumas y listas a {count} tablas suyas: {names}.",
    ),
    "tables_made_one": Sentence(
        "A table of it can be asked for sums and lists: {names}.",
        "Se le pueden pedir sumas y listas a una tabla suya: {names}.",
    ),
    "tables_none": Sentence(
        "It has no table that could be asked for sums: no columns with names or numbers were found.",
        "No tiene ninguna tabla a la que pedir sumas: no hay columnas con nombre ni con números.",
    ),
    "tables_over": Sentence(
        "{count} tables were left out: one workbook may have {most}.",
        "Se omitieron {count} tablas: un libro puede tener {most}.",
    ),
    "tables_over_one": Sentence(
        "{count} table was left out: one workbook may have {most}.",
        "Se omitió {count} tabla: un libro puede tener {most}.",
    ),
    "tables_refused": Sentence(
        "It can be searched, but no tables were made of it: it has more rows or cells than may be, "
        "or reading them took too long.",
        "Se puede buscar en él, pero no se hicieron tablas: tiene más filas o celdas de las "
        "permitidas, o leerlas tardó demasiado.",
    ),
    "tables_failed": Sentence(
        "It can be searched, but its tables could not be read.",
        "Se puede buscar en él, pero no se pudieron leer sus tablas.",
    ),
    "tables_look": Sentence(
        "Something of its tables is worth a look: {names}.",
        "Conviene echar un vistazo a estas tablas: {names}.",
    ),
    "table_header_missing": Sentence(
        "No row names its columns; they are numbered.",
        "Ninguna fila da nombre a sus columnas; van numeradas.",
    ),
    "table_totals": Sentence(
        "{count} rows of totals were left out of the data; {checked} of their numbers were checked.",
        "Se dejaron fuera de los datos {count} filas de totales; se comprobaron {checked} de sus números.",
    ),
    "table_totals_one": Sentence(
        "{count} row of totals was left out of the data; {checked} of its numbers were checked.",
        "Se dejó fuera de los datos {count} fila de totales; se comprobaron {checked} de sus números.",
    ),
    "table_total_differs": Sentence(
        "The workbook's own total of {column} says {theirs}, the rows add up to {ours}.",
        "El total de {column} que da el libro es {theirs}; las filas suman {ours}.",
    ),
    "table_sum_column": Sentence(
        "The column {column} adds up others and was left out of the data.",
        "La columna {column} suma otras y se dejó fuera de los datos.",
    ),
    "table_sum_column_differs": Sentence(
        "The workbook's column {column} is not the sum of the others in {count} rows.",
        "La columna {column} del libro no es la suma de las demás en {count} filas.",
    ),
    "table_sum_column_differs_one": Sentence(
        "The workbook's column {column} is not the sum of the others in {count} row.",
        "La columna {column} del libro no es la suma de las demás en {count} fila.",
    ),
    "table_cells_no_number": Sentence(
        "{count} cells of {column} are no numbers and were left empty, such as “{example}”.",
        "{count} celdas de {column} no son números y quedaron vacías, por ejemplo «{example}».",
    ),
    "table_cells_no_number_one": Sentence(
        "{count} cell of {column} is no number and was left empty: “{example}”.",
        "{count} celda de {column} no es un número y quedó vacía: «{example}».",
    ),
    "table_cells_no_date": Sentence(
        "{count} cells of {column} are no dates and were left empty, such as “{example}”.",
        "{count} celdas de {column} no son fechas y quedaron vacías, por ejemplo «{example}».",
    ),
    "table_cells_no_date_one": Sentence(
        "{count} cell of {column} is no date and was left empty: “{example}”.",
        "{count} celda de {column} no es una fecha y quedó vacía: «{example}».",
    ),
    "table_cells_no_time": Sentence(
        "{count} cells of {column} are no times of day and were left empty, such as “{example}”.",
        "{count} celdas de {column} no son horas y quedaron vacías, por ejemplo «{example}».",
    ),
    "table_cells_no_time_one": Sentence(
        "{count} cell of {column} is no time of day and was left empty: “{example}”.",
        "{count} celda de {column} no es una hora y quedó vacía: «{example}».",
    ),
    "table_cells_no_truth": Sentence(
        "{count} cells of {column} are neither yes nor no and were left empty, such as “{example}”.",
        "{count} celdas de {column} no dicen ni sí ni no y quedaron vacías, por ejemplo «{example}».",
    ),
    "table_cells_no_truth_one": Sentence(
        "{count} cell of {column} is neither yes nor no and was left empty: “{example}”.",
        "{count} celda de {column} no dice ni sí ni no y quedó vacía: «{example}».",
    ),
    "table_errors": Sentence(
        "{count} cells of {column} show an error such as {example} and were left empty.",
        "{count} celdas de {column} muestran un error, como {example}, y quedaron vacías.",
    ),
    "table_errors_one": Sentence(
        "{count} cell of {column} shows the error {example} and was left empty.",
        "{count} celda de {column} muestra el error {example} y quedó vacía.",
    ),
    "table_marks_unsure": Sentence(
        "Nothing shows whether points and commas of {column} part thousands or decimals; they were "
        "read as a file in English would mean them.",
        "Nada indica si los puntos y las comas de {column} separan miles o decimales; se leyeron "
        "como en un archivo en inglés.",
    ),
    "table_hidden_rows": Sentence(
        "{count} hidden or filtered rows were read too.",
        "También se leyeron {count} filas ocultas o filtradas.",
    ),
    "table_hidden_rows_one": Sentence(
        "{count} hidden or filtered row was read too.", "También se leyó {count} fila oculta o filtrada."
    ),
    "table_remarks": Sentence(
        "{count} lines of text below the data were left out.",
        "Se dejaron fuera {count} líneas de texto que hay bajo los datos.",
    ),
    "table_remarks_one": Sentence(
        "{count} line of text below the data was left out.",
        "Se dejó fuera {count} línea de texto que hay bajo los datos.",
    ),
    "table_columns_over": Sentence(
        "{count} columns were left out: one table may have {most}.",
        "Se omitieron {count} columnas: una tabla puede tener {most}.",
    ),
    "table_columns_over_one": Sentence(
        "{count} column was left out: one table may have {most}.",
        "Se omitió {count} columna: una tabla puede tener {most}.",
    ),
}

BOOK_TABLES = {
    "book_tables": Sentence("Tables you can ask", "Tablas que puedes consultar"),
    "book_table_place": Sentence("{sheet} {place}, {rows} rows", "{sheet} {place}, {rows} filas"),
    "book_table_place_one": Sentence("{sheet} {place}, 1 row", "{sheet} {place}, 1 fila"),
    "book_kind_text": Sentence("text", "texto"),
    "book_kind_number": Sentence("number", "número"),
    "book_kind_date": Sentence("date", "fecha"),
    "book_kind_time": Sentence("time", "hora"),
    "book_kind_boolean": Sentence("yes or no", "sí o no"),
}
