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
    "status_searched": Sentence(
        "{found} passages found. Writing…", "{found} pasajes encontrados. Escribiendo…"
    ),
    "status_searched_one": Sentence("1 passage found. Writing…", "1 pasaje encontrado. Escribiendo…"),
    "status_reading": Sentence("Reading {filename}: {percent} %", "Leyendo {filename}: {percent} %"),
    "status_summarising": Sentence("{done} of {total} parts read…", "{done} de {total} partes leídas…"),
    "status_queued": Sentence("Waiting: place {position}", "En espera: puesto {position}"),
    "status_queued_eta": Sentence(
        "Waiting: place {position}, about {eta} s", "En espera: puesto {position}, unos {eta} s"
    ),
    "status_resumed": Sentence("Reconnecting…", "Reconectando…"),
    "stopped": Sentence("Stopped.", "Parada."),
    "kind_quoted": Sentence("Quoted, word for word", "Cita literal"),
    "kind_refused": Sentence("Not in the documents", "No está en los documentos"),
    "kind_written": Sentence("Written by {model}", "Escrita por {model}"),
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
}
