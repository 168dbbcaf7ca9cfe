"""What a document's owner is told of how it was read, by the codes of rag.notes; a test compares the two."""

from __future__ import annotations

from ui.texts.sentence import Sentence

_INSTALL = "(apt-get install tesseract-ocr tesseract-ocr-spa)"

DOCUMENT_NOTES = {
    "pages_broken": Sentence(
        "Pages {pages} cannot be opened and were left out.",
        "Las páginas {pages} no se pueden abrir y se omitieron.",
    ),
    "pages_broken_one": Sentence(
        "Page {pages} cannot be opened and was left out.", "La página {pages} no se puede abrir y se omitió."
    ),
    "pages_without_text": Sentence(
        "Pages {pages} have no text of their own (scans?).",
        "Las páginas {pages} no tienen texto propio (¿escaneos?).",
    ),
    "pages_without_text_one": Sentence(
        "Page {pages} has no text of its own (a scan?).",
        "La página {pages} no tiene texto propio (¿un escaneo?).",
    ),
    "pages_blank": Sentence("Pages {pages} are blank.", "Las páginas {pages} están en blanco."),
    "pages_blank_one": Sentence("Page {pages} is blank.", "La página {pages} está en blanco."),
    "pages_recognised": Sentence(
        "Pages {pages} were read by text recognition (mean confidence {confidence} of 100).",
        "Las páginas {pages} se leyeron con reconocimiento de texto (fiabilidad media: {confidence} de 100).",
    ),
    "pages_recognised_one": Sentence(
        "Page {pages} was read by text recognition (mean confidence {confidence} of 100).",
        "La página {pages} se leyó con reconocimiento de texto (fiabilidad media: {confidence} de 100).",
    ),
    "pages_hard": Sentence("Pages {pages} were hard to recognise.", "Costó reconocer las páginas {pages}."),
    "pages_hard_one": Sentence("Page {pages} was hard to recognise.", "Costó reconocer la página {pages}."),
    "pages_not_recognised": Sentence(
        "Pages {pages} were not recognised: {reason}.",
        "No se reconoció el texto de las páginas {pages} ({reason}).",
    ),
    "pages_not_recognised_one": Sentence(
        "Page {pages} was not recognised: {reason}.",
        "No se reconoció el texto de la página {pages} ({reason}).",
    ),
    "pages_beyond": Sentence(
        "Pages {pages} are scans beyond the number of pages that are recognised.",
        "Las páginas {pages} son escaneos que superan el número de páginas que se reconocen.",
    ),
    "pages_beyond_one": Sentence(
        "Page {pages} is a scan beyond the number of pages that are recognised.",
        "La página {pages} es un escaneo que supera el número de páginas que se reconocen.",
    ),
    "pages_without_words": Sentence(
        "Pages {pages} are pictures in which no text was recognised.",
        "Las páginas {pages} son imágenes en las que no se reconoció texto.",
    ),
    "pages_without_words_one": Sentence(
        "Page {pages} is a picture in which no text was recognised.",
        "La página {pages} es una imagen en la que no se reconoció texto.",
    ),
    "words_unclear": Sentence(
        "{count} words were too unclear to recognise and were left out.",
        "{count} palabras eran demasiado borrosas y se omitieron.",
    ),
    "recognition_missing": Sentence(
        f"Text recognition is not installed here; an administrator can install it {_INSTALL}, then read the file "
        "again.",
        f"Aquí no hay reconocimiento de texto; un administrador puede instalarlo {_INSTALL} y volver a leer el "
        "archivo.",
    ),
    "recognition_languages": Sentence(
        "Text recognition lacks languages: {languages}.",
        "Al reconocimiento de texto le faltan idiomas: {languages}.",
    ),
    "only_pictures": Sentence(
        "None of its {pages} pages has text of its own; they are pictures. Text recognition is not installed here; an "
        f"administrator can install it {_INSTALL}, then read the file again.",
        "Ninguna de sus {pages} páginas tiene texto propio: son imágenes. Aquí no hay reconocimiento de texto; un "
        f"administrador puede instalarlo {_INSTALL} y volver a leer el archivo.",
    ),
    "none_recognised": Sentence(
        "None of its {pages} pages could be recognised: {reason}.",
        "No se pudo reconocer ninguna de sus {pages} páginas ({reason}).",
    ),
    "no_words": Sentence(
        "None of its {pages} pages has text; they are blank, or pictures without words that can be read.",
        "Ninguna de sus {pages} páginas tiene texto: están en blanco o son imágenes sin palabras legibles.",
    ),
    "picture_unread": Sentence(
        "It is a picture ({kind}). Text recognition is not installed here; an administrator can install it "
        f"{_INSTALL}, then read the file again.",
        "Es una imagen ({kind}). Aquí no hay reconocimiento de texto; un administrador puede instalarlo "
        f"{_INSTALL} y volver a leer el archivo.",
    ),
    "too_many_pages": Sentence(
        "It has {count} pages; {most} are allowed.", "Tiene {count} páginas; se permiten {most}."
    ),
    "too_many_slides": Sentence(
        "It has {count} slides; {most} are allowed.", "Tiene {count} diapositivas; se permiten {most}."
    ),
    "too_many_sheets": Sentence(
        "It has {count} sheets; {most} are allowed.", "Tiene {count} hojas; se permiten {most}."
    ),
    "too_much_text": Sentence(
        "Its text has more than {most} characters.", "Su texto tiene más de {most} caracteres."
    ),
    "too_many_cells": Sentence(
        "Sheet {sheet} has {count} cells; {most} are allowed.",
        "La hoja {sheet} tiene {count} celdas; se permiten {most}.",
    ),
    "too_many_rows": Sentence(
        "Sheet {sheet} has {count} rows; {most} are allowed.",
        "La hoja {sheet} tiene {count} filas; se permiten {most}.",
    ),
    "too_many_inside": Sentence(
        "It holds {count} documents; {most} are allowed in one archive.",
        "Contiene {count} documentos; en un archivo comprimido se permiten {most}.",
    ),
    "archive_too_large": Sentence(
        "Its files take more than {most} bytes together. Unpack it and upload the folder.",
        "Sus archivos suman más de {most} bytes. Descomprímelo y sube la carpeta.",
    ),
    "archive_encrypted": Sentence("Its ZIP container is encrypted.", "Su contenedor ZIP está cifrado."),
    "archive_empty": Sentence("There is no file in the archive.", "El archivo comprimido está vacío."),
    "archive_broken": Sentence(
        "None of the files in the archive can be unpacked.",
        "No se puede descomprimir ninguno de los archivos que contiene.",
    ),
    "encoding_guessed": Sentence(
        "The file does not name its encoding; it was read as {encoding}.",
        "El archivo no indica su codificación; se leyó como {encoding}.",
    ),
    "encoding_mixed": Sentence(
        "It is written in several encodings; {lines} lines were read as {encoding}, the others as UTF-8.",
        "Mezcla varias codificaciones; {lines} líneas se leyeron como {encoding} y las demás como UTF-8.",
    ),
    "encoding_repaired": Sentence(
        "Its letters beyond ASCII had been garbled (UTF-8 read as another encoding); {lines} lines were repaired.",
        "Sus tildes y eñes estaban estropeadas (UTF-8 leído con otra codificación); se repararon {lines} líneas.",
    ),
    "encoding_read_and_repaired": Sentence(
        "It was read as {encoding}. Its letters beyond ASCII had been garbled (UTF-8 read as another encoding); "
        "{lines} lines were repaired.",
        "Se leyó como {encoding}. Sus tildes y eñes estaban estropeadas (UTF-8 leído con otra codificación); se "
        "repararon {lines} líneas.",
    ),
    "letters_replaced": Sentence(
        "{count} characters could not be read as {encoding} and were replaced.",
        "{count} caracteres no se pudieron leer como {encoding} y se sustituyeron.",
    ),
    "tracked_changes": Sentence(
        "The document has tracked changes; it was read as if all of them were accepted.",
        "El documento tiene control de cambios; se leyó como si todos se hubieran aceptado.",
    ),
    "csv_quotes": Sentence(
        "Its quotation marks do not match, so each line was read as a row.",
        "Sus comillas no cuadran, así que cada línea se leyó como una fila.",
    ),
    "hidden_sheets": Sentence(
        "Hidden sheets were read too: {names}.", "También se leyeron las hojas ocultas: {names}."
    ),
    "formulas_without_value": Sentence(
        "{count} formulas have no stored value and are shown as formulas. Open the workbook in a spreadsheet program "
        "and save it, to have their results.",
        "{count} fórmulas no tienen resultado guardado y se muestran como fórmulas. Abre el libro en una hoja de "
        "cálculo y guárdalo para tener sus resultados.",
    ),
    "slide_damaged": Sentence(
        "Slide {slide} is damaged and was left out.", "La diapositiva {slide} está dañada y se omitió."
    ),
    "slide_without_text": Sentence(
        "Slide {slide} has no text of its own; pictures are not read.",
        "La diapositiva {slide} no tiene texto propio; las imágenes no se leen.",
    ),
    "slide_hidden": Sentence(
        "Slide {slide} is hidden in the show and was read too.",
        "La diapositiva {slide} está oculta en la presentación y también se leyó.",
    ),
    "chapters_missing": Sentence(
        "{count} chapters of the book are missing from its file.",
        "Al archivo del libro le faltan {count} capítulos.",
    ),
    "mail_encoding": Sentence(
        "The mail was kept as {encoding}, which mails never are; it was converted.",
        "El correo estaba guardado como {encoding}, algo impropio de un correo; se convirtió.",
    ),
    "mail_small_pictures": Sentence(
        "{count} small pictures within the text were left out.",
        "Se omitieron {count} imágenes pequeñas del texto.",
    ),
    "mail_broken": Sentence(
        "A mail that was attached is broken and was left out.", "Un correo adjunto está dañado y se omitió."
    ),
    "mail_attachment_elsewhere": Sentence(
        "An attachment that lies elsewhere, or is an embedded object, was left out.",
        "Se omitió un adjunto que está en otro sitio o es un objeto incrustado.",
    ),
    "mail_rich_text": Sentence(
        "Its words are kept as compressed Rich Text only, which is not read. Save it as EML.",
        "Su texto solo está como texto enriquecido comprimido, que no se lee. Guárdalo como EML.",
    ),
    "attachments": Sentence("It carries the attachments {names}.", "Lleva los adjuntos {names}."),
    "attachments_one": Sentence("It carries the attachment {names}.", "Lleva el adjunto {names}."),
    "attachments_unread": Sentence(
        "Too large or damaged, and not read, are the attachments {names}.",
        "Demasiado grandes o dañados, y por eso sin leer: los adjuntos {names}.",
    ),
    "attachments_unread_one": Sentence(
        "Too large or damaged, and not read, is the attachment {names}.",
        "Demasiado grande o dañado, y por eso sin leer: el adjunto {names}.",
    ),
    "attachments_many": Sentence(
        "It has {count} attachments; the first {most} were read.",
        "Tiene {count} adjuntos; se leyeron los primeros {most}.",
    ),
    "members_broken": Sentence(
        "{count} files in the archive are broken and were left out.",
        "{count} archivos de los que contiene están dañados y se omitieron.",
    ),
    "members_no_files": Sentence(
        "{count} links or devices in the archive were left out; only files are read.",
        "Se omitieron {count} enlaces o dispositivos que contiene; solo se leen archivos.",
    ),
    "inside": Sentence(
        "{count} documents inside: each is read as a document of its own.",
        "Contiene {count} documentos: cada uno se lee por separado.",
    ),
    "inside_one": Sentence(
        "{count} document inside: it is read as a document of its own.",
        "Contiene {count} documento, que se lee por separado.",
    ),
    "inside_too_deep": Sentence(
        "{count} inside were left out: they lie more than {most} documents deep.",
        "Se omitieron {count} de dentro: están a más de {most} documentos de profundidad.",
    ),
    "inside_too_deep_one": Sentence(
        "{count} inside was left out: it lies more than {most} documents deep.",
        "Se omitió {count} de dentro: está a más de {most} documentos de profundidad.",
    ),
    "inside_no_room": Sentence(
        "{count} inside were left out: one document may hold {most} documents or {mib} MiB.",
        "Se omitieron {count} de dentro: un documento puede contener {most} documentos o {mib} MiB.",
    ),
    "inside_no_room_one": Sentence(
        "{count} inside was left out: one document may hold {most} documents or {mib} MiB.",
        "Se omitió {count} de dentro: un documento puede contener {most} documentos o {mib} MiB.",
    ),
    "inside_empty": Sentence(
        "{count} inside were left out: they are empty.", "Se omitieron {count} de dentro: están vacíos."
    ),
    "inside_empty_one": Sentence(
        "{count} inside was left out: it is empty.", "Se omitió {count} de dentro: está vacío."
    ),
    "inside_too_large": Sentence(
        "{count} inside were left out: files may have {mib} MiB.",
        "Se omitieron {count} de dentro: los archivos pueden tener {mib} MiB.",
    ),
    "inside_too_large_one": Sentence(
        "{count} inside was left out: files may have {mib} MiB.",
        "Se omitió {count} de dentro: los archivos pueden tener {mib} MiB.",
    ),
    "embedder_away": Sentence(
        "It waits for the embedding model, which does not answer; it goes on by itself.",
        "Espera al modelo de vectores, que no responde; seguirá por sí solo.",
    ),
    "disk_full": Sentence(
        "It waits because the disk of the appliance is full; once an administrator has made room, it goes on "
        "by itself.",
        "Espera porque el disco del equipo está lleno; cuando un administrador haga sitio, seguirá por sí solo.",
    ),
}
