"""What a file really is, by its content; its name and the uploader's claim only decide between kinds of plain text.

A format that no parser reads is refused here by its own name, with the remedy.
"""

from __future__ import annotations

import mmap
import re
import zipfile
from pathlib import Path, PurePath

from rag.archives import open_archive
from rag.decoding import decode, has_mark
from rag.errors import DocumentDangerous, DocumentEmpty, DocumentEncrypted, UnsupportedFormat
from rag.limits import ParsingLimits

PLAIN_TEXT = "text/plain"
MARKDOWN = "text/markdown"
HTML = "text/html"
PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLS = "application/vnd.ms-excel"
CSV = "text/csv"

_HEAD_BYTES = 16 * 1024
_BY_SUFFIX = {
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".mdown": MARKDOWN,
    ".html": HTML,
    ".htm": HTML,
    ".xhtml": HTML,
    ".pdf": PDF,
    ".docx": DOCX,
    ".xlsx": XLSX,
    ".xlsm": XLSX,
    ".pptx": PPTX,
    ".xls": XLS,
    ".csv": CSV,
    ".tsv": CSV,
    ".txt": PLAIN_TEXT,
    ".text": PLAIN_TEXT,
    ".log": PLAIN_TEXT,
}
_PICTURE = "It is a picture ({}). Run text recognition on it and upload the result as PDF or text."
_RECORDING = "It is a recording ({})."
_ARCHIVE = "It is an archive ({}). Unpack it and upload the documents inside of it."
_PROGRAM = "It is a program ({})."
_OFFICE = "It is {}. Save it as PDF or DOCX and upload that."
_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", _PICTURE.format("PNG")),
    (0, b"\xff\xd8\xff", _PICTURE.format("JPEG")),
    (0, b"GIF87a", _PICTURE.format("GIF")),
    (0, b"GIF89a", _PICTURE.format("GIF")),
    (0, b"II*\0", _PICTURE.format("TIFF")),
    (0, b"MM\0*", _PICTURE.format("TIFF")),
    (8, b"WEBP", _PICTURE.format("WebP")),
    (4, b"ftypheic", _PICTURE.format("HEIC")),
    (4, b"ftypavif", _PICTURE.format("AVIF")),
    (0, b"8BPS", _PICTURE.format("Photoshop")),
    (4, b"ftyp", _RECORDING.format("MP4")),
    (0, b"ID3", _RECORDING.format("MP3")),
    (0, b"OggS", _RECORDING.format("Ogg")),
    (0, b"fLaC", _RECORDING.format("FLAC")),
    (8, b"WAVE", _RECORDING.format("WAV")),
    (8, b"AVI ", _RECORDING.format("AVI")),
    (0, b"\x1aE\xdf\xa3", _RECORDING.format("Matroska")),
    (0, b"\x1f\x8b", _ARCHIVE.format("gzip")),
    (0, b"BZh", _ARCHIVE.format("bzip2")),
    (0, b"\xfd7zXZ\0", _ARCHIVE.format("xz")),
    (0, b"7z\xbc\xaf\x27\x1c", _ARCHIVE.format("7-Zip")),
    (0, b"Rar!\x1a\x07", _ARCHIVE.format("RAR")),
    (0, b"\x28\xb5\x2f\xfd", _ARCHIVE.format("zstd")),
    (257, b"ustar", _ARCHIVE.format("tar")),
    (0, b"\x7fELF", _PROGRAM.format("Linux")),
    (0, b"MZ", _PROGRAM.format("Windows")),
    (0, b"{\\rtf", _OFFICE.format("a Rich Text file (RTF)")),
    (0, b"%!PS", _OFFICE.format("a PostScript file")),
    (0, b"SQLite format 3\0", "It is an SQLite database."),
)
_OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Stream names stand in the directory of an OLE file in UTF-16. What may hold the others comes before them.
_OLE_STREAMS: tuple[tuple[str, str], ...] = (
    ("__substg1.0_", "an Outlook message (MSG)"),
    ("PowerPoint Document", "an old PowerPoint presentation (PPT)"),
    ("WordDocument", "an old Word document (DOC)"),
)
_OLE_WORKBOOK = "Workbook".encode("utf-16-le")
_ZIP_FORMATS: tuple[tuple[str, str], ...] = (("xl/", XLSX), ("ppt/", PPTX))
_ZIP_MEMBERS: tuple[tuple[str, str], ...] = (
    ("xl/workbook.bin", "a binary Excel workbook (XLSB)"),
    ("visio/", "a Visio drawing"),
)
_ZIP_MIMETYPES: tuple[tuple[bytes, str], ...] = (
    (b"application/vnd.oasis.opendocument.text", "an OpenDocument text (ODT)"),
    (b"application/vnd.oasis.opendocument.spreadsheet", "an OpenDocument spreadsheet (ODS)"),
    (b"application/vnd.oasis.opendocument.presentation", "an OpenDocument presentation (ODP)"),
    (b"application/epub+zip", "an e-book (EPUB)"),
)
_NESTED = (".zip", ".jar", ".7z", ".rar", ".gz", ".xz", ".bz2", ".tar", ".tgz")
_HTML_START = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|title|meta|article|main|div|h[1-6]|table|p)\b",
    re.IGNORECASE | re.DOTALL,
)
_HTML_TAG = re.compile(r"</(?:p|div|h[1-6]|body|html|table|li|ul|section|article)\s*>", re.IGNORECASE)
_MAIL_HEADER = re.compile(
    r"^(?:Received|Return-Path|From|To|Subject|Date|MIME-Version|Message-ID|Content-Type):", re.M
)
_MARKDOWN_SIGNS = re.compile(
    r"^(?:#{1,6} \S|\s{0,3}```|\s{0,3}[*+-] +\[[ xX]\] |\|.*\|\s*$)|\[[^\]\n]+\]\([^)\s]+\)|\*\*\S[^*\n]*\*\*",
    re.M,
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def from_filename(filename: str) -> str | None:
    """What a name promises: a hint for `detect`, never more."""
    return _BY_SUFFIX.get(PurePath(filename).suffix.lower())


def detect(path: Path, limits: ParsingLimits, hint: str | None = None) -> str:
    """The media type of a file that a parser may read.

    hint: the uploader's claim or `from_filename`; tells Markdown from plain text, nothing else.
    Raises UnsupportedFormat, DocumentEmpty, DocumentEncrypted, DocumentDangerous, DocumentDamaged.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        raise DocumentEmpty("The file has zero bytes.")
    if b"%PDF-" in head[:1024]:
        return PDF
    if head.startswith(_OLE_MAGIC):
        return _detect_in_ole(path)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return _detect_in_zip(path, limits)
    for offset, signature, sentence in _SIGNATURES:
        if head[offset : offset + len(signature)] == signature:
            raise UnsupportedFormat(sentence)
    return _detect_text(head, hint)


def _detect_in_ole(path: Path) -> str:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find("EncryptedPackage".encode("utf-16-le")) >= 0:
            raise DocumentEncrypted("It is an Office document with a password.")
        for stream, name in _OLE_STREAMS:
            if content.find(stream.encode("utf-16-le")) >= 0:
                raise UnsupportedFormat(_OFFICE.format(name))
        if content.find(_OLE_WORKBOOK) >= 0:
            return XLS
    raise UnsupportedFormat(_OFFICE.format("an old Office file"))


def _detect_in_zip(path: Path, limits: ParsingLimits) -> str:
    with open_archive(path, limits) as archive:
        names = archive.namelist()
        if "word/document.xml" in names or (
            "[Content_Types].xml" in names and any(name.startswith("word/") for name in names)
        ):
            return DOCX
        for prefix, name in _ZIP_MEMBERS:
            if any(member.startswith(prefix) for member in names):
                raise UnsupportedFormat(_OFFICE.format(name))
        for prefix, media_type in _ZIP_FORMATS:
            if "[Content_Types].xml" in names and any(member.startswith(prefix) for member in names):
                return media_type
        if "mimetype" in names:
            _refuse_by_mimetype(archive)
        nested = [name for name in names if name.lower().endswith(_NESTED)]
        if nested:
            raise DocumentDangerous(f"It is an archive with {len(nested)} further archives inside of it.")
    raise UnsupportedFormat(_ARCHIVE.format("ZIP"))


def _refuse_by_mimetype(archive: zipfile.ZipFile) -> None:
    with archive.open("mimetype") as stream:
        mimetype = stream.read(200)
    for prefix, name in _ZIP_MIMETYPES:
        if mimetype.startswith(prefix):
            raise UnsupportedFormat(_OFFICE.format(name))


def _detect_text(head: bytes, hint: str | None) -> str:
    # A cut through a character at the end of the sample is not an error of the file.
    sample = decode(_whole_characters(head)).text
    controls = len(_CONTROL.findall(sample))
    if controls > max(2, len(sample) // 200) or (not has_mark(head) and "\0" in sample):
        raise UnsupportedFormat("It is not text and no format that is known here.")
    if len(set(_MAIL_HEADER.findall(sample[:4096]))) >= 4:
        raise UnsupportedFormat("It is an e-mail message. Save it as PDF or text and upload that.")
    if (
        _HTML_START.match(sample)
        or (hint == HTML and _HTML_TAG.search(sample))
        or len(_HTML_TAG.findall(sample)) > 5
    ):
        return MARKDOWN if hint == MARKDOWN else HTML
    if hint == CSV:
        return CSV
    if hint == MARKDOWN or (hint != PLAIN_TEXT and len(_MARKDOWN_SIGNS.findall(sample)) >= 3):
        return MARKDOWN
    return PLAIN_TEXT


def _whole_characters(head: bytes) -> bytes:
    if len(head) < _HEAD_BYTES:
        return head
    cut = max(head.rfind(b"\n"), head.rfind(b" "))
    return head[: cut + 1] if cut > _HEAD_BYTES // 2 and not has_mark(head) else head
