"""What a file really is, by its content; its name and the uploader's claim only decide between kinds of plain text.

A format that no parser reads is refused here by its own name, with the remedy.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path, PurePath

from rag import recording_types
from rag.archives import open_archive, read_member
from rag.decoding import decode, has_mark
from rag.errors import DocumentEmpty, DocumentEncrypted, UnsupportedFormat
from rag.limits import ParsingLimits
from rag.notes import Note

PLAIN_TEXT = "text/plain"
MARKDOWN = "text/markdown"
HTML = "text/html"
PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLS = "application/vnd.ms-excel"
CSV = "text/csv"
SOURCE = "text/x-source"
EML = "message/rfc822"
MSG = "application/vnd.ms-outlook"
ZIP = "application/zip"
EPUB = "application/epub+zip"
RTF = "application/rtf"
ODT = "application/vnd.oasis.opendocument.text"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
ODP = "application/vnd.oasis.opendocument.presentation"
DOC = "application/msword"
PPT = "application/vnd.ms-powerpoint"

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
    ".rst": PLAIN_TEXT,
    ".adoc": PLAIN_TEXT,
    ".ics": PLAIN_TEXT,
    ".vcf": PLAIN_TEXT,
    ".srt": PLAIN_TEXT,
    ".vtt": PLAIN_TEXT,
    ".eml": EML,
    ".msg": MSG,
    ".zip": ZIP,
    ".epub": EPUB,
    ".rtf": RTF,
    ".odt": ODT,
    ".ott": ODT,
    ".ods": ODS,
    ".odp": ODP,
    ".doc": DOC,
    ".dot": DOC,
    ".ppt": PPT,
    ".pps": PPT,
}
# fmt: off
# Languages of programs, of settings and of data that people read line by line.
_CODE_SUFFIXES = frozenset({
    "bash", "bat", "c", "cc", "cfg", "clj", "cmake", "cmd", "conf", "cpp", "cs", "css", "cxx", "dart",
    "erl", "ex", "exs", "f90", "fs", "go", "gradle", "graphql", "groovy", "h", "hh", "hpp", "hs", "ini",
    "ipynb", "java", "jl", "js", "json", "jsonl", "jsx", "kt", "kts", "less", "lisp", "lua", "m", "mjs",
    "ml", "mm", "nix", "patch", "php", "pl", "pm", "properties", "proto", "ps1", "psm1", "py", "pyi", "r",
    "rb", "rs", "sass", "scala", "scm", "scss", "sh", "sol", "sql", "svelte", "swift", "tcl", "tex", "tf",
    "toml", "ts", "tsx", "v", "vb", "vbs", "vhd", "vhdl", "vue", "xml", "xsd", "xsl", "yaml", "yml", "zig",
    "zsh", "diff",
})
# fmt: on
_CODE_NAMES = frozenset(
    {"dockerfile", "makefile", "jenkinsfile", "vagrantfile", "rakefile", "gemfile", "justfile"}
)
# Pictures that text recognition reads: offset, signature, media type.
_READABLE_PICTURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (8, b"WEBP", "image/webp"),
)
_PICTURE_SUFFIXES = {
    "image/png": (".png",),
    "image/jpeg": (".jpg", ".jpeg"),
    "image/tiff": (".tif", ".tiff"),
    "image/webp": (".webp",),
}
_SIGNATURES: tuple[tuple[int, bytes, Note], ...] = (
    (0, b"GIF87a", Note("kind_picture", kind="GIF")),
    (0, b"GIF89a", Note("kind_picture", kind="GIF")),
    (4, b"ftypheic", Note("kind_picture", kind="HEIC")),
    (4, b"ftypavif", Note("kind_picture", kind="AVIF")),
    (0, b"8BPS", Note("kind_picture", kind="Photoshop")),
    (0, b"\x1f\x8b", Note("kind_archive", kind="gzip")),
    (0, b"BZh", Note("kind_archive", kind="bzip2")),
    (0, b"\xfd7zXZ\0", Note("kind_archive", kind="xz")),
    (0, b"7z\xbc\xaf\x27\x1c", Note("kind_archive", kind="7-Zip")),
    (0, b"Rar!\x1a\x07", Note("kind_archive", kind="RAR")),
    (0, b"\x28\xb5\x2f\xfd", Note("kind_archive", kind="zstd")),
    (257, b"ustar", Note("kind_archive", kind="tar")),
    (0, b"\x7fELF", Note("kind_program", kind="Linux")),
    (0, b"MZ", Note("kind_program", kind="Windows")),
    (0, b"%!PS", Note("kind_postscript")),
    (0, b"SQLite format 3\0", Note("kind_sqlite")),
)
_OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_RTF_MAGIC = b"{\\rtf"
_ZIP_FORMATS: tuple[tuple[str, str], ...] = (("word/", DOCX), ("xl/", XLSX), ("ppt/", PPTX))
_ZIP_MEMBERS: tuple[tuple[str, Note], ...] = (
    ("xl/workbook.bin", Note("kind_xlsb")),
    ("visio/", Note("kind_visio")),
)
# A template and a master document read as what they are made for.
_ZIP_MIMETYPES: tuple[tuple[bytes, str], ...] = (
    (ODT.encode(), ODT),
    (ODS.encode(), ODS),
    (ODP.encode(), ODP),
    (EPUB.encode(), EPUB),
)
_HTML_START = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|title|meta|article|main|div|h[1-6]|table|p)\b",
    re.IGNORECASE | re.DOTALL,
)
_HTML_TAG = re.compile(r"</(?:p|div|h[1-6]|body|html|table|li|ul|section|article)\s*>", re.IGNORECASE)
_MAIL_HEADER = re.compile(
    r"^(Received|Return-Path|Delivered-To|From|To|Cc|Subject|Date|MIME-Version|Message-ID|Content-Type|Reply-To"
    r"|X-[\w-]+|DKIM-Signature|Sender|Content-Transfer-Encoding|In-Reply-To|References)[ \t]*:",
    re.M | re.I,
)
_HEADER_BLOCK = re.compile(r"\s*(?:>?From [^\n]*\n)?((?:[!-9;-~]+[ \t]*:[^\n]*\n(?:[ \t]+[^\n]*\n)*)+)")
_ENOUGH_HEADERS, _ENOUGH_BY_NAME = 4, 2
_MARKDOWN_SIGNS = re.compile(
    r"^(?:#{1,6} \S|\s{0,3}```|\s{0,3}[*+-] +\[[ xX]\] |\|.*\|\s*$)|\[[^\]\n]+\]\([^)\s]+\)|\*\*\S[^*\n]*\*\*",
    re.M,
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def from_filename(filename: str) -> str | None:
    """What a name promises: a hint for `detect`, never more."""
    path = PurePath(filename)
    suffix = path.suffix.lower()
    if suffix.removeprefix(".") in _CODE_SUFFIXES or path.name.lower() in _CODE_NAMES:
        return SOURCE
    return _BY_SUFFIX.get(suffix) or recording_types.from_suffix(suffix)


def suffixes(media_type: str) -> tuple[str, ...]:
    """How names of such files end, the usual way first."""
    if media_type == SOURCE:
        return tuple(f".{suffix}" for suffix in sorted(_CODE_SUFFIXES))
    named = tuple(suffix for suffix, kind in _BY_SUFFIX.items() if kind == media_type)
    return named or _PICTURE_SUFFIXES.get(media_type) or recording_types.suffixes(media_type)


def detect(path: Path, limits: ParsingLimits, hint: str | None = None) -> str:
    """The media type of a file that a parser may read.

    hint: the uploader's claim or `from_filename`; tells kinds of plain text apart, nothing else.
    Raises UnsupportedFormat, DocumentEmpty, DocumentEncrypted, DocumentDangerous, DocumentDamaged.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        raise DocumentEmpty(Note("file_empty"))
    if head.startswith(_OLE_MAGIC):
        return _detect_in_ole(path)
    if head.startswith(_ZIP_MAGIC):  # before the PDF that may lie in it uncompressed, within sight
        return _detect_in_zip(path, limits)
    if b"%PDF-" in head[:1024] and not _is_mail(head):
        return PDF
    if head.lstrip().startswith(_RTF_MAGIC):
        return RTF
    for offset, signature, media_type in _READABLE_PICTURES:
        if head[offset : offset + len(signature)] == signature:
            return media_type
    for offset, signature, sentence in _SIGNATURES:
        if head[offset : offset + len(signature)] == signature:
            raise UnsupportedFormat(sentence)
    if recording := recording_types.recognise(
        head
    ):  # heard, not parsed; whoever asks here has no transcriber
        raise UnsupportedFormat(Note("kind_recording", kind=recording.kind))
    return _detect_text(head, hint)


