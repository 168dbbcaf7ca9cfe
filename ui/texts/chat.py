"""Asking, the answer as it grows, and the passage beside it."""

from __future__ import annotations

from ui.texts.sentence import Sentence

CHAT = {
    "ask_title": Sentence("What would you like to know?", "¿Qué quieres saber?"),
    "ask_lead": Sentence(
        "Answers come from your documents, with the passage beside them.",
        "Las respuestas salen de tus documentos, con el pasaje al lado.",
    ),
    "suggestions": Sentence("Questions to begin with", "Preguntas para empezar"),
    "question_label": Sentence("Your question", "Tu pregunta"),
    "question_placeholder": Sentence("Ask a question…", "Escribe una pregunta…"),
    "attach": Sentence("Add a file to this chat", "Añadir un archivo a este chat"),
    "attached": Sentence("Files of this chat", "Archivos de este chat"),
    "attached_pages": Sentence("{pages} pages", "{pages} páginas"),
    "remove_attached": Sentence("Remove “{filename}” from this chat", "Quitar «{filename}» de este chat"),
    "untitled_chat": Sentence("Chat with a file", "Chat con un archivo"),
    "cancel": Sentence("Cancel", "Cancelar"),
    "send": Sentence("Ask", "Preguntar"),
    "stop": Sentence("Stop", "Parar"),
    "send_hint": Sentence("Enter asks · Shift+Enter new line", "Intro pregunta · Mayús+Intro línea nueva"),
    "model": Sentence("Answered by", "Responde"),
    "model_sources": Sentence("Answer with sources", "Respuesta con fuentes"),
    "model_summary": Sentence("Summary of the files", "Resumen de los archivos"),
    "collection": Sentence("Search in", "Buscar en"),
    "all_collections": Sentence("All my documents", "Todos mis documentos"),
    "new_question": Sentence("New question", "Nueva pregunta"),
    "past": Sentence("Past questions", "Preguntas anteriores"),
    "show_past": Sentence("Show past questions", "Ver preguntas anteriores"),
    "past_empty": Sentence("Your questions will be kept here.", "Aquí se guardarán tus preguntas."),
    "today": Sentence("Today", "Hoy"),
    "yesterday": Sentence("Yesterday", "Ayer"),
    "this_week": Sentence("Last 7 days", "Últimos 7 días"),
    "earlier": Sentence("Earlier", "Antes"),
    "delete_conversation": Sentence("Delete “{title}”", "Borrar «{title}»"),
    "delete_sure": Sentence(
        "Delete this conversation? It cannot be brought back.",
        "¿Borrar esta conversación? No se puede recuperar.",
    ),
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
}
