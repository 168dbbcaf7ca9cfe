"""Why a query may not run, by the codes of `querying.refusals`; a test compares the two."""

from __future__ import annotations

from ui.texts.sentence import Sentence

QUERY_REFUSALS = {
    "query_empty": Sentence("There is no SQL. Write one SELECT.", "No hay SQL. Escribe un SELECT."),
    "query_long": Sentence(
        "It has {count} characters; {most} are allowed. Ask for less at once.",
        "Tiene {count} caracteres y se permiten {most}. Pide menos de una vez.",
    ),
    "query_large": Sentence(
        "It has {count} parts; {most} are allowed. Ask for less at once.",
        "Tiene {count} elementos y se permiten {most}. Pide menos de una vez.",
    ),
    "query_deep": Sentence(
        "It is nested more than {most} deep. Write it with fewer levels.",
        "Tiene más de {most} niveles anidados. Escríbela con menos niveles.",
    ),
    "query_joins": Sentence(
        "It reads {count} tables; {most} are allowed. Ask for less at once.",
        "Lee {count} tablas y se permiten {most}. Pide menos de una vez.",
    ),
    "query_unreadable": Sentence(
        "It cannot be read as {dialect} near “{near}”. Correct it there.",
        "No se entiende como {dialect} cerca de «{near}». Corrígela ahí.",
    ),
    "character_refused": Sentence(
        "The character {character} may not stand in a query. Remove it.",
        "El carácter {character} no puede estar en una consulta. Quítalo.",
    ),
    "statements_many": Sentence(
        "It has {count} statements. Send one SELECT.",
        "Tiene {count} sentencias. Envía un solo SELECT.",
    ),
    "statement_refused": Sentence(
        "{statement} may not run; only SELECT may.",
        "{statement} no se puede ejecutar; solo se permite SELECT.",
    ),
    "construct_refused": Sentence(
        "{construct} is not among what a query may use. Write it without.",
        "{construct} no está entre lo que puede usar una consulta. Escríbela sin ello.",
    ),
    "function_refused": Sentence(
        "The function {name} is not among those that may be used. Write it without.",
        "La función {name} no está entre las permitidas. Escribe la consulta sin ella.",
    ),
    "padding_wide": Sentence(
        "{name} may fill up to {most} characters, written as a number. Write fewer.",
        "{name} puede rellenar hasta {most} caracteres, escritos como número. Pon menos.",
    ),
    "argument_computed": Sentence(
        "Argument {place} of {name} must be written out, not computed.",
        "El argumento {place} de {name} debe escribirse tal cual, no calcularse.",
    ),
    "replacement_long": Sentence(
        "What {name} puts in must not be longer than what it replaces.",
        "Lo que pone {name} no puede ser más largo que lo que sustituye.",
    ),
    "unit_wrong": Sentence(
        "The first argument of {name} is a unit such as month.",
        "El primer argumento de {name} es una unidad, como month.",
    ),
    "type_refused": Sentence(
        "Nothing may be cast to {name}. Cast to a number, a text or a date.",
        "Nada se puede convertir a {name}. Convierte a número, texto o fecha.",
    ),
    "string_refused": Sentence(
        "The string {near} is written in a form that may not be used. Write it between single quotes.",
        "El texto {near} está escrito de una forma no permitida. Escríbelo entre comillas simples.",
    ),
    "variable_refused": Sentence(
        "Variables such as {name} may not be used. Write the value.",
        "No se pueden usar variables como {name}. Escribe el valor.",
    ),
    "table_unknown": Sentence(
        "There is no table {name} here. There are: {offered}.",
        "Aquí no hay ninguna tabla {name}. Hay: {offered}.",
    ),
    "column_unknown": Sentence(
        "There is no column {name} in {tables}. There are: {offered}.",
        "No hay ninguna columna {name} en {tables}. Hay: {offered}.",
    ),
    "column_unclear": Sentence(
        "{name} stands in more than one table. Write it with its table: {choices}.",
        "{name} está en más de una tabla. Escríbela con su tabla: {choices}.",
    ),
    "row_refused": Sentence(
        "{name} is a table, not a column. Name its columns.",
        "{name} es una tabla, no una columna. Nombra sus columnas.",
    ),
    "name_twice": Sentence(
        "The name {name} is given twice. Choose another one.",
        "El nombre {name} se da dos veces. Elige otro.",
    ),
    "name_refused": Sentence(
        "The name “{name}” may not be given. Take one without quotes or brackets, of at most {most} bytes.",
        "El nombre «{name}» no se puede dar. Usa uno sin comillas ni corchetes, de {most} bytes como máximo.",
    ),
    "name_missing": Sentence(
        "A subquery in FROM, or what it computes, needs a name. Give it one with AS.",
        "Una subconsulta en FROM, o lo que calcula, necesita un nombre. Dáselo con AS.",
    ),
    "natural_join": Sentence(
        "NATURAL JOIN may not be used. Write ON or USING with the columns.",
        "No se puede usar NATURAL JOIN. Escribe ON o USING con las columnas.",
    ),
    "recursion_refused": Sentence(
        "WITH RECURSIVE may not be used. Write it without.",
        "No se puede usar WITH RECURSIVE. Escríbela sin él.",
    ),
    "text_grows": Sentence(
        "It would make very long texts of short ones. Write it without.",
        "Haría textos muy largos a partir de textos cortos. Escríbela sin eso.",
    ),
    "parameter_missing": Sentence(
        "There is no value for :{name}. Give one.",
        "Falta el valor de :{name}. Indícalo.",
    ),
    "parameter_wrong": Sentence(
        "The value for :{name} cannot be written into a query. Give another one.",
        "El valor de :{name} no se puede escribir en una consulta. Indica otro.",
    ),
    "rewriting_differs": Sentence(
        "It cannot be written anew without a change near “{near}”. Write it in a simpler way.",
        "No se puede reescribir sin cambios cerca de «{near}». Escríbela de forma más sencilla.",
    ),
}