def _detect_in_ole(path: Path) -> str:
    from rag.ole import kind  # olefile is of no use to callers that only ask for media types

    match kind(path):
        case "message":
            return MSG
        case "document":
            return DOC
        case "presentation":
            return PPT
        case "workbook":
            return XLS
        case "encrypted":
            raise DocumentEncrypted(Note("password_office"))
    raise UnsupportedFormat(Note("kind_office_unknown"))


def _detect_in_zip(path: Path, limits: ParsingLimits) -> str:
    with open_archive(path, limits) as archive:
        return kind_of_archive(archive, limits)


def kind_of_archive(archive: zipfile.ZipFile, limits: ParsingLimits) -> str:
    """What a ZIP container is: a packed document, or ZIP for a folder. Raises UnsupportedFormat."""
    names = archive.namelist()
    if "mimetype" in names and (media_type := _by_mimetype(archive, limits)):
        return media_type
    if "[Content_Types].xml" not in names and "word/document.xml" not in names:
        return ZIP
    for prefix, sentence in _ZIP_MEMBERS:
        if any(member.startswith(prefix) for member in names):
            raise UnsupportedFormat(sentence)
    for prefix, media_type in _ZIP_FORMATS:
        if any(member.startswith(prefix) for member in names):
            return media_type
    return ZIP


