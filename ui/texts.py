"""Every sentence that the page shows, in English and Spanish, in one sitting.

`python -m ui.texts` writes them as JSON beside the page's scripts, from where the gateway hands them to the browser;
a test compares the two. `{name}` marks what is filled in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

Language = Literal["en", "es"]
LANGUAGES: tuple[Language, ...] = ("en", "es")


class Sentence(NamedTuple):
    """One thing said in both languages."""

    en: str
    es: str


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
    "send": Sentence("Ask", "Preguntar"),
    "stop": Sentence("Stop", "Parar"),
    "send_hint": Sentence("Enter asks · Shift+Enter new line", "Intro pregunta · Mayús+Intro línea nueva"),
    "model": Sentence("Answered by", "Responde"),
    "model_sources": Sentence("Answer with sources", "Respuesta con fuentes"),
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
    "state_reading_unknown": Sentence("Being read…", "Leyendo…"),
    "state_ready": Sentence("Ready", "Listo"),
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
_ERRORS = {
    "appliance_error": Sentence("The request could not be carried out.", "No se pudo hacer lo pedido."),
    "internal_error": Sentence(
        "Something went wrong inside the appliance. Try again; an administrator finds the cause in the log.",
        "Algo falló en el servidor. Prueba otra vez; un administrador puede ver la causa en el registro.",
    ),
    "invalid_request": Sentence("The request is not valid.", "La petición no es válida."),
    "invalid_api_key": Sentence(
        "Your session has ended. Sign in again.", "Tu sesión ha terminado. Entra de nuevo."
    ),
    "not_permitted": Sentence(
        "Your account is not allowed to do that. Ask an administrator.",
        "Tu cuenta no puede hacer eso. Pregunta a un administrador.",
    ),
    "not_found": Sentence(
        "There is no such thing here, or it is not yours to see.",
        "Eso no existe aquí o no te corresponde verlo.",
    ),
    "conflicting_credentials": Sentence(
        "The request carries two different credentials. Delete this site’s cookies and sign in again.",
        "La petición lleva dos credenciales distintas. Borra las cookies de este sitio y entra de nuevo.",
    ),
    "password_refused": Sentence(
        "That password cannot be used. Choose a longer one that is not the e-mail address.",
        "Esa contraseña no sirve. Elige una más larga que no sea el correo.",
    ),
    "sign_in_failed": Sentence(
        "E-mail or password is not right. Try again, or ask an administrator for a reset link.",
        "El correo o la contraseña no son correctos. Prueba otra vez o pide a un administrador un enlace nuevo.",
    ),
    "credential_withdrawn": Sentence(
        "Your session was ended. Sign in again.", "Tu sesión se ha cerrado. Entra de nuevo."
    ),
    "cross_site_request": Sentence(
        "The request did not come from this page. Reload it and try again.",
        "La petición no salió de esta página. Recárgala y prueba otra vez.",
    ),
    "plain_http_refused": Sentence(
        "Signing in needs HTTPS here. An administrator puts TLS in front, or sets server.allow_plain_http = true.",
        "Aquí hace falta HTTPS para entrar. Un administrador pone TLS delante o fija server.allow_plain_http = true.",
    ),
    "link_not_valid": Sentence(
        "This link has been used or has expired. Ask an administrator for a new one.",
        "Este enlace ya se usó o ha caducado. Pide uno nuevo a un administrador.",
    ),
    "last_administrator": Sentence(
        "This is the last administrator. Make somebody else administrator first.",
        "Es el último administrador. Haz antes administrador a otra persona.",
    ),
    "storage_full": Sentence(
        "The disk of this appliance is full; nothing was stored. Ask an administrator for room.",
        "El disco del servidor está lleno y no se guardó nada. Pide espacio a un administrador.",
    ),
    "conflict": Sentence("That is not possible as things stand.", "No es posible en el estado actual."),
    "request_too_large": Sentence(
        "This is larger than the appliance accepts.", "Es más grande de lo que acepta el servidor."
    ),
    "queue_full": Sentence(
        "Too many questions are waiting. Try again in a moment.",
        "Hay demasiadas preguntas en espera. Prueba dentro de un momento.",
    ),
    "rate_limit_exceeded": Sentence(
        "A limit set by an administrator is reached for the moment. Try again shortly.",
        "Se ha alcanzado por ahora un límite fijado por un administrador. Prueba en un momento.",
    ),
    "insufficient_quota": Sentence(
        "A budget set by an administrator does not allow this. Ask an administrator for more.",
        "Un presupuesto fijado por un administrador no lo permite. Pide más a un administrador.",
    ),
    "too_many_attempts": Sentence(
        "Too many failed attempts to sign in. Wait a little and try again.",
        "Demasiados intentos fallidos. Espera un poco y prueba otra vez.",
    ),
    "part_unavailable": Sentence(
        "A part of the appliance does not answer just now. Try again in a moment.",
        "Una parte del servidor no responde ahora. Prueba dentro de un momento.",
    ),
    "startup_error": Sentence("The appliance cannot start.", "El servidor no puede arrancar."),
    "turn_interrupted": Sentence(
        "The answer was interrupted. Ask again to get the rest.",
        "La respuesta se interrumpió. Pregunta otra vez para obtener el resto.",
    ),
    "inference_error": Sentence(
        "The language model could not be used.", "No se pudo usar el modelo de lenguaje."
    ),
    "unknown_engine_kind": Sentence(
        "The configuration names an engine this appliance does not know.",
        "La configuración nombra un motor que este servidor no conoce.",
    ),
    "embedder_unavailable": Sentence(
        "The embedding process does not answer, so documents cannot be searched by meaning just now.",
        "El proceso de embeddings no responde, así que ahora no se puede buscar por significado.",
    ),
    "engine_unavailable": Sentence(
        "The language model does not answer. Try again in a moment.",
        "El modelo de lenguaje no responde. Prueba dentro de un momento.",
    ),
    "context_length_exceeded": Sentence(
        "The question is too long for the language model. Ask a shorter one.",
        "La pregunta es demasiado larga para el modelo de lenguaje. Haz una más corta.",
    ),
    "engine_refused": Sentence(
        "The language model refused the request.", "El modelo de lenguaje rechazó la petición."
    ),
    "engine_stream_broken": Sentence(
        "The language model broke off in the middle of the answer. Ask again.",
        "El modelo de lenguaje se cortó en mitad de la respuesta. Pregunta otra vez.",
    ),
    "model_not_found": Sentence(
        "No engine serves that model. Choose another one.", "Ningún motor ofrece ese modelo. Elige otro."
    ),
    "rag_error": Sentence("The documents could not be used.", "No se pudieron usar los documentos."),
    "document_refused": Sentence("The document was not read.", "El documento no se leyó."),
    "unsupported_format": Sentence(
        "This kind of file cannot be read here. Convert it to PDF, DOCX, HTML, Markdown or plain text.",
        "Este tipo de archivo no se puede leer aquí. Conviértelo a PDF, DOCX, HTML, Markdown o texto.",
    ),
    "document_empty": Sentence(
        "There is no text in this document. If it is a scan, run text recognition on it first.",
        "Este documento no tiene texto. Si es un escaneo, aplícale antes reconocimiento de texto.",
    ),
    "document_damaged": Sentence(
        "The file is damaged and cannot be opened. Export it again from the program that made it.",
        "El archivo está dañado y no se puede abrir. Expórtalo de nuevo desde el programa que lo creó.",
    ),
    "document_encrypted": Sentence(
        "The file is protected by a password. Save it without one and upload it again.",
        "El archivo está protegido con contraseña. Guárdalo sin ella y súbelo otra vez.",
    ),
    "document_too_large": Sentence(
        "The document is larger than the limits of this appliance. Split it, or ask an administrator.",
        "El documento supera los límites de este servidor. Divídelo o pregunta a un administrador.",
    ),
    "document_dangerous": Sentence(
        "The file is built in a way that can harm the computer that opens it, so it was not opened.",
        "El archivo está hecho de un modo que puede dañar el equipo que lo abre, así que no se abrió.",
    ),
    "reading_failed": Sentence(
        "Reading this document failed. Upload it again; an administrator finds the cause in the log.",
        "Falló la lectura de este documento. Súbelo otra vez; un administrador puede ver la causa en el registro.",
    ),
    "reading_interrupted": Sentence(
        "Reading this document was interrupted more than once. Remove it and upload it again.",
        "La lectura de este documento se interrumpió más de una vez. Quítalo y súbelo de nuevo.",
    ),
    "parsing_timed_out": Sentence(
        "Reading the file took too long and was stopped. Split it or simplify it.",
        "Leer el archivo tardaba demasiado y se paró. Divídelo o simplifícalo.",
    ),
    "index_unavailable": Sentence(
        "The index of the documents cannot be searched just now.",
        "Ahora no se puede buscar en los documentos.",
    ),
}

# Notes whose sentence does not stand in the answer itself.
_NOTES = {
    "unsupported": Sentence(
        "The underlined part has no support in the documents found.",
        "Lo subrayado no tiene respaldo en los documentos encontrados.",
    ),
    "history_cut": Sentence(
        "Earlier messages of this conversation that the model has no room for and did not see: {dropped_messages}.",
        "Mensajes anteriores de esta conversación que no caben en el modelo y no ha visto: {dropped_messages}.",
    ),
}

TEXTS: Mapping[str, Sentence] = {
    **_FRAME,
    **_CHAT,
    **_DOCUMENTS,
    **_CONNECTED,
    **{f"error.{code}": sentence for code, sentence in _ERRORS.items()},
    **{f"note.{code}": sentence for code, sentence in _NOTES.items()},
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
