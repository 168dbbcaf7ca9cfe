"""Asking, the answer as it grows, and the passage beside it."""

from __future__ import annotations

from ui.texts.sentence import Sentence

CHAT = {
    "ask_title": Sentence("What would you like to know?", "¿Qué quieres saber?"),
    "ask_lead": Sentence(
        "Answers come from your documents, with the passage beside them.",
        "Las respuestas salen de tus documentos, con el pasaje al lado.",
    ),
    "suggestions": Sentence("Questions that the documents answer", "Preguntas que los documentos responden"),
    "question_label": Sentence("Your question", "Tu pregunta"),
    "question_placeholder": Sentence("Ask a question…", "Escribe una pregunta…"),
    "attach": Sentence("Add a file to this chat", "Añadir un archivo a este chat"),
    "attached": Sentence("Files of this chat", "Archivos de este chat"),
    "attached_pages": Sentence("{pages} pages", "{pages} páginas"),
    "remove_attached": Sentence("Remove “{filename}” from this chat", "Quitar «{filename}» de este chat"),
    "cancel": Sentence("Cancel", "Cancelar"),
    "send": Sentence("Ask", "Preguntar"),
    "stop": Sentence("Stop", "Parar"),
    "model_sources": Sentence("Answer with sources", "Respuesta con fuentes"),
    "model_summary": Sentence("Summary of the files", "Resumen de los archivos"),
    "all_collections": Sentence("All my documents", "Todos mis documentos"),
    "conversation_gone": Sentence(
        "This conversation does not exist, or it is not yours.", "Esta conversación no existe o no es tuya."
    ),
    "earlier_turns": Sentence("Earlier messages…", "Mensajes anteriores…"),
    "you_asked": Sentence("You asked", "Preguntaste"),
    "answer": Sentence("Answer", "Respuesta"),
    "status_started": Sentence("Searching your documents…", "Buscando en tus documentos…"),
    "status_asked": Sentence("The model is reading…", "El modelo está leyendo…"),
    "status_searched": Sentence(
        "{found} passages found. Writing…", "{found} pasajes encontrados. Escribiendo…"
    ),
    "status_searched_one": Sentence("1 passage found. Writing…", "1 pasaje encontrado. Escribiendo…"),
    "status_reading": Sentence("Reading {filename}: {percent} %", "Leyendo {filename}: {percent} %"),
    "status_summarising": Sentence("{done} of {total} parts read…", "{done} de {total} partes leídas…"),
    "status_queued": Sentence("Waiting: place {position}", "En espera: puesto {position}"),
    "status_loading": Sentence("Loading the model {model}", "Cargando el modelo {model}"),
    "status_loading_eta": Sentence(
        "Loading the model {model}, about {eta} s", "Cargando el modelo {model}, unos {eta} s"
    ),
    "status_queued_eta": Sentence(
        "Waiting: place {position}, about {eta} s", "En espera: puesto {position}, unos {eta} s"
    ),
    "status_resumed": Sentence("Reconnecting…", "Reconectando…"),
    "stopped": Sentence("Stopped.", "Parada."),
    "kind_quoted": Sentence("Quoted, word for word", "Cita literal"),
    "kind_quoted_data": Sentence("A saved question, run as it is", "Una pregunta guardada, tal como está"),
    "kind_refused_data": Sentence("Not read from the tables", "No se ha leído de las tablas"),
    "status_choosing_tables": Sentence("Looking for the tables…", "Buscando las tablas…"),
    "status_querying": Sentence("Asking {name}…", "Consultando {name}…"),
    "status_repairing": Sentence("Mending the query…", "Corrigiendo la consulta…"),
    "model_data": Sentence("Answer from tables", "Respuesta con tablas"),
    "model_data_hint": Sentence(
        "numbers from databases and workbooks", "cifras de bases de datos y libros de Excel"
    ),
    "kind_refused": Sentence("Not in the documents", "No está en los documentos"),
    "seconds": Sentence("{seconds} s", "{seconds} s"),
    "tokens": Sentence("{tokens} tokens", "{tokens} tokens"),
    "sources": Sentence("Sources", "Fuentes"),
    "page_number": Sentence("page {page}", "página {page}"),
    "slide_number": Sentence("slide {slide}", "diapositiva {slide}"),
    "sheet_name": Sentence("sheet {sheet}", "hoja {sheet}"),
    "ref_row": Sentence("row", "fila"),
    "ref_line": Sentence("line", "línea"),
    "page_loading": Sentence("Opening the page…", "Abriendo la página…"),
    "page_picture": Sentence(
        "{filename}, {place}, the passage marked", "{filename}, {place}, con el pasaje marcado"
    ),
    "page_larger": Sentence("Open larger", "Abrir en grande"),
    "page_text": Sentence("Text of the page", "Texto de la página"),
    "page_runs_on": Sentence("The quote goes on on page {page}", "La cita sigue en la página {page}"),
    "page_gone": Sentence(
        "This document is no longer here, or you may no longer see it. The words are those it had when it was cited.",
        "Este documento ya no está, o ya no puedes verlo. Las palabras son las que tenía cuando se citó.",
    ),
    "page_changed": Sentence(
        "The document has changed since: these words are no longer on this page.",
        "El documento ha cambiado: estas palabras ya no están en esta página.",
    ),
    "page_not_drawn": Sentence(
        "The page cannot be shown as a picture, so here is its text.",
        "La página no se puede mostrar como imagen; este es su texto.",
    ),
    "open_source": Sentence("Open source {number}: {filename}", "Abrir la fuente {number}: {filename}"),
    "passage": Sentence("Passage", "Pasaje"),
    "quote_checked": Sentence(
        "The marked words stand in the document exactly so.", "Lo marcado está en el documento tal cual."
    ),
    "quote_not_checked": Sentence(
        "These words were not found in the document.", "Estas palabras no se encontraron en el documento."
    ),
    "unsupported": Sentence("No source supports this.", "Ninguna fuente respalda esto."),
    "announce_done": Sentence("The answer is complete.", "La respuesta está completa."),
    # The question box
    "starters": Sentence("To begin with", "Para empezar"),
    "starter_summarise": Sentence("Summarise a file", "Resumir un archivo"),
    "starter_summarise_hint": Sentence(
        "Choose it, ask, and keep asking", "Elígelo, pregunta y sigue preguntando"
    ),
    "starter_summarise_text": Sentence("Summarise this file.", "Resume este archivo."),
    "starter_ask": Sentence("Ask the handbook", "Preguntar al manual"),
    "starter_ask_hint": Sentence("The answer, with page and line", "La respuesta, con página y línea"),
    "starter_ask_text": Sentence("What does the handbook say about …?", "¿Qué dice el manual sobre …?"),
    "starter_translate": Sentence("Translate a text", "Traducir un texto"),
    "starter_translate_hint": Sentence("Paste it, however long it is", "Pégalo, por largo que sea"),
    "starter_translate_text": Sentence(
        "Translate into Spanish, keeping tone and layout:\n\n…",
        "Traduce al inglés, conservando el tono y el formato:\n\n…",
    ),
    "starter_mail": Sentence("Write a mail", "Escribir un correo"),
    "starter_mail_hint": Sentence("Say to whom and about what", "Di a quién y sobre qué"),
    "starter_mail_text": Sentence(
        "Write a short, friendly mail.\nTo: …\nAbout: ",
        "Escribe un correo breve y cordial.\nPara: …\nSobre: ",
    ),
    "choose_model": Sentence("Answered by", "Responde"),
    "choose_collection": Sentence("Search in", "Buscar en"),
    "choice_remove": Sentence("Without “{name}”", "Sin «{name}»"),
    "model_sources_hint": Sentence(
        "from your documents, with proof", "a partir de tus documentos, con pruebas"
    ),
    "model_summary_hint": Sentence("of the files of this chat", "de los archivos de este chat"),
    "collection_file": Sentence("1 file", "1 archivo"),
    "collection_files": Sentence("{count} files", "{count} archivos"),
    "options_one": Sentence("1 choice", "1 opción"),
    "options_count": Sentence("{count} choices", "{count} opciones"),
    "pasted_text": Sentence("Pasted text", "Texto pegado"),
    "pasted_texts": Sentence("Pasted texts", "Textos pegados"),
    "pasted_picture": Sentence("Pasted picture", "Imagen pegada"),
    "pasted_length": Sentence("{count} characters", "{count} caracteres"),
    "paste_inline": Sentence("Put into the question", "Poner en la pregunta"),
    "paste_file": Sentence("Send as a file", "Enviar como archivo"),
    "paste_remove": Sentence("Remove the pasted text", "Quitar el texto pegado"),
    "drop_into_chat": Sentence(
        "Drop files here. They belong to this chat alone.",
        "Suelta aquí los archivos. Serán solo de este chat.",
    ),
    "folder_dropped": Sentence(
        "A folder cannot be added to a chat. Add it under Documents.",
        "No se puede añadir una carpeta a un chat. Añádela en Documentos.",
    ),
    "question_too_long": Sentence(
        "More than {most} characters cannot be asked at once. Send the long text as a file.",
        "No se pueden preguntar más de {most} caracteres de una vez. Envía el texto largo como archivo.",
    ),
    "waits_for_answer": Sentence(
        "Goes out when the answer is complete.", "Se enviará cuando termine la respuesta."
    ),
    "not_sent_connection": Sentence(
        "Not sent: the appliance does not answer. Your text is still here.",
        "No se ha enviado: el servidor no responde. Tu texto sigue aquí.",
    ),
    "context_used": Sentence(
        "{used} of the model’s {limit} tokens used.", "Usados {used} de los {limit} tokens del modelo."
    ),
    "context_used_about": Sentence(
        "About {used} of the model’s {limit} tokens used.",
        "Usados unos {used} de los {limit} tokens del modelo.",
    ),
    "context_drops_nothing": Sentence(
        "The whole chat still goes to the model.", "El modelo sigue recibiendo todo el chat."
    ),
    "context_drops_one": Sentence(
        "The oldest question and its answer no longer fit and are not sent along.",
        "La pregunta más antigua y su respuesta ya no caben y no se envían.",
    ),
    "context_drops": Sentence(
        "The {count} oldest questions and their answers no longer fit and are not sent along.",
        "Las {count} preguntas más antiguas y sus respuestas ya no caben y no se envían.",
    ),
    "thinking": Sentence("Thinking…", "Pensando…"),
    "thought": Sentence("Its thoughts", "Lo que pensó"),
    "thought_for": Sentence("Thought for {seconds} s", "Pensó durante {seconds} s"),
    "text": Sentence("text", "texto"),
    "code_in": Sentence("Code: {language}", "Código: {language}"),
    "table": Sentence("Table", "Tabla"),
    "table_copy": Sentence("Copy the table", "Copiar la tabla"),
    "table_csv": Sentence("Save as CSV", "Guardar como CSV"),
    "table_file": Sentence("table", "tabla"),
    "edit_question": Sentence("Ask differently", "Preguntar de otra forma"),
    "edit_hint": Sentence(
        "The answer so far is kept as a version.", "La respuesta anterior se guarda como versión."
    ),
    "copy_question": Sentence("Copy the question", "Copiar la pregunta"),
    "copy_answer": Sentence("Copy as Markdown", "Copiar como Markdown"),
    "ask_again": Sentence("Ask again", "Preguntar de nuevo"),
    "read_aloud": Sentence("Read aloud", "Leer en voz alta"),
    "read_stop": Sentence("Stop reading", "Dejar de leer"),
    "no_voice": Sentence(
        "This device has no voice of its own for this language.",
        "Este dispositivo no tiene voz propia para este idioma.",
    ),
    "good_answer": Sentence("Good answer", "Buena respuesta"),
    "bad_answer": Sentence("Bad answer", "Mala respuesta"),
    "answer_again": Sentence("Answer again", "Responder otra vez"),
    "again_same": Sentence("Answer again", "Responder otra vez"),
    "again_with": Sentence("With {model}", "Con {model}"),
    "continue_answer": Sentence("Continue", "Continuar"),
    "cut_off": Sentence(
        "The answer reached its greatest length.", "La respuesta alcanzó su longitud máxima."
    ),
    "versions": Sentence("Versions of this answer", "Versiones de esta respuesta"),
    "version_of": Sentence("{index}/{count}", "{index}/{count}"),
    "version_before": Sentence("Version before", "Versión anterior"),
    "version_after": Sentence("Version after", "Versión siguiente"),
    "milliseconds": Sentence("{ms} ms", "{ms} ms"),
    "tokens_per_second": Sentence("{rate} per second", "{rate} por segundo"),
    "fact_model": Sentence("Model", "Modelo"),
    "fact_engine": Sentence("Engine", "Motor"),
    "fact_first": Sentence("First words", "Primeras palabras"),
    "fact_total": Sentence("Whole answer", "Respuesta completa"),
    "fact_tokens": Sentence("Tokens read + written", "Tokens leídos + escritos"),
    "fact_rate": Sentence("Tokens", "Tokens"),
    "fact_sources": Sentence("Citations", "Citas"),
    "fact_cost": Sentence("Cost", "Coste"),
    "feedback_why": Sentence("What was wrong?", "¿Qué falló?"),
    "feedback_what": Sentence("What was good about it?", "¿Qué te ha gustado?"),
    "feedback_comment": Sentence("A few words, if you like", "Unas palabras, si quieres"),
    "feedback_seen_by": Sentence("Administrators read this.", "Lo leen los administradores."),
    "feedback_share": Sentence(
        "Administrators may also read this question and its answer.",
        "Los administradores pueden leer también esta pregunta y su respuesta.",
    ),
    "feedback_send": Sentence("Send", "Enviar"),
    "feedback_thanks": Sentence("Thank you.", "Gracias."),
    "reason_wrong": Sentence("It is wrong", "Es incorrecta"),
    "reason_incomplete": Sentence("Something is missing", "Falta algo"),
    "reason_not_in_sources": Sentence("Not in the sources", "No está en las fuentes"),
    "reason_bad_citation": Sentence("Wrong citation", "Cita equivocada"),
    "reason_language": Sentence("Wrong language", "Idioma equivocado"),
    "reason_slow": Sentence("Too slow", "Demasiado lenta"),
    "reason_other": Sentence("Something else", "Otra cosa"),
    "show_trace": Sentence("How it was searched", "Cómo se buscó"),
    "trace": Sentence("How it was searched", "Cómo se buscó"),
    "trace_loading": Sentence("Reading…", "Leyendo…"),
    "trace_none": Sentence("Nothing was searched for this answer.", "Para esta respuesta no se buscó nada."),
    "trace_nothing": Sentence("Nothing.", "Nada."),
    "trace_queries": Sentence("Looked for", "Se buscó"),
    "trace_exact": Sentence(
        "to the letter, in {passages} passages", "al pie de la letra, en {passages} pasajes"
    ),
    "trace_exact_one": Sentence("to the letter, in 1 passage", "al pie de la letra, en 1 pasaje"),
    "trace_steps": Sentence("Steps", "Pasos"),
    "trace_found": Sentence("Found and read: {count}", "Encontrado y leído: {count}"),
    "trace_dropped": Sentence("Left out: {count}", "Descartado: {count}"),
    "trace_more": Sentence("{count} more", "{count} más"),
    "trace_withheld": Sentence("A document you may no longer see", "Un documento que ya no puedes ver"),
    "trace_meaning": Sentence("by meaning {score}", "por significado {score}"),
    "trace_words": Sentence("by words {score}", "por palabras {score}"),
    "trace_step_embed": Sentence("Understand the question", "Entender la pregunta"),
    "trace_step_by_meaning": Sentence("Search by meaning", "Buscar por significado"),
    "trace_step_by_words": Sentence("Search by words", "Buscar por palabras"),
    "trace_step_to_the_letter": Sentence("Search to the letter", "Buscar al pie de la letra"),
    "trace_step_fuse": Sentence("Join the rankings", "Unir las clasificaciones"),
    "trace_step_read": Sentence("Read the passages", "Leer los pasajes"),
    "trace_step_rerank": Sentence("Rank again", "Ordenar de nuevo"),
    "trace_step_sharpen": Sentence("Sharpen the order", "Afinar el orden"),
    "trace_reason_beyond_the_number_asked_for": Sentence(
        "Beyond the number asked for", "Más de los que se pidieron"
    ),
    "trace_reason_the_same_words_as_a_better_one": Sentence(
        "The same words as a better one", "Las mismas palabras que otro mejor"
    ),
}
