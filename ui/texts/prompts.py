"""The catalogue of prompts: the words with which models are asked, in versions."""

from __future__ import annotations

from ui.texts.sentence import Sentence

PROMPT_REFUSALS = {
    "prompt_name_wrong": Sentence(
        "A prompt's name has small letters, digits and hyphens, and begins with a letter.",
        "El nombre de una instrucción lleva minúsculas, cifras y guiones, y empieza por una letra.",
    ),
    "prompt_note_long": Sentence(
        "The note has more than {most} characters.", "La nota tiene más de {most} caracteres."
    ),
    "prompt_empty": Sentence("The prompt has no text.", "La instrucción no tiene texto."),
    "prompt_long": Sentence(
        "The prompt has more than {most} characters.", "La instrucción tiene más de {most} caracteres."
    ),
    "prompt_lacks": Sentence(
        "The text must show {mark}, or its answers cannot be read: citations are found by such marks.",
        "El texto debe mostrar {mark}; si no, las respuestas no se pueden leer: las citas se reconocen así.",
    ),
    "prompt_both_languages": Sentence(
        "This prompt is used in both languages: fill in both.",
        "Esta instrucción se usa en los dos idiomas: rellena ambos.",
    ),
    "prompt_no_examples": Sentence(
        "Examples have no effect on this prompt.", "Los ejemplos no tienen efecto en esta instrucción."
    ),
    "prompt_examples_most": Sentence(
        "A prompt may have {most} examples in each language.",
        "Una instrucción puede tener {most} ejemplos por idioma.",
    ),
    "prompt_example_wrong": Sentence(
        "Each example needs what was asked and what was answered, of at most {most} characters.",
        "Cada ejemplo necesita lo preguntado y lo respondido, de {most} caracteres como mucho.",
    ),
    "prompt_no_temperature": Sentence(
        "A temperature has no effect on this prompt; whoever asks sets it.",
        "La temperatura no tiene efecto en esta instrucción: la pone quien pregunta.",
    ),
    "prompt_temperature_wrong": Sentence("The temperature goes from 0 to 2.", "La temperatura va de 0 a 2."),
    "prompt_no_model": Sentence(
        "A model has no effect on this prompt; it is written by the model of the whole answer.",
        "El modelo no tiene efecto en esta instrucción: la usa el modelo de toda la respuesta.",
    ),
    "prompt_model_unknown": Sentence(
        "There is no model {model}. There are: {known}.", "No hay ningún modelo {model}. Hay: {known}."
    ),
}

_PURPOSES = {
    "answer-with-sources": (
        "Answers with sources",
        "Respuestas con fuentes",
        "Every question to the documents.",
        "Cada pregunta a los documentos.",
    ),
    "follow-up": (
        "Follow-up questions",
        "Preguntas de seguimiento",
        "Makes one whole question of “and next year?” before the search.",
        "Convierte «¿y el año que viene?» en una pregunta completa antes de buscar.",
    ),
    "answer-from-file": (
        "Questions to a whole file",
        "Preguntas a un archivo entero",
        "A chat with a file that fits into the model.",
        "Un chat con un archivo que cabe en el modelo.",
    ),
    "summarise": (
        "Summaries",
        "Resúmenes",
        "Of files that fit into the model at once.",
        "De archivos que caben de una vez en el modelo.",
    ),
    "summarise-part": (
        "Notes on a part",
        "Notas de una parte",
        "Of a file too long for the model, part by part.",
        "De un archivo demasiado largo para el modelo, parte por parte.",
    ),
    "summarise-notes": (
        "Summary of the notes",
        "Resumen de las notas",
        "Makes one summary of the notes on all parts.",
        "Hace un resumen con las notas de todas las partes.",
    ),
    "responses-with-files": (
        "Files beside a program's chat",
        "Archivos junto al chat de un programa",
        "The file_search tool of /v1/responses.",
        "La herramienta file_search de /v1/responses.",
    ),
    "answer-from-data": (
        "From a question to SQL",
        "De una pregunta a SQL",
        "Writes the query for a question to the tables.",
        "Escribe la consulta para una pregunta a las tablas.",
    ),
    "answer-from-rows": (
        "A result in words",
        "Un resultado en palabras",
        "Says in a sentence or two what a query brought.",
        "Dice en una o dos frases lo que trajo una consulta.",
    ),
}

PROMPTS_MENU = {
    "admin_prompts": Sentence("Prompts", "Instrucciones"),
    "audit_prompt": Sentence("Prompts", "Instrucciones"),
    "action.prompt.saved": Sentence("Prompt saved", "Instrucción guardada"),
    "action.prompt.in_force": Sentence("Prompt put in force", "Instrucción puesta en uso"),
}

