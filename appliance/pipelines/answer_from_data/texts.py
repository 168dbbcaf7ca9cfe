"""What answers from tables say by themselves, in both languages; tests hold that neither lacks a sentence."""

from __future__ import annotations

from typing import Final

from appliance.domain.people import Language

TEXTS: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "no_rows": "No rows: nothing in the tables fits what was asked.",
        "no_value": "{name}: no value. The query found nothing to compute it from.",
        "one_value": "{name}: **{value}**.",
        "series": "{name}, {rows} rows in time:",
        "first": "first, {when}: **{value}**",
        "last": "last, {when}: **{value}**",
        "highest": "highest, {when}: **{value}**",
        "lowest": "lowest, {when}: **{value}**",
        "rows": "{rows} rows ({columns}):",
        "rows_first": "{rows} rows ({columns}). The first ones:",
        "cut_rows": "_Only the first {rows} rows were read, so there may be more: do not take them for all._",
        "cut_bytes": "_The result is too large; only its first {rows} rows were read, so there may be more._",
        "ran_saved": "I ran the saved question “{question}”.",
        "ran_saved_with": "I ran the saved question “{question}” ({values}).",
        "by_default": "{name}: {value}, because nothing else was said",
        "given": "{name}: {value}",
        "missing": "The saved question “{question}” fits, but one thing is missing: {names}. Tell me, and I run it.",
        "missing_choices": "{name} (one of: {choices})",
        "no_tables": (
            "There are no tables that you may ask. An administrator connects a database under Administration › Data "
            "and says who may ask it; a workbook (XLSX or CSV) in one of your collections can be asked too."
        ),
        "no_tables_here": "There are no tables among the documents that were chosen here. Choose others, or none.",
        "no_saved_fits": (
            "No language model is connected, so only saved questions can be answered, and none of them fits this one."
        ),
        "suggested": "You could ask:",
        "tables_of": "What you may ask of **{source}**: {tables}.",
        "and_more": "and {count} more tables",
    },
    "es": {
        "no_rows": "Ninguna fila: nada en las tablas responde a lo que se pregunta.",
        "no_value": "{name}: sin valor. La consulta no encontró nada con lo que calcularlo.",
        "one_value": "{name}: **{value}**.",
        "series": "{name}, {rows} filas en el tiempo:",
        "first": "la primera, {when}: **{value}**",
        "last": "la última, {when}: **{value}**",
        "highest": "la más alta, {when}: **{value}**",
        "lowest": "la más baja, {when}: **{value}**",
        "rows": "{rows} filas ({columns}):",
        "rows_first": "{rows} filas ({columns}). Las primeras:",
        "cut_rows": "_Solo se leyeron las primeras {rows} filas y puede haber más: no las tomes por todas._",
        "cut_bytes": "_El resultado es demasiado grande; solo se leyeron sus primeras {rows} filas y puede haber más._",
        "ran_saved": "He ejecutado la pregunta guardada «{question}».",
        "ran_saved_with": "He ejecutado la pregunta guardada «{question}» ({values}).",
        "by_default": "{name}: {value}, porque no se dijo otra cosa",
        "given": "{name}: {value}",
        "missing": "La pregunta guardada «{question}» encaja, pero falta un dato: {names}. Dímelo y la ejecuto.",
        "missing_choices": "{name} (una de: {choices})",
        "no_tables": (
            "No hay tablas que puedas consultar. Un administrador conecta una base de datos en Administración › Datos "
            "y decide quién puede preguntarle; también se puede preguntar a un libro de Excel o CSV de tus colecciones."
        ),
        "no_tables_here": "Entre los documentos elegidos aquí no hay tablas. Elige otros, o ninguno.",
        "no_saved_fits": (
            "No hay ningún modelo de lenguaje conectado, así que solo se responden las preguntas guardadas, y ninguna "
            "encaja con esta."
        ),
        "suggested": "Podrías preguntar:",
        "tables_of": "Lo que puedes consultar en **{source}**: {tables}.",
        "and_more": "y {count} tablas más",
    },
}


def data_text(language: Language, key: str, /, **values: object) -> str:
    """One sentence with its values filled in."""
    return TEXTS[language][key].format(**values)