def _by_mimetype(archive: zipfile.ZipFile, limits: ParsingLimits) -> str | None:
    """OpenDocument and EPUB say what they are in a member of that name."""
    mimetype = read_member(archive, "mimetype", limits.max_inflated_bytes)[:200].strip()
    for prefix, media_type in _ZIP_MIMETYPES:
        if mimetype.startswith(prefix):
            return media_type
    if mimetype.startswith(b"application/vnd.oasis.opendocument."):
        raise UnsupportedFormat(Note("kind_opendocument_other"))
    return None


def _detect_text(head: bytes, hint: str | None) -> str:
    # A cut through a character at the end of the sample is not an error of the file.
    sample = decode(_whole_characters(head)).text
    controls = len(_CONTROL.findall(sample))
    if controls > max(2, len(sample) // 200) or (not has_mark(head) and "\0" in sample):
        raise UnsupportedFormat(Note("format_unknown"))
    if hint == SOURCE:
        return SOURCE
    if _mail_headers(sample) >= (_ENOUGH_BY_NAME if hint == EML else _ENOUGH_HEADERS):
        return EML
    if (
        _HTML_START.match(sample)
        or (hint == HTML and _HTML_TAG.search(sample))
        or len(_HTML_TAG.findall(sample)) > 5
    ):
        return MARKDOWN if hint == MARKDOWN else HTML
    if hint == CSV:
        return CSV
    if sample.startswith(("#!/", "<?xml")):
        return SOURCE
    if hint == MARKDOWN or (hint != PLAIN_TEXT and len(_MARKDOWN_SIGNS.findall(sample)) >= 3):
        return MARKDOWN
    return PLAIN_TEXT


def _is_mail(head: bytes) -> bool:
    """A mail with a small PDF in it is no PDF, though the PDF's mark stands near its beginning."""
    return head.find(b"%PDF-") > 0 and _mail_headers(head.decode("latin-1")) >= _ENOUGH_HEADERS


def _mail_headers(sample: str) -> int:
    """How many kinds of mail headers stand at the very beginning."""
    block = _HEADER_BLOCK.match(sample.replace("\r\n", "\n") + "\n")
    return len({name.lower() for name in _MAIL_HEADER.findall(block[1])}) if block else 0


def _whole_characters(head: bytes) -> bytes:
    if len(head) < _HEAD_BYTES:
        return head
    cut = max(head.rfind(b"\n"), head.rfind(b" "))
    return head[: cut + 1] if cut > _HEAD_BYTES // 2 and not has_mark(head) else head
