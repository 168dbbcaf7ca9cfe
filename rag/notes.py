"""What a document's owner is told of how it was read: an English sentence that knows its code and the values in it.

A code is stable and stands for the same sentence for ever; the page writes its own sentence from code and values in the
reader's language. Knows nothing of formats.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

# A code that ends in _one is the sentence for a single thing; `counted` chooses.
SENTENCES: Mapping[str, str] = {
    # While it is read
    "embedder_away": "It waits for the embedding model, which does not answer; it goes on by itself.",
    "disk_full": "It waits because the disk of the appliance is full; once an administrator has made room, it goes on "
    "by itself.",
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
_MOST_VALUE = 1_000  # characters


class Note(str):
    """The English sentence of a code. values: what stands in its places, as it is shown."""

    __slots__ = ("code", "values")
    code: str
    values: Mapping[str, str]

    def __new__(cls, code: str, **values: object) -> Note:
        """Raises KeyError for an unknown code, or where a value is missing."""
        shown = {name: str(value)[:_MOST_VALUE] for name, value in values.items()}
        note = super().__new__(cls, SENTENCES[code].format_map(shown))
        note.code = code
        note.values = shown
        return note


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
