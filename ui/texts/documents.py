"""Collections and the documents in them."""

from __future__ import annotations

from ui.texts.sentence import Sentence

DOCUMENTS = {
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
