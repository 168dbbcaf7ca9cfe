"""What is wrong with a pipeline's file, by the codes of `domain.pipeline_findings`; a test compares the two."""

from __future__ import annotations

from collections.abc import Mapping

from ui.texts.sentence import Sentence

_FORM: Mapping[str, tuple[str, str]] = {
    "yaml": ("This is not YAML: {problem}.", "Esto no es YAML; el lector dice: «{problem}»."),
    "too_large": (
        "A pipeline's file may have {most} KiB. Shorten it.",
        "El archivo de un flujo puede tener {most} KiB. Acórtalo.",
    ),
    "too_deep": (
        "Lists and sections may stand {most} deep in each other. Take a level out.",
        "Las listas y secciones pueden tener {most} niveles. Quita alguno.",
    ),
    "too_many_values": (
        "There are more than {most} values, repeated ones (`*name`) counted each time. Take some out.",
        "Hay más de {most} valores, contando cada repetición (`*nombre`). Quita algunos.",
    ),
    "alias_unknown": (
        "`*{name}` repeats something that is not there, or that holds itself. Write it out.",
        "`*{name}` repite algo que no existe o que se contiene a sí mismo. Escríbelo entero.",
    ),
    "tag": (
        "Tags such as `{name}` are not read here. Take it out.",
        "Aquí no se leen etiquetas como `{name}`. Quítala.",
    ),
    "several_documents": (
        "A file holds one pipeline. Move what follows `---` into a file of its own.",
        "Cada archivo contiene un flujo. Pasa lo que sigue a `---` a otro archivo.",
    ),
    "empty": (
        "The file is empty. Begin with `format: 1` and `name:`.",
        "El archivo está vacío. Empieza con `format: 1` y `name:`.",
    ),
    "not_a_section": (
        "Here must be a section: lines of `key: value`.",
        "Aquí debe ir una sección: líneas `clave: valor`.",
    ),
    "key_twice": (
        "`{key}` stands here twice; the first is in line {first}. Take one out.",
        "`{key}` está dos veces; la primera, en la línea {first}. Quita una.",
    ),
    "key_not_text": ("A key must be a word.", "Una clave debe ser una palabra."),
    "unknown_key": ("`{key}` is not known here.{nearest}", "Aquí no existe `{key}`.{nearest}"),
    "missing": ("`{key}` is missing.", "Falta `{key}`."),
    "wrong_value": ("`{key}`: {problem}.", "`{key}`: {problem}."),
    "wrong_type": ("`{key}` must be {wanted}.", "`{key}` debe ser {wanted}."),
    "not_one_of": ("`{key}` must be one of {known}.", "`{key}` debe ser uno de estos: {known}."),
    "too_small": ("`{key}` must be at least {least}.", "`{key}` debe ser {least} como mínimo."),
    "not_above": ("`{key}` must be more than {least}.", "`{key}` debe ser mayor que {least}."),
    "too_big": ("`{key}` may be {most} at most.", "`{key}` puede ser {most} como máximo."),
    "too_long": (
        "`{key}` may have {most} characters at most.",
        "`{key}` puede tener {most} caracteres como máximo.",
    ),
    "too_short": ("`{key}` is empty.", "`{key}` está vacío."),
    "too_many": (
        "`{key}` may have {most} entries at most.",
        "`{key}` puede tener {most} entradas como máximo.",
    ),
    "too_few": ("`{key}` needs at least {least}.", "`{key}` necesita {least} como mínimo."),
    "name_form": (
        "`{key}` has small letters, digits and `{joint}`, and begins with a letter.",
        "`{key}` lleva minúsculas, cifras y `{joint}`, y empieza por una letra.",
    ),
    "unknown_kind": (
        "There is no kind of step {kind}. Kinds are {known}.{nearest}",
        "No existe la clase de paso {kind}. Las hay de estas: {known}.{nearest}",
    ),
    "format": (
        "This file has format {format}; {known} is read here. Update the appliance, or write `format: {known}`.",
        "Este archivo tiene el formato {format}; aquí se lee el {known}. Actualiza, o escribe `format: {known}`.",
    ),
    "name_of_file": (
        "The pipeline {name} must stand in a file named {file}.",
        "El flujo {name} debe estar en un archivo llamado {file}.",
    ),
    "name_taken": (
        "{name} is a way to answer that comes with the appliance. Choose another name.",
        "{name} ya es una forma de responder incluida. Elige otro nombre.",
    ),
    "name_of_model": (
        "{name} is the name of a model. Choose another name for the pipeline.",
        "{name} es el nombre de un modelo. Elige otro para el flujo.",
    ),
    "name_twice": (
        "There are two steps named {name}; the first is in line {first}. Rename one.",
        "Hay dos pasos llamados {name}; el primero, en la línea {first}. Cambia el nombre de uno.",
    ),
    "no_steps": ("A pipeline has at least one step.", "Un flujo tiene al menos un paso."),
}
_USE: Mapping[str, tuple[str, str]] = {
    "template_unclosed": (
        "`{{` is not closed. Write {{ inputs.question }} or {{ steps.NAME.text }}.",
        "Falta cerrar `{{`. Escribe {{ inputs.question }} o {{ steps.NOMBRE.text }}.",
    ),
    "template_wrong": (
        "`{said}` names nothing. Write {{ inputs.question }} or {{ steps.NAME.text }}.",
        "`{said}` no nombra nada. Escribe {{ inputs.question }} o {{ steps.NOMBRE.text }}.",
    ),
    "template_many": ("There are more than {most} values in it.", "Tiene más de {most} valores."),
    "sql_template": (
        "SQL takes values by `:name` under `values` alone.",
        "El SQL solo toma valores con `:nombre`, en `values`.",
    ),
    "expression_sign": (
        "`{said}` at character {at} means nothing here.",
        "`{said}`, en el carácter {at}, no significa nada aquí.",
    ),
    "expression_more": (
        "`{said}` at character {at} is too much. Join conditions by `and` or `or`.",
        "Sobra `{said}` en el carácter {at}. Une las condiciones con `and` u `or`.",
    ),
    "expression_deep": (
        "Conditions may stand {most} deep in each other.",
        "Las condiciones pueden tener {most} niveles.",
    ),
    "expression_open": ("At character {at} `)` is missing.", "Falta `)` en el carácter {at}."),
    "expression_is": (
        "At character {at} `empty` or `not empty` must follow `is`.",
        "En el carácter {at}, tras `is` debe ir `empty` o `not empty`.",
    ),
    "expression_end": ("The condition ends too early.", "La condición termina antes de tiempo."),
    "expression_value": (
        "At character {at} a value must stand, not `{said}`.",
        "En el carácter {at} debe ir un valor, no `{said}`.",
    ),
    "unknown_input": ("There is no input {name}.{nearest}", "No existe la entrada {name}.{nearest}"),
    "unknown_step": ("There is no step {name}.{nearest}", "No existe el paso {name}.{nearest}"),
    "later_step": (
        "The step {name} comes later, in line {line}. Only what has run already can be used.",
        "El paso {name} viene después, en la línea {line}. Solo se puede usar lo que ya se ha ejecutado.",
    ),
    "own_step": ("The step {name} cannot use itself.", "El paso {name} no puede usarse a sí mismo."),
    "unknown_field": (
        "A step of kind {kind} has no {field}; it has {known}.{nearest}",
        "Un paso de clase {kind} no tiene {field}; tiene {known}.{nearest}",
    ),
    "unused_kind": (
        "The step {name} is a branch, which has no result.",
        "El paso {name} es una bifurcación y no da resultado.",
    ),
    "not_passages": (
        "The step {name} is of kind {kind}; here must be a retrieve or rerank step.",
        "El paso {name} es de clase {kind}; aquí debe ir uno de clase retrieve o rerank.",
    ),
    "not_true_or_false": (
        "`{what}` is {found}; a condition needs true or false, or a comparison.",
        "`{what}` es {found}; una condición necesita verdadero o falso, o una comparación.",
    ),
    "not_compared": (
        "{left} and {right} cannot be compared by {by}.",
        "No se puede comparar {left} con {right} mediante {by}.",
    ),
    "goes_back": (
        "{name} stands before this step: that would run in a circle. Go on to a later step.",
        "{name} está antes que este paso: sería un círculo. Sigue en un paso posterior.",
    ),
    "never_reached": (
        "No way leads to the step {name}. Take it out, or name it in a branch.",
        "Ningún camino lleva al paso {name}. Quítalo, o nómbralo en una bifurcación.",
    ),
    "output_unknown": (
        "The output names {name}, and there is no such step.{nearest}",
        "La salida nombra {name}, y no existe ese paso.{nearest}",
    ),
    "calls_itself": (
        "Pipelines call each other in a circle: {way}.",
        "Los flujos se llaman unos a otros en círculo: {way}.",
    ),
    "one_of": ("Give exactly one of {names}.", "Indica exactamente uno: {names}."),
    "sources_and_passages": (
        "Passages come in by `sources` or by {{ steps.{name}.text }}, not by both.",
        "Los pasajes entran con `sources` o con {{ steps.{name}.text }}, no con ambos.",
    ),
    "two_passages": (
        "Passages of {first} and of {name} would have the same numbers. Put one into a prompt of its own, or rank "
        "them together.",
        "Los pasajes de {first} y de {name} tendrían los mismos números. Usa uno en otro paso, u ordénalos juntos.",
    ),
    "input_default": (
        "The default of {name} must be {wanted}.",
        "El valor por defecto de {name} debe ser {wanted}.",
    ),
    "answer_schema": (
        "`answer_schema` is no JSON Schema: {problem}.",
        "`answer_schema` no es un JSON Schema; el validador dice: «{problem}».",
    ),
    "answer_schema_object": (
        "The `type` of `answer_schema` must be `object`.",
        "El `type` de `answer_schema` debe ser `object`.",
    ),
}
_NAMES: Mapping[str, tuple[str, str]] = {
    "unknown_pipeline": ("There is no pipeline {name}.{nearest}", "No existe el flujo {name}.{nearest}"),
    "unknown_model": (
        "No engine serves a model named {name}.{nearest} `appliance models` lists them.",
        "Ningún motor sirve un modelo llamado {name}.{nearest} `appliance models` los lista.",
    ),
    "unknown_collection": (
        "There is no collection named {name}.{nearest}",
        "No existe la colección {name}.{nearest}",
    ),
    "unknown_group": ("There is no group named {name}.{nearest}", "No existe el grupo {name}.{nearest}"),
    "unknown_source": (
        "There is no data source named {name}.{nearest} Administrators add them under Administration › Data.",
        "No existe el origen de datos {name}.{nearest} Se añaden en Administración › Datos.",
    ),
    "unknown_question": (
        "There is no saved question {name} for that source.{nearest}",
        "No existe la pregunta guardada {name} para ese origen.{nearest}",
    ),
    "unknown_tool": ("There is no tool named {name}.{nearest}", "No existe la herramienta {name}.{nearest}"),
    "unknown_purpose": (
        "The prompt catalogue has no purpose {name}.{nearest}",
        "El catálogo de instrucciones no tiene {name}.{nearest}",
    ),
    "no_catalogue": (
        "There is no prompt catalogue here. Write the words as `text`.",
        "Aquí no hay catálogo de instrucciones. Escribe las palabras en `text`.",
    ),
    "unknown_parameter": (
        "Nothing takes a value named {name}.{nearest}",
        "Nada toma un valor llamado {name}.{nearest}",
    ),
    "missing_parameter": (
        "`{name}` needs a value under `{under}`.",
        "`{name}` necesita un valor en `{under}`.",
    ),
}
_WORDS: Mapping[str, tuple[str, str]] = {
    "text": ("text", "un texto"),
    "quoted_text": ("text, in quotation marks if need be", "un texto, entre comillas si hace falta"),
    "number": ("a number", "un número"),
    "whole_number": ("a whole number", "un número entero"),
    "boolean": ("true or false", "verdadero o falso (true, false)"),
    "date": ("a date such as 2026-11-22", "una fecha como 2026-11-22"),
    "list": ("a list", "una lista"),
    "yaml_list": ("a list, each entry behind `- `", "una lista, con cada entrada tras `- `"),
    "section": ("a section of `key: value` lines", "una sección de líneas `clave: valor`"),
    "table": ("a table", "una tabla"),
    "object": ("a JSON object", "un objeto JSON"),
    "passages": ("passages", "pasajes"),
    "any": ("any value", "cualquier valor"),
    "nothing": ("nothing", "nada"),
    "choice": ("one of the choices", "una de las opciones"),
}
PIPELINE_FINDINGS: Mapping[str, Sentence] = {
    **{f"finding_{code}": Sentence(*both) for code, both in {**_FORM, **_USE, **_NAMES}.items()},
    **{f"word_{code}": Sentence(*both) for code, both in _WORDS.items()},
    "word_or": Sentence(" or ", " o "),
    "finding_nearest": Sentence(" Did you mean {nearest}?", " ¿Querías decir {nearest}?"),
}
