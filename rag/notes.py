"""What a document's owner is told of how it was read: an English sentence that knows its code and the values in it.

A code is stable and stands for the same sentence for ever; the page writes its own sentence from code and values in the
reader's language. Knows nothing of formats.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rag import recording_notes, table_notes
from rag.coded_text import CodedText

# A code that ends in _one is the sentence for a single thing; `counted` chooses.
SENTENCES: Mapping[str, str] = {
    # While it is read
    "embedder_away": "It waits for the embedding model, which does not answer; it goes on by itself.",
    "disk_full": "It waits because the disk of the appliance is full; once an administrator has made room, it goes on "
    "by itself.",
    **recording_notes.SENTENCES,
    **table_notes.SENTENCES,
    # Pages
    "pages_broken": "Pages {pages} cannot be opened and were left out.",
    "pages_broken_one": "Page {pages} cannot be opened and was left out.",
    "pages_without_text": "Pages {pages} have no text of their own (scans?).",
    "pages_without_text_one": "Page {pages} has no text of its own (a scan?).",
    "pages_blank": "Pages {pages} are blank.",
    "pages_blank_one": "Page {pages} is blank.",
    "pages_recognised": "Pages {pages} were read by text recognition (mean confidence {confidence} of 100).",
    "pages_recognised_one": "Page {pages} was read by text recognition (mean confidence {confidence} of 100).",
    "pages_hard": "Pages {pages} were hard to recognise.",
    "pages_hard_one": "Page {pages} was hard to recognise.",
    "pages_not_recognised": "Pages {pages} were not recognised: {reason}.",
    "pages_not_recognised_one": "Page {pages} was not recognised: {reason}.",
    "pages_beyond": "Pages {pages} are scans beyond the number of pages that are recognised.",
    "pages_beyond_one": "Page {pages} is a scan beyond the number of pages that are recognised.",
    "pages_without_words": "Pages {pages} are pictures in which no text was recognised.",
    "pages_without_words_one": "Page {pages} is a picture in which no text was recognised.",
    "words_unclear": "{count} words were too unclear to recognise and were left out.",
    "recognition_missing": "Text recognition is not installed here; an administrator can install it "
    "(apt-get install tesseract-ocr tesseract-ocr-spa), then read the file again.",
    "recognition_languages": "Text recognition lacks languages: {languages}.",
    # Why nothing was read
    "only_pictures": "None of its {pages} pages has text of its own; they are pictures. Text recognition is not "
    "installed here; an administrator can install it (apt-get install tesseract-ocr tesseract-ocr-spa), then read the "
    "file again.",
    "none_recognised": "None of its {pages} pages could be recognised: {reason}.",
    "no_words": "None of its {pages} pages has text; they are blank, or pictures without words that can be read.",
    "picture_unread": "It is a picture ({kind}). Text recognition is not installed here; an administrator can install "
    "it (apt-get install tesseract-ocr tesseract-ocr-spa), then read the file again.",
    "too_many_pages": "It has {count} pages; {most} are allowed.",
    "too_many_slides": "It has {count} slides; {most} are allowed.",
    "too_many_sheets": "It has {count} sheets; {most} are allowed.",
    "too_much_text": "Its text has more than {most} characters.",
    "too_many_cells": "Sheet {sheet} has {count} cells; {most} are allowed.",
    "too_many_rows": "Sheet {sheet} has {count} rows; {most} are allowed.",
    "too_many_inside": "It holds {count} documents; {most} are allowed in one archive.",
    "archive_too_large": "Its files take more than {most} bytes together. Unpack it and upload the folder.",
    "archive_encrypted": "Its ZIP container is encrypted.",
    "archive_empty": "There is no file in the archive.",
    "archive_broken": "None of the files in the archive can be unpacked.",
    # Why it was refused
    "archive_too_many": "It holds {count} files; {most} are allowed.",
    "archive_inflates": "Unpacked it would take {size} bytes; {most} are allowed.",
    "member_entities": "{name} declares a document type or entities, which no office program writes.",
    "zip_unreadable": "Its ZIP container cannot be read.",
    "member_packed": "{name} is packed more than {most}-fold.",
    "member_broken": "{name} in its ZIP container is broken.",
    "member_too_large": "{name} unpacks to more than {most} bytes.",
    "member_lies": "{name} unpacks to more than its directory says.",
    "file_empty": "The file has zero bytes.",
    "format_unknown": "It is not text and no format that is known here.",
    "password_office": "It is an Office document with a password.",
    "container_unreadable": "Its container cannot be read.",
    "container_too_large": "What it holds takes more memory than one document may take.",
    "container_part_unreadable": "A part of its container cannot be read.",
    "rows_unclear": "Its rows cannot be told apart.",
    "text_missing": "Its text is missing.",
    "parts_mismatch": "Its parts do not fit together.",
    "password_word": "It is a Word document with a password.",
    "word_too_old": "It was written by Word 95 or older. Save it as DOCX and upload that.",
    "too_many_pieces": "It is torn into more pieces than can be put together.",
    "pieces_missing": "Its table of pieces is missing.",
    "pieces_broken": "Its table of pieces is broken.",
    "word_parts_mismatch": "Its Word parts do not fit together.",
    "mail_too_many_parts": "It has more parts within parts than any mail needs.",
    "mail_too_deep": "Its parts are nested deeper than any mail needs.",
    "mail_parts_unclear": "Its parts cannot be told apart.",
    "mail_encrypted": "It is an encrypted mail.",
    "contents_missing": "Its table of contents is missing.",
    "contents_unreadable": "Its table of contents cannot be read.",
    "book_protected": "It is an e-book that only its shop's program opens.",
    "page_too_deep": "Its elements are nested deeper than any page needs.",
    "too_many_attachments": "It has more than {most} attachments.",
    "attachments_too_large": "Its attachments take more than {most} bytes.",
    "lists_too_deep": "Its lists or quotations are nested deeper than any page needs.",
    "slides_over": "It has more than {most} slides.",
    "sheets_over": "It has more than {most} sheets.",
    "part_missing": "Its part {name} is missing.",
    "content_missing": "Its content is missing.",
    "password_opendocument": "It is an OpenDocument file with a password.",
    "xml_unreadable": "Its XML cannot be read.",
    "too_many_paragraphs": "It has more than {most} paragraphs.",
    "no_page_opens": "None of its pages can be opened.",
    "stream_circular": "One of its streams names itself as its own length.",
    "picture_too_large": "It has {width} × {height} pixels; {most} are allowed.",
    "pixels_over": "It has more than {most} pixels.",
    "picture_broken": "Its picture cannot be unpacked ({cause}).",
    "slides_missing": "Its slides are missing.",
    "records_mismatch": "Its records do not fit together.",
    "password_powerpoint": "It is a PowerPoint presentation with a password.",
    "directory_missing": "Its directory is missing.",
    "too_many_records": "It has more records than any presentation needs.",
    "rtf_begin": "It does not begin as a Rich Text file.",
    "rtf_too_many": "It has more than {most} control words and groups.",
    "rtf_too_deep": "Its groups are nested deeper than any letter needs.",
    "rows_over": "It has more than {most} rows, which is the limit.",
    "password_excel": "It is an Excel workbook with a password.",
    "too_many_texts": "It has {count} different texts; {most} are allowed.",
    "sheets_missing": "Its list of sheets is missing.",
    "rows_impossible": "One of its sheets has more rows than a spreadsheet can have.",
    "archive_nested": "It holds archives within archives, more than {most} deep.",
    "archive_claims": "With the archives inside of it, it would unpack to {size} bytes in {count} files or more.",
    "archive_lies": "An archive inside of it unpacks to more than its directory says.",
    "reading_too_large": "What was read of it takes more than {most} bytes.",
    "reading_memory": "Reading it took more memory than one document may take.",
    "parser_stopped": "Its parser stopped with {cause}.",
    "parser_crashed": "Its parser crashed ({cause}).",
    "parser_result_broken": "Its parser gave a broken result.",
    "time_used": "It used {most} seconds of processor time, which is the limit.",
    "memory_used": "Reading it took more than {most} MiB of memory.",
    "time_limit": "The limit is {most} seconds.",
    "text_too_large": "Its text takes more than {most} bytes.",
    "reader_stopped": "The reading process was stopped twice. Try again.",
    "too_much_to_keep": "It has more pages or paragraphs than can be kept.",
    "kind_picture": "It is a picture ({kind}). Run text recognition on it and upload the result as PDF or text.",
    "kind_recording": "It is a recording ({kind}).",
    "kind_archive": "It is an archive ({kind}). Unpack it and upload the documents inside of it.",
    "kind_program": "It is a program ({kind}).",
    "kind_postscript": "It is a PostScript file. Save it as PDF or DOCX and upload that.",
    "kind_sqlite": "It is an SQLite database.",
    "kind_office_unknown": "It is an Office file of a kind that is not known here. Save it as PDF or DOCX and upload "
    "that.",
    "kind_opendocument_other": "It is an OpenDocument drawing, formula or database. Save it as PDF or DOCX and upload "
    "that.",
    "kind_xlsb": "It is a binary Excel workbook (XLSB). Save it as PDF or DOCX and upload that.",
    "kind_visio": "It is a Visio drawing. Save it as PDF or DOCX and upload that.",
    # Letters
    "encoding_guessed": "The file does not name its encoding; it was read as {encoding}.",
    "encoding_mixed": "It is written in several encodings; {lines} lines were read as {encoding}, the others as UTF-8.",
    "encoding_repaired": "Its letters beyond ASCII had been garbled (UTF-8 read as another encoding); {lines} lines "
    "were repaired.",
    "encoding_read_and_repaired": "It was read as {encoding}. Its letters beyond ASCII had been garbled (UTF-8 read as "
    "another encoding); {lines} lines were repaired.",
    "letters_replaced": "{count} characters could not be read as {encoding} and were replaced.",
    # Formats
    "tracked_changes": "The document has tracked changes; it was read as if all of them were accepted.",
    "csv_quotes": "Its quotation marks do not match, so each line was read as a row.",
    "hidden_sheets": "Hidden sheets were read too: {names}.",
    "formulas_without_value": "{count} formulas have no stored value and are shown as formulas. Open the workbook in a "
    "spreadsheet program and save it, to have their results.",
    "slide_damaged": "Slide {slide} is damaged and was left out.",
    "slide_without_text": "Slide {slide} has no text of its own; pictures are not read.",
    "slide_hidden": "Slide {slide} is hidden in the show and was read too.",
    "chapters_missing": "{count} chapters of the book are missing from its file.",
    "mail_encoding": "The mail was kept as {encoding}, which mails never are; it was converted.",
    "mail_small_pictures": "{count} small pictures within the text were left out.",
    "mail_broken": "A mail that was attached is broken and was left out.",
    "mail_attachment_elsewhere": "An attachment that lies elsewhere, or is an embedded object, was left out.",
    "mail_rich_text": "Its words are kept as compressed Rich Text only, which is not read. Save it as EML.",
    # What lies inside
    "attachments": "It carries the attachments {names}.",
    "attachments_one": "It carries the attachment {names}.",
    "attachments_unread": "Too large or damaged, and not read, are the attachments {names}.",
    "attachments_unread_one": "Too large or damaged, and not read, are the attachment {names}.",
    "attachments_many": "It has {count} attachments; the first {most} were read.",
    "members_broken": "{count} files in the archive are broken and were left out.",
    "members_no_files": "{count} links or devices in the archive were left out; only files are read.",
    "inside": "{count} documents inside: each is read as a document of its own.",
    "inside_one": "{count} document inside: each is read as a document of its own.",
    "inside_too_deep": "{count} inside were left out: it lies more than {most} documents deep.",
    "inside_too_deep_one": "{count} inside was left out: it lies more than {most} documents deep.",
    "inside_no_room": "{count} inside were left out: one document may hold {most} documents or {mib} MiB.",
    "inside_no_room_one": "{count} inside was left out: one document may hold {most} documents or {mib} MiB.",
    "inside_empty": "{count} inside were left out: it is empty.",
    "inside_empty_one": "{count} inside was left out: it is empty.",
    "inside_too_large": "{count} inside were left out: files may have {mib} MiB.",
    "inside_too_large_one": "{count} inside was left out: files may have {mib} MiB.",
}

_PLACE = re.compile(r"\{(\w+)\}")
_MOST_SHOWN = 20


class Note(CodedText):
    """The sentence of a code."""

    __slots__ = ()
    SENTENCES = SENTENCES
    MOST_VALUE = 1_000


def counted(code: str, count: int, **values: object) -> Note:
    """The sentence for one thing where there is one, else for several. values: `count` is added."""
    single = f"{code}_one"
    return Note(single if count == 1 and single in SENTENCES else code, **{"count": count, **values})


def about_pages(code: str, numbers: Sequence[int], **values: object) -> tuple[Note, ...]:
    """A sentence about these pages, or none."""
    if not numbers:
        return ()
    shown = ", ".join(map(str, numbers[:_MOST_SHOWN])) + (" …" if len(numbers) > _MOST_SHOWN else "")
    return (counted(code, len(numbers), pages=shown, **values),)


def places(sentence: str) -> frozenset[str]:
    """The names that stand in braces."""
    return frozenset(_PLACE.findall(sentence))


def as_json(note: str) -> str | dict[str, Any]:
    """For keeping and for the wire: code and values; a sentence without a code as it is."""
    if not isinstance(note, Note):
        return note
    kept = {name: value for name, value in note.values.items() if name in places(SENTENCES[note.code])}
    return {"code": note.code, "values": kept}


def from_json(kept: object) -> str:
    """The same back. Raises ValueError for what `as_json` never writes."""
    if isinstance(kept, str):
        return kept
    if not isinstance(kept, dict) or kept.keys() != {"code", "values"}:
        raise ValueError("note")
    code, values = kept["code"], kept["values"]
    if not isinstance(code, str) or code not in SENTENCES or not isinstance(values, dict):
        raise ValueError("note")
    if values.keys() != places(SENTENCES[code]) or not all(isinstance(one, str) for one in values.values()):
        raise ValueError("note")
    return Note(code, **values)
