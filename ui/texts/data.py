"""What is said of the company's tables when they cannot be asked."""

from __future__ import annotations

from ui.texts.sentence import Sentence

DATA_ERRORS = {
    "querying_error": Sentence("The tables could not be asked.", "No se pudo consultar las tablas."),
    "query_refused": Sentence("This query may not run.", "Esta consulta no se puede ejecutar."),
    "query_too_expensive": Sentence(
        "This question takes more work than is allowed. Ask for less: a shorter time, fewer tables.",
        "Esta pregunta exige más trabajo del permitido. Pide menos: un periodo más corto, menos tablas.",
    ),
    "query_timed_out": Sentence(
        "The query took longer than is allowed and was stopped. Ask for less: a shorter time, fewer tables.",
        "La consulta tardó más de lo permitido y se detuvo. Pide menos: un periodo más corto, menos tablas.",
    ),
    "query_failed": Sentence(
        "The database could not run this query.", "La base de datos no pudo ejecutar esta consulta."
    ),
    "schema_changed": Sentence(
        "A table or a column is not there any more. Tell an administrator.",
        "Una tabla o una columna ya no existe. Avisa a un administrador.",
    ),
    "source_busy": Sentence(
        "As many queries of this database as are allowed at a time are running. Try again in a moment.",
        "Esta base de datos ya tiene en marcha todas las consultas permitidas a la vez. Prueba dentro de un momento.",
    ),
    "source_refused": Sentence(
        "This database cannot be used as it is.", "Esta base de datos no se puede usar tal como está."
    ),
    "source_unavailable": Sentence(
        "The database does not answer. Try again in a moment.",
        "La base de datos no responde. Inténtalo de nuevo en un momento.",
    ),
}

DATA_REFUSALS = {
    "source_exists": Sentence(
        "There is a data source {name} already.", "Ya hay un origen de datos llamado {name}."
    ),
    "source_name": Sentence(
        "A data source needs a name of at most {most} characters.",
        "Un origen de datos necesita un nombre de {most} caracteres como mucho.",
    ),
    "source_tables_most": Sentence(
        "At most {most} tables of a data source can be chosen.",
        "De un origen de datos se pueden elegir {most} tablas como mucho.",
    ),
    "source_table_unknown": Sentence(
        "The role cannot read a table {table}. Grant it SELECT there, or look at the spelling.",
        "El rol no puede leer ninguna tabla {table}. Concédele SELECT sobre ella o revisa cómo está escrita.",
    ),
    "source_column_unknown": Sentence(
        "The table {table} has no column {column}.", "La tabla {table} no tiene ninguna columna {column}."
    ),
    "source_samples_personal": Sentence(
        "{column} holds data about people, so it has no sample values.",
        "{column} contiene datos de personas y por eso no tiene valores de ejemplo.",
    ),
}