PROMPTS = {
    "prompts_lead": Sentence(
        "The words with which models are asked. A saved version never changes; any of them can be put in force, and "
        "the shipped one is always there.",
        "Las palabras con las que se pide algo a los modelos. Una versión guardada no cambia; cualquiera puede ponerse "
        "en uso y la original siempre está.",
    ),
    "prompt_of": Sentence("Prompt", "Instrucción"),
    "prompt_version": Sentence("Version", "Versión"),
    "prompt_shipped": Sentence("as shipped", "la original"),
    "prompt_own": Sentence("Made here, for pipelines", "Creada aquí, para flujos"),
    "prompt_number": Sentence("version {number}", "versión {number}"),
    "prompt_in_force": Sentence("In force", "En uso"),
    "prompt_use": Sentence("Put version {number} in force", "Poner en uso la versión {number}"),
    "prompt_use_shipped": Sentence("Go back to the shipped words", "Volver al texto original"),
    "prompt_used": Sentence("Version {number} is in force.", "La versión {number} está en uso."),
    "prompt_used_shipped": Sentence("The shipped words are in force.", "El texto original está en uso."),
    "prompt_new_version": Sentence("New version", "Nueva versión"),
    "prompt_new": Sentence("New prompt", "Nueva instrucción"),
    "prompt_name": Sentence("Name", "Nombre"),
    "prompt_name_hint": Sentence(
        "Small letters and hyphens, such as formal-letter. Pipelines call it by this name.",
        "Minúsculas y guiones, por ejemplo carta-formal. Los flujos la llaman por este nombre.",
    ),
    "prompt_text_en": Sentence("Text in English", "Texto en inglés"),
    "prompt_text_es": Sentence("Text in Spanish", "Texto en español"),
    "prompt_must_hold": Sentence("It must show {marks}.", "Debe mostrar {marks}."),
    "prompt_examples_en": Sentence("Examples in English", "Ejemplos en inglés"),
    "prompt_examples_es": Sentence("Examples in Spanish", "Ejemplos en español"),
    "prompt_add_example": Sentence("Add an example", "Añadir un ejemplo"),
    "prompt_asked": Sentence("Asked", "Pregunta"),
    "prompt_answered": Sentence("Answered", "Respuesta"),
    "prompt_remove_example": Sentence("Remove this example", "Quitar este ejemplo"),
    "prompt_temperature": Sentence("Temperature", "Temperatura"),
    "prompt_temperature_hint": Sentence(
        "0: always the same words. Empty: as the appliance has it.",
        "0: siempre las mismas palabras. Vacío: la del sistema.",
    ),
    "prompt_model": Sentence("Model", "Modelo"),
    "prompt_model_any": Sentence("The box's usual one", "El habitual"),
    "prompt_note": Sentence("What is different", "Qué cambia"),
    "prompt_at_once": Sentence("Put it in force at once", "Ponerla en uso enseguida"),
    "prompt_author": Sentence("Who", "Quién"),
    "prompt_saved": Sentence("Version {number} is saved.", "La versión {number} está guardada."),
    "prompt_compare": Sentence("Compare", "Comparar"),
    "prompt_compare_of": Sentence(
        "Compare version {number} with the one in force",
        "Comparar la versión {number} con la que está en uso",
    ),
    "prompt_difference": Sentence("From {before} to {after}", "De {before} a {after}"),
    "prompt_same": Sentence("They say the same.", "Dicen lo mismo."),
    "prompt_figures": Sentence(
        "How each version did, last {days} days", "Cómo fue cada versión, últimos {days} días"
    ),
    "prompt_figures_none": Sentence(
        "No answer was written with it yet.", "Aún no se ha escrito ninguna respuesta con ella."
    ),
    "prompt_answers": Sentence("Answers", "Respuestas"),
    "prompt_nothing_found": Sentence("Nothing found", "Sin resultados"),
    "prompt_failed": Sentence("Failed", "Fallos"),
    "prompt_liked": Sentence("Good", "Buenas"),
    "prompt_disliked": Sentence("Bad", "Malas"),
    "prompt_first_ms": Sentence("First word, ms", "Primera palabra, ms"),
    "prompt_total_ms": Sentence("Whole, ms", "Total, ms"),
    "prompt_tokens": Sentence("Tokens", "Tokens"),
    "prompt_back": Sentence("All prompts", "Todas las instrucciones"),
    **{f"purpose_{name}": Sentence(said[0], said[1]) for name, said in _PURPOSES.items()},
    **{f"purpose_lead_{name}": Sentence(said[2], said[3]) for name, said in _PURPOSES.items()},
}
