"""Every sentence that the page shows, in English and Spanish, in one sitting.

`python -m ui.texts` writes them as JSON beside the page's scripts, from where the gateway hands them to the browser;
a test compares the two. `{name}` marks what is filled in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from ui.error_texts import ERRORS, NOTES
from ui.sentence import Sentence

Language = Literal["en", "es"]
LANGUAGES: tuple[Language, ...] = ("en", "es")


_FRAME = {
    "product": Sentence("LLM Appliance", "LLM Appliance"),
    "language_label": Sentence("Language", "Idioma"),
    "sign_in_lead": Sentence(
        "Ask your company’s documents. Every answer shows where it comes from.",
        "Pregunta a los documentos de tu empresa. Cada respuesta muestra de dónde sale.",
    ),
    "email": Sentence("E-mail", "Correo electrónico"),
    "password": Sentence("Password", "Contraseña"),
    "sign_in": Sentence("Sign in", "Entrar"),
    "signing_in": Sentence("Signing in…", "Entrando…"),
    "sign_out": Sentence("Sign out", "Salir"),
    "sign_in_first": Sentence(
        "First start? E-mail and password were printed in the terminal and stand in credentials.json.",
        "¿Primer arranque? El correo y la contraseña aparecieron en la terminal y están en credentials.json.",
    ),
    "link_invitation_lead": Sentence(
        "You have been invited. Choose your password.", "Te han invitado. Elige tu contraseña."
    ),
    "link_reset_lead": Sentence("Choose a new password.", "Elige una contraseña nueva."),
    "link_password": Sentence("New password", "Contraseña nueva"),
    "link_password_hint": Sentence(
        "At least {count} characters; a sentence that only you know is a good one.",
        "Al menos {count} caracteres; una frase que solo conozcas tú es buena.",
    ),
    "link_save": Sentence("Save and sign in", "Guardar y entrar"),
    "needs_script": Sentence("This page needs JavaScript.", "Esta página necesita JavaScript."),
    "fill_both": Sentence("Enter your e-mail and your password.", "Escribe tu correo y tu contraseña."),
    "waiting_ui": Sentence(
        "The other tabs are starting; you can already ask.",
        "Las demás pestañas están arrancando; ya puedes preguntar.",
    ),
    "tab_ask": Sentence("Ask", "Preguntar"),
    "tab_documents": Sentence("Documents", "Documentos"),
    "tab_connected": Sentence("What is connected", "Qué está conectado"),
    "connection_lost": Sentence(
        "The appliance does not answer. Trying again…", "El servidor no responde. Volviendo a intentarlo…"
    ),
    "try_again": Sentence("Try again", "Reintentar"),
    "close": Sentence("Close", "Cerrar"),
    "delete": Sentence("Delete", "Borrar"),
    "copy": Sentence("Copy", "Copiar"),
}

_CHAT = {
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

_DOCUMENTS = {
    "collections": Sentence("Collections", "Colecciones"),
    "new_collection": Sentence("New collection", "Nueva colección"),
    "collection_name": Sentence("Name of the collection", "Nombre de la colección"),
    "create": Sentence("Create", "Crear"),
    "files_count": Sentence("{count} documents", "{count} documentos"),
    "files_count_one": Sentence("1 document", "1 documento"),
    "no_collections": Sentence(
        "There is no collection yet. Create one, then add documents to it.",
        "Aún no hay ninguna colección. Crea una y añade documentos.",
    ),
    "no_files": Sentence("There are no documents here yet.", "Aquí aún no hay documentos."),
    "drop_here": Sentence("Drop files here, or", "Suelta archivos aquí, o"),
    "choose_files": Sentence("choose files", "elige archivos"),
    "drop_formats": Sentence(
        "PDF, DOCX, Markdown, HTML and plain text.", "PDF, DOCX, Markdown, HTML y texto."
    ),
    "column_name": Sentence("Document", "Documento"),
    "column_size": Sentence("Size", "Tamaño"),
    "column_state": Sentence("State", "Estado"),
    "state_uploading": Sentence("Uploading {percent} %", "Subiendo {percent} %"),
    "state_queued": Sentence("Waiting to be read", "En espera de lectura"),
    "state_reading": Sentence("Being read {percent} %", "Leyendo {percent} %"),
    "state_ready": Sentence("Ready", "Listo"),
    "stage_parsing": Sentence("Reading the pages", "Leyendo las páginas"),
    "stage_embedding": Sentence("Understanding the passages", "Analizando los pasajes"),
    "stage_indexing": Sentence("Putting it into the index", "Añadiendo al índice"),
    "stage_share": Sentence("{stage}, {percent} %", "{stage}, {percent} %"),
    "stage_speed": Sentence("{pages} pages a second", "{pages} páginas por segundo"),
    "same_content": Sentence(
        "The same content as another document here, which is found in its place.",
        "El mismo contenido que otro documento de aquí, que se encuentra en su lugar.",
    ),
    "cancel_file": Sentence("Stop reading {filename}", "Dejar de leer {filename}"),
    "retry_file": Sentence("Try {filename} again", "Volver a intentar {filename}"),
    "failed_count": Sentence("{count} documents were not read.", "{count} documentos no se pudieron leer."),
    "failed_count_one": Sentence("1 document was not read.", "1 documento no se pudo leer."),
    "show_failed": Sentence("Show only these", "Mostrar solo estos"),
    "show_all": Sentence("Show all", "Mostrar todos"),
    "retry_failed": Sentence("Try all of them again", "Reintentar todos"),
    "replace_sure": Sentence(
        "There is a document named {filename} here. Replace it with this newer version? (Cancel keeps both.)",
        "Aquí ya hay un documento llamado {filename}. ¿Reemplazarlo por esta versión más reciente? "
        "(Cancelar conserva los dos.)",
    ),
    "state_failed": Sentence("Not read", "No se pudo leer"),
    "state_cancelled": Sentence("Cancelled", "Cancelado"),
    "remove_file": Sentence(
        "Remove “{filename}” from this collection", "Quitar «{filename}» de esta colección"
    ),
    "remove_sure": Sentence(
        "Remove this document from the collection?", "¿Quitar este documento de la colección?"
    ),
}

_CONNECTED = {
    "refresh": Sentence("Refresh", "Actualizar"),
    "engines": Sentence("Language models", "Modelos de lenguaje"),
    "no_engine_title": Sentence(
        "No language model is connected.", "No hay ningún modelo de lenguaje conectado."
    ),
    "no_engine": Sentence(
        "Questions are answered with the documents’ own words. To connect a model, start vLLM or Ollama on its usual"
        " port of this machine and it is found by itself, or name one in `appliance.toml` and restart:",
        "Las preguntas se responden con las palabras de los documentos. Para conectar un modelo, arranca vLLM u Ollama"
        " en su puerto habitual de esta máquina y se encontrará solo, o nómbralo en `appliance.toml` y reinicia:",
    ),
    "engine": Sentence("Engine", "Motor"),
    "kind": Sentence("Kind", "Tipo"),
    "health": Sentence("State", "Estado"),
    "models": Sentence("Models", "Modelos"),
    "load": Sentence("Running / waiting", "En curso / en espera"),
    "answers": Sentence("answers", "responde"),
    "answers_not": Sentence("does not answer", "no responde"),
    "parts": Sentence("Parts", "Partes"),
    "part": Sentence("Part", "Parte"),
    "part_postgresql": Sentence("Database (PostgreSQL)", "Base de datos (PostgreSQL)"),
    "part_valkey": Sentence("Queue and live answers (Valkey)", "Cola y respuestas en curso (Valkey)"),
    "part_embedder": Sentence("Embedding model", "Modelo de embeddings"),
    "part_worker": Sentence("Document reader", "Lector de documentos"),
    "part_ui": Sentence("This page", "Esta página"),
    "state_starting": Sentence("starting", "arrancando"),
    "cannot_ask": Sentence(
        "The appliance’s own state could not be read: {reason}",
        "No se pudo leer el estado del servidor: {reason}",
    ),
}

# What programs compare is the code; these are the same refusals in the words of the page.
TEXTS: Mapping[str, Sentence] = {
    **_FRAME,
    **_CHAT,
    **_DOCUMENTS,
    **_CONNECTED,
    **{f"error.{code}": sentence for code, sentence in ERRORS.items()},
    **{f"note.{code}": sentence for code, sentence in NOTES.items()},
}


def text(key: str, language: Language, **values: object) -> str:
    """One sentence with its places filled. Raises KeyError for a key that is not here."""
    sentence: str = getattr(TEXTS[key], language)
    return sentence.format_map(values) if values else sentence


def in_language(language: Language) -> dict[str, str]:
    """All sentences of one language by key."""
    return {key: getattr(sentence, language) for key, sentence in TEXTS.items()}


def as_json(language: Language) -> str:
    """The file that the gateway reads."""
    return json.dumps(in_language(language), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def write_files(folder: Path) -> None:
    """Write texts.LANGUAGE.json of each language into the folder of the page's scripts."""
    for language in LANGUAGES:
        (folder / f"texts.{language}.json").write_text(as_json(language), encoding="utf-8")


if __name__ == "__main__":
    write_files(Path(__file__).parent / "transcript")
