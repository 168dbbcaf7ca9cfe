"""What is said beside the rows that a question to the company's tables brought, and of saved questions."""

from __future__ import annotations

from ui.texts.sentence import Sentence

DATA_ANSWERS_MENU = {
    "me_questions": Sentence("Saved questions", "Preguntas guardadas"),
    "starters_data": Sentence("Ask your data", "Pregunta a tus datos"),
}

DATA_ANSWERS = {
    "result": Sentence("Result from {source}", "Resultado de {source}"),
    "rows_one": Sentence("1 row", "1 fila"),
    "rows": Sentence("{count} rows", "{count} filas"),
    "rows_none": Sentence("No row matches.", "Ninguna fila coincide."),
    "took_ms": Sentence("{ms} ms", "{ms} ms"),
    "took_s": Sentence("{seconds} s", "{seconds} s"),
    "from": Sentence("from {source}", "de {source}"),
    "cut_rows": Sentence(
        "Not everything: the query was stopped at its bound of rows.",
        "No está todo: la consulta se detuvo en su límite de filas.",
    ),
    "cut_bytes": Sentence(
        "Not everything: the query was stopped at its bound of size.",
        "No está todo: la consulta se detuvo en su límite de tamaño.",
    ),
    "saved_used": Sentence("saved question", "pregunta guardada"),
    "more": Sentence("Show more rows", "Mostrar más filas"),
    "shown": Sentence("{shown} of {count} rows are shown", "Se muestran {shown} de {count} filas"),
    "sort_by": Sentence("Sort by {column}", "Ordenar por {column}"),
    "sorted_some": Sentence(
        "Only the rows that are shown were sorted.", "Solo se ordenaron las filas que se muestran."
    ),
    "null": Sentence("no value", "sin valor"),
    "true": Sentence("yes", "sí"),
    "false": Sentence("no", "no"),
    "blob": Sentence("({size})", "({size})"),
    "sql": Sentence("SQL", "SQL"),
    "sql_copy": Sentence("Copy the SQL", "Copiar el SQL"),
    "csv": Sentence("CSV", "CSV"),
    "csv_hint": Sentence("Save all rows as CSV", "Guardar todas las filas como CSV"),
    "xlsx": Sentence("Excel", "Excel"),
    "xlsx_hint": Sentence(
        "Save all rows as an Excel workbook", "Guardar todas las filas como libro de Excel"
    ),
    "copy": Sentence("Copy the rows that are shown", "Copiar las filas que se muestran"),
    "save": Sentence("Save this question", "Guardar esta pregunta"),
    "chart_of": Sentence("{y} by {x}", "{y} por {x}"),
    "chart_told": Sentence(
        "{title}: {count} values, the highest {most} ({most_at}), the lowest {least} ({least_at}).",
        "{title}: {count} valores, el mayor {most} ({most_at}), el menor {least} ({least_at}).",
    ),
    "chart_some": Sentence("The first {count}", "Los primeros {count}"),
    "value_at": Sentence("{at}: {value}", "{at}: {value}"),
    "series_at": Sentence("{series}, {at}: {value}", "{series}, {at}: {value}"),
    # Saving
    "save_title": Sentence("Save this question", "Guardar esta pregunta"),
    "save_lead": Sentence(
        "Asked again, in these or other words, it is answered with this SQL and today’s data.",
        "Cuando se vuelva a preguntar, con estas u otras palabras, se responde con este SQL y los datos de hoy.",
    ),
    "question": Sentence("Question", "Pregunta"),
    "wordings": Sentence("Other ways to ask it", "Otras formas de preguntarlo"),
    "wordings_hint": Sentence(
        "One a line, best in English and in Spanish. What changes stands in braces: {example}.",
        "Una por línea, mejor en español y en inglés. Lo que cambia va entre llaves: {example}.",
    ),
    "gaps": Sentence("What may change", "Lo que puede cambiar"),
    "gaps_hint": Sentence(
        "What you tick is taken from the question each time; the rest stays as it is.",
        "Lo que marques se toma cada vez de la pregunta; lo demás se queda como está.",
    ),
    "gap": Sentence("{column}: {value}", "{column}: {value}"),
    "gap_rows": Sentence("Number of rows: {value}", "Número de filas: {value}"),
    "gap_name": Sentence("Name of the gap", "Nombre del hueco"),
    "propose": Sentence(
        "Offer it to everybody who may ask this source; an administrator checks it first",
        "Ofrecerla a quienes pueden consultar esta fuente; antes la revisa un administrador",
    ),
    "saved": Sentence(
        "Saved. You find it under Me › Saved questions.", "Guardada. La tienes en Yo › Preguntas guardadas."
    ),
    "keep": Sentence("Save", "Guardar"),
    # The list
    "list_lead": Sentence(
        "Questions to your data whose SQL was checked. They also answer questions in other words.",
        "Preguntas a tus datos cuyo SQL se ha revisado. También responden a preguntas con otras palabras.",
    ),
    "admin_lead": Sentence(
        "What people offer waits here for your look. Verified questions are for all who may ask their source, and "
        "show a language model how it is done.",
        "Lo que la gente ofrece espera aquí tu revisión. Las preguntas verificadas son para quienes pueden consultar "
        "su fuente, y enseñan a un modelo de lenguaje cómo se hace.",
    ),
    "list_none": Sentence(
        "None yet. Save one below an answer from your data.",
        "Todavía ninguna. Guarda una debajo de una respuesta con tus datos.",
    ),
    "state": Sentence("State", "Estado"),
    "state.own": Sentence("only yours", "solo tuya"),
    "state.proposed": Sentence("offered", "ofrecida"),
    "state.verified": Sentence("verified", "verificada"),
    "state.broken": Sentence("does not run any more", "ya no funciona"),
    "changed": Sentence("Changed", "Cambiada"),
    "run": Sentence("Run “{question}”", "Ejecutar «{question}»"),
    "edit": Sentence("Change “{question}”", "Cambiar «{question}»"),
    "verify": Sentence("Verify", "Verificar"),
    "withdraw": Sentence("Withdraw", "Retirar"),
    "remove": Sentence("Delete “{question}”", "Eliminar «{question}»"),
    "remove_lead": Sentence(
        "Its versions go with it. Answers that were given stay.",
        "Sus versiones se eliminan con ella. Las respuestas dadas se quedan.",
    ),
    "run_title": Sentence("Run", "Ejecutar"),
    "change_title": Sentence("Change the question", "Cambiar la pregunta"),
    "value_hint": Sentence("For example: {example}", "Por ejemplo: {example}"),
    "versions": Sentence("History", "Historial"),
    "action.saved": Sentence("saved", "guardada"),
    "action.changed": Sentence("changed", "cambiada"),
    "action.proposed": Sentence("offered", "ofrecida"),
    "action.verified": Sentence("verified", "verificada"),
    "action.withdrawn": Sentence("withdrawn", "retirada"),
    "action.broken": Sentence("found broken", "dejó de funcionar"),
}
