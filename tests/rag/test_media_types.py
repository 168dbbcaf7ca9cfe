"""Files are taken for what they are, whatever they are called, and refused by their own name."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pytest

from rag.errors import (
    DocumentDamaged,
    DocumentDangerous,
    DocumentEmpty,
    DocumentEncrypted,
    DocumentRefused,
    UnsupportedFormat,
)
from rag.limits import ParsingLimits
from rag.media_types import CSV, DOCX, HTML, MARKDOWN, PDF, PLAIN_TEXT, PPTX, XLS, XLSX, detect, from_filename
from tests.documents import docx, pdf, zipped

LIMITS = ParsingLimits()
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


def _at(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_wrong_extension_deceives_nobody(tmp_path: Path) -> None:
    """A DOCX that is called PDF is read as DOCX, and the other way round."""
    assert detect(docx(tmp_path / "a.pdf"), LIMITS, from_filename("a.pdf")) == DOCX
    assert detect(pdf(tmp_path / "b.docx", [["x"]]), LIMITS, from_filename("b.docx")) == PDF


def test_office_files_are_told_by_what_lies_inside(tmp_path: Path) -> None:
    """Workbooks and presentations need no telling name, whatever container they are in."""
    types = {"[Content_Types].xml": b"<Types/>"}
    assert detect(zipped(tmp_path / "a", {**types, "xl/workbook.xml": b"<w/>"}), LIMITS) == XLSX
    assert detect(zipped(tmp_path / "b", {**types, "ppt/presentation.xml": b"<p/>"}), LIMITS) == PPTX
    assert detect(_at(tmp_path / "c", OLE + "Workbook".encode("utf-16-le")), LIMITS) == XLS


@pytest.mark.parametrize(
    ("content", "hint", "expected"),
    [
        (b"plain words", None, PLAIN_TEXT),
        (b"# Title\n\n- [ ] task\n\n**bold** and [link](x)\n", None, MARKDOWN),
        (b"only words", MARKDOWN, MARKDOWN),
        (b"# not a heading\n# but comments\n# of a script", PLAIN_TEXT, PLAIN_TEXT),
        (b"<!DOCTYPE html><p>x", PLAIN_TEXT, HTML),
        (b'<?xml version="1.0"?>\n<!-- c -->\n<html><body/></html>', None, HTML),
        ("<p>hola</p>".encode("utf-16"), HTML, HTML),
        (b"a,b\n1,2\n", "text/csv", CSV),
    ],
)
def test_kinds_of_text_are_told_by_content_and_then_by_hint(
    content: bytes, hint: str | None, expected: str, tmp_path: Path
) -> None:
    """HTML shows itself; Markdown needs its signs or its name."""
    assert detect(_at(tmp_path / "x", content), LIMITS, hint) == expected


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "picture (PNG)"),
        (b"\xff\xd8\xff\xe0" + bytes(50), "text recognition"),
        (gzip.compress(b"x", mtime=0), "Unpack it"),
        (b"{\\rtf1 hello}", "RTF"),
        (b"\x7fELF" + bytes(50), "program"),
        (OLE + "WordDocument".encode("utf-16-le"), "DOC"),
        (OLE + ("Workbook" + "PowerPoint Document").encode("utf-16-le"), "PPT"),
        (OLE + "__substg1.0_".encode("utf-16-le"), "MSG"),
        (bytes(range(256)) * 10, "not text"),
        (b"From: a\r\nTo: b\r\nSubject: c\r\nDate: d\r\n\r\nhi", "e-mail"),
    ],
)
def test_a_format_that_is_not_read_is_named_with_its_remedy(
    content: bytes, words: str, tmp_path: Path
) -> None:
    """The sentence says what the file is."""
    with pytest.raises(UnsupportedFormat, match=words.replace("(", r"\(").replace(")", r"\)")):
        detect(_at(tmp_path / "x", content), LIMITS)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"[Content_Types].xml": b"", "xl/workbook.bin": b""}, "XLSB"),
        ({"mimetype": b"application/vnd.oasis.opendocument.text"}, "ODT"),
        ({"mimetype": b"application/epub+zip"}, "EPUB"),
        ({"letter.txt": b"hi"}, "ZIP"),
    ],
)
def test_containers_are_told_apart_by_their_members(
    members: dict[str, bytes], words: str, tmp_path: Path
) -> None:
    """Office formats that are not read yet are named."""
    with pytest.raises(UnsupportedFormat, match=words):
        detect(zipped(tmp_path / "x", members), LIMITS)


def test_archives_within_archives_are_dangerous(tmp_path: Path) -> None:
    """Nothing is unpacked to find that out."""
    with pytest.raises(DocumentDangerous, match="2 further archives"):
        detect(zipped(tmp_path / "x", {"a.zip": b"PK", "b.7z": b""}), LIMITS)


def test_an_encrypted_member_is_named_as_a_password(tmp_path: Path) -> None:
    """The flag in the directory is enough."""
    path = zipped(tmp_path / "x", {"secret.txt": b"hi"})
    data = bytearray(path.read_bytes())
    entry = data.rfind(b"PK\x01\x02")
    struct.pack_into("<H", data, entry + 8, 1)
    with pytest.raises(DocumentEncrypted):
        detect(_at(path, bytes(data)), LIMITS)


def test_an_office_file_with_a_password_is_named_so(tmp_path: Path) -> None:
    """Encrypted DOCX and XLSX come in an OLE container."""
    with pytest.raises(DocumentEncrypted):
        detect(_at(tmp_path / "x", OLE + "EncryptedPackage".encode("utf-16-le")), LIMITS)


def test_a_container_with_too_many_members_is_dangerous(tmp_path: Path) -> None:
    """Counting the directory costs nothing."""
    path = zipped(tmp_path / "x", {f"word/{n}.xml": b"" for n in range(30)})
    with pytest.raises(DocumentDangerous, match="30 files; 20 are allowed"):
        detect(path, ParsingLimits(max_members=20))


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"", DocumentEmpty), (b"PK\x03\x04 and then nothing", DocumentDamaged)],
)
def test_nothing_and_half_a_container_have_their_own_reasons(
    content: bytes, expected: type[DocumentRefused], tmp_path: Path
) -> None:
    """Zero bytes are empty, a broken directory is damage."""
    with pytest.raises(expected):
        detect(_at(tmp_path / "x", content), LIMITS)
