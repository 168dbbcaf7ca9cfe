"""Why a document was refused, in the reader's language: more of the codes of rag.notes."""

from __future__ import annotations

from ui.texts.sentence import Sentence

DOCUMENT_REFUSALS = {
    "archive_too_many": Sentence(
        "It holds {count} files; {most} are allowed.",
        "Contiene {count} archivos; se permiten {most}.",
    ),
    "archive_inflates": Sentence(
        "Unpacked it would take {size} bytes; {most} are allowed.",
        "Descomprimido ocuparía {size} bytes; se permiten {most}.",
    ),
    "member_entities": Sentence(
        "{name} declares a document type or entities, which no office program writes.",
        "{name} declara un tipo de documento o entidades, cosa que ningún programa de oficina escribe.",
    ),
    "zip_unreadable": Sentence(
        "Its ZIP container cannot be read.",
        "No se puede leer su contenedor ZIP.",
    ),
    "member_packed": Sentence(
        "{name} is packed more than {most}-fold.",
        "{name} está comprimido más de {most} veces.",
    ),
    "member_broken": Sentence(
        "{name} in its ZIP container is broken.",
        "{name} está dañado dentro de su contenedor ZIP.",
    ),
    "member_too_large": Sentence(
        "{name} unpacks to more than {most} bytes.",
        "{name} ocupa más de {most} bytes descomprimido.",
    ),
    "member_lies": Sentence(
        "{name} unpacks to more than its directory says.",
        "{name} ocupa descomprimido más de lo que declara.",
    ),
    "file_empty": Sentence(
        "The file has zero bytes.",
        "El archivo tiene cero bytes.",
    ),
    "format_unknown": Sentence(
        "It is not text and no format that is known here.",
        "No es texto ni un formato conocido aquí.",
    ),
    "password_office": Sentence(
        "It is an Office document with a password.",
        "Es un documento de Office con contraseña.",
    ),
    "container_unreadable": Sentence(
        "Its container cannot be read.",
        "No se puede leer su contenedor.",
    ),
    "container_too_large": Sentence(
        "What it holds takes more memory than one document may take.",
        "Lo que contiene ocupa más memoria de la que puede ocupar un documento.",
    ),
    "container_part_unreadable": Sentence(
        "A part of its container cannot be read.",
        "No se puede leer una parte de su contenedor.",
    ),
    "rows_unclear": Sentence(
        "Its rows cannot be told apart.",
        "No se distinguen sus filas.",
    ),
    "text_missing": Sentence(
        "Its text is missing.",
        "Falta su texto.",
    ),
    "parts_mismatch": Sentence(
        "Its parts do not fit together.",
        "Sus partes no encajan.",
    ),
    "password_word": Sentence(
        "It is a Word document with a password.",
        "Es un documento de Word con contraseña.",
    ),
    "word_too_old": Sentence(
        "It was written by Word 95 or older. Save it as DOCX and upload that.",
        "Es de Word 95 o anterior. Guárdalo como DOCX y sube ese archivo.",
    ),
    "too_many_pieces": Sentence(
        "It is torn into more pieces than can be put together.",
        "Está partido en más trozos de los que se pueden juntar.",
    ),
    "pieces_missing": Sentence(
        "Its table of pieces is missing.",
        "Falta su tabla de fragmentos.",
    ),
    "pieces_broken": Sentence(
        "Its table of pieces is broken.",
        "Su tabla de fragmentos está dañada.",
    ),
    "word_parts_mismatch": Sentence(
        "Its Word parts do not fit together.",
        "Sus partes de Word no encajan.",
    ),
    "mail_too_many_parts": Sentence(
        "It has more parts within parts than any mail needs.",
        "Tiene más partes dentro de otras de las que necesita un correo.",
    ),
    "mail_too_deep": Sentence(
        "Its parts are nested deeper than any mail needs.",
        "Sus partes están más anidadas de lo que necesita un correo.",
    ),
    "mail_parts_unclear": Sentence(
        "Its parts cannot be told apart.",
        "No se distinguen sus partes.",
    ),
    "mail_encrypted": Sentence(
        "It is an encrypted mail.",
        "Es un correo cifrado.",
    ),
    "contents_missing": Sentence(
        "Its table of contents is missing.",
        "Falta su índice.",
    ),
    "contents_unreadable": Sentence(
        "Its table of contents cannot be read.",
        "No se puede leer su índice.",
    ),
    "book_protected": Sentence(
        "It is an e-book that only its shop's program opens.",
        "Es un libro electrónico que solo abre el programa de su tienda.",
    ),
    "page_too_deep": Sentence(
        "Its elements are nested deeper than any page needs.",
        "Sus elementos están más anidados de lo que necesita una página.",
    ),
    "too_many_attachments": Sentence(
        "It has more than {most} attachments.",
        "Tiene más de {most} adjuntos.",
    ),
    "attachments_too_large": Sentence(
        "Its attachments take more than {most} bytes.",
        "Sus adjuntos ocupan más de {most} bytes.",
    ),
    "lists_too_deep": Sentence(
        "Its lists or quotations are nested deeper than any page needs.",
        "Sus listas o citas están más anidadas de lo que necesita una página.",
    ),
    "slides_over": Sentence(
        "It has more than {most} slides.",
        "Tiene más de {most} diapositivas.",
    ),
    "sheets_over": Sentence(
        "It has more than {most} sheets.",
        "Tiene más de {most} hojas.",
    ),
    "part_missing": Sentence(
        "Its part {name} is missing.",
        "Falta su parte {name}.",
    ),
    "content_missing": Sentence(
        "Its content is missing.",
        "Falta su contenido.",
    ),
    "password_opendocument": Sentence(
        "It is an OpenDocument file with a password.",
        "Es un archivo OpenDocument con contraseña.",
    ),
    "xml_unreadable": Sentence(
        "Its XML cannot be read.",
        "No se puede leer su XML.",
    ),
    "too_many_paragraphs": Sentence(
        "It has more than {most} paragraphs.",
        "Tiene más de {most} párrafos.",
    ),
    "no_page_opens": Sentence(
        "None of its pages can be opened.",
        "No se puede abrir ninguna de sus páginas.",
    ),
    "stream_circular": Sentence(
        "One of its streams names itself as its own length.",
        "Uno de sus flujos se nombra a sí mismo como longitud.",
    ),
    "picture_too_large": Sentence(
        "It has {width} × {height} pixels; {most} are allowed.",
        "Tiene {width} × {height} píxeles; se permiten {most}.",
    ),
    "pixels_over": Sentence(
        "It has more than {most} pixels.",
        "Tiene más de {most} píxeles.",
    ),
    "picture_broken": Sentence(
        "Its picture cannot be unpacked ({cause}).",
        "No se puede descomprimir su imagen ({cause}).",
    ),
    "slides_missing": Sentence(
        "Its slides are missing.",
        "Faltan sus diapositivas.",
    ),
    "records_mismatch": Sentence(
        "Its records do not fit together.",
        "Sus registros no encajan.",
    ),
    "password_powerpoint": Sentence(
        "It is a PowerPoint presentation with a password.",
        "Es una presentación de PowerPoint con contraseña.",
    ),
    "directory_missing": Sentence(
        "Its directory is missing.",
        "Falta su directorio.",
    ),
    "too_many_records": Sentence(
        "It has more records than any presentation needs.",
        "Tiene más registros de los que necesita una presentación.",
    ),
    "rtf_begin": Sentence(
        "It does not begin as a Rich Text file.",
        "No empieza como un archivo RTF.",
    ),
    "rtf_too_many": Sentence(
        "It has more than {most} control words and groups.",
        "Tiene más de {most} palabras de control y grupos.",
    ),
    "rtf_too_deep": Sentence(
        "Its groups are nested deeper than any letter needs.",
        "Sus grupos están más anidados de lo que necesita una carta.",
    ),
    "rows_over": Sentence(
        "It has more than {most} rows, which is the limit.",
        "Tiene más de {most} filas, que es el límite.",
    ),
    "password_excel": Sentence(
        "It is an Excel workbook with a password.",
        "Es un libro de Excel con contraseña.",
    ),
    "too_many_texts": Sentence(
        "It has {count} different texts; {most} are allowed.",
        "Tiene {count} textos distintos; se permiten {most}.",
    ),
    "sheets_missing": Sentence(
        "Its list of sheets is missing.",
        "Falta su lista de hojas.",
    ),
    "rows_impossible": Sentence(
        "One of its sheets has more rows than a spreadsheet can have.",
        "Una de sus hojas tiene más filas de las que puede tener una hoja de cálculo.",
    ),
    "archive_nested": Sentence(
        "It holds archives within archives, more than {most} deep.",
        "Contiene archivos comprimidos dentro de otros, a más de {most} niveles.",
    ),
    "archive_claims": Sentence(
        "With the archives inside of it, it would unpack to {size} bytes in {count} files or more.",
        "Con los archivos comprimidos que lleva dentro ocuparía {size} bytes en {count} archivos o más.",
    ),
    "archive_lies": Sentence(
        "An archive inside of it unpacks to more than its directory says.",
        "Un archivo comprimido que lleva dentro ocupa más de lo que declara.",
    ),
    "reading_too_large": Sentence(
        "What was read of it takes more than {most} bytes.",
        "Lo leído ocupa más de {most} bytes.",
    ),
    "reading_memory": Sentence(
        "Reading it took more memory than one document may take.",
        "Leerlo necesitó más memoria de la que puede ocupar un documento.",
    ),
    "parser_stopped": Sentence(
        "Its parser stopped with {cause}.",
        "Su lector se paró con {cause}.",
    ),
    "parser_crashed": Sentence(
        "Its parser crashed ({cause}).",
        "Su lector falló ({cause}).",
    ),
    "parser_result_broken": Sentence(
        "Its parser gave a broken result.",
        "Su lector dio un resultado dañado.",
    ),
    "time_used": Sentence(
        "It used {most} seconds of processor time, which is the limit.",
        "Usó {most} segundos de procesador, que es el límite.",
    ),
    "memory_used": Sentence(
        "Reading it took more than {most} MiB of memory.",
        "Leerlo necesitó más de {most} MiB de memoria.",
    ),
    "time_limit": Sentence(
        "The limit is {most} seconds.",
        "El límite son {most} segundos.",
    ),
    "text_too_large": Sentence(
        "Its text takes more than {most} bytes.",
        "Su texto ocupa más de {most} bytes.",
    ),
    "reader_stopped": Sentence(
        "The reading process was stopped twice. Try again.",
        "El proceso de lectura se paró dos veces. Prueba otra vez.",
    ),
    "too_much_to_keep": Sentence(
        "It has more pages or paragraphs than can be kept.",
        "Tiene más páginas o párrafos de los que se pueden guardar.",
    ),
    "kind_picture": Sentence(
        "It is a picture ({kind}). Run text recognition on it and upload the result as PDF or text.",
        "Es una imagen ({kind}). Aplícale reconocimiento de texto y sube el resultado como PDF o texto.",
    ),
    "kind_recording": Sentence(
        "It is a recording ({kind}).",
        "Es una grabación ({kind}).",
    ),
    "kind_archive": Sentence(
        "It is an archive ({kind}). Unpack it and upload the documents inside of it.",
        "Es un archivo comprimido ({kind}). Descomprímelo y sube los documentos que contiene.",
    ),
    "kind_program": Sentence(
        "It is a program ({kind}).",
        "Es un programa ({kind}).",
    ),
    "kind_postscript": Sentence(
        "It is a PostScript file. Save it as PDF or DOCX and upload that.",
        "Es un archivo PostScript. Guárdalo como PDF o DOCX y sube ese archivo.",
    ),
    "kind_sqlite": Sentence(
        "It is an SQLite database.",
        "Es una base de datos SQLite.",
    ),
    "kind_office_unknown": Sentence(
        "It is an Office file of a kind that is not known here. Save it as PDF or DOCX and upload that.",
        "Es un archivo de Office de un tipo que aquí no se conoce. Guárdalo como PDF o DOCX y sube ese "
        "archivo.",
    ),
    "kind_opendocument_other": Sentence(
        "It is an OpenDocument drawing, formula or database. Save it as PDF or DOCX and upload that.",
        "Es un dibujo, una fórmula o una base de datos OpenDocument. Guárdalo como PDF o DOCX y sube ese "
        "archivo.",
    ),
    "kind_xlsb": Sentence(
        "It is a binary Excel workbook (XLSB). Save it as PDF or DOCX and upload that.",
        "Es un libro de Excel binario (XLSB). Guárdalo como PDF o DOCX y sube ese archivo.",
    ),
    "kind_visio": Sentence(
        "It is a Visio drawing. Save it as PDF or DOCX and upload that.",
        "Es un dibujo de Visio. Guárdalo como PDF o DOCX y sube ese archivo.",
    ),
}
