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
from rag.media_types import (
    CSV,
    DOC,
    DOCX,
    EML,
    EPUB,
    HTML,
    MARKDOWN,
    MSG,
    ODS,
    ODT,
    PDF,
    PLAIN_TEXT,
    PPT,
    PPTX,
    RTF,
    SOURCE,
    XLS,
    XLSX,
    ZIP,
    detect,
    from_filename,
)
from tests.documents import docx, pdf, zipped
from tests.ole_documents import Storage, ole

LIMITS = ParsingLimits()


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
    assert detect(ole(tmp_path / "c", {"Workbook": b"x"}), LIMITS) == XLS


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
        (b"GIF89a" + bytes(50), "picture (GIF)"),
        (gzip.compress(b"x", mtime=0), "Unpack it"),
        (b"\x7fELF" + bytes(50), "program"),
        (bytes(range(256)) * 10, "not text"),
    ],
)
def test_a_format_that_is_not_read_is_named_with_its_remedy(
    content: bytes, words: str, tmp_path: Path
) -> None:
    """The sentence says what the file is."""
    with pytest.raises(UnsupportedFormat, match=words.replace("(", r"\(").replace(")", r"\)")):
        detect(_at(tmp_path / "x", content), LIMITS)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"mimetype": b"application/vnd.oasis.opendocument.text"}, ODT),
        ({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet-template"}, ODS),
        ({"mimetype": b"application/epub+zip\n"}, EPUB),
        ({"letter.txt": b"hi"}, ZIP),
        ({"mimetype": b"something else", "letter.txt": b"hi"}, ZIP),
        ({"word/letter.txt": b"a folder that is called so"}, ZIP),
        ({"inner.zip": b"PK", "b.7z": b""}, ZIP),
    ],
)
def test_containers_are_told_apart_by_their_members(
    members: dict[str, bytes], expected: str, tmp_path: Path
) -> None:
    """What is no packed document is an archive."""
    assert detect(zipped(tmp_path / "x", members), LIMITS) == expected


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"[Content_Types].xml": b"", "xl/workbook.bin": b""}, "XLSB"),
        ({"mimetype": b"application/vnd.oasis.opendocument.graphics"}, "drawing"),
    ],
)
def test_packed_documents_that_are_not_read_are_named(
    members: dict[str, bytes], words: str, tmp_path: Path
) -> None:
    """They are no archives to be unpacked."""
    with pytest.raises(UnsupportedFormat, match=words):
        detect(zipped(tmp_path / "x", members), LIMITS)


@pytest.mark.parametrize(
    ("streams", "expected"),
    [
        ({"WordDocument": b"x"}, DOC),
        ({"PowerPoint Document": b"x"}, PPT),
        ({"__properties_version1.0": b"x"}, MSG),
        ({"WORKBOOK": b"x"}, XLS),
        ({"WordDocument": b"x", "ObjectPool": {"_1": {"Workbook": b"x"}}}, DOC),
        ({"PowerPoint Document": b"x", "MBD": {"WordDocument": b"x"}}, PPT),
    ],
)
def test_old_office_files_are_told_by_what_lies_outermost(
    streams: Storage, expected: str, tmp_path: Path
) -> None:
    """A letter with a workbook in it is a letter."""
    assert detect(ole(tmp_path / "x", streams), LIMITS) == expected


@pytest.mark.parametrize(
    ("content", "hint", "expected"),
    [
        (b"{\\rtf1 hello}", from_filename("a.doc"), RTF),
        (b"From: a\r\nTo: b\r\nSubject: c\r\nDate: d\r\n\r\nhi", None, EML),
        (
            b"Received: from x\r\n by y\r\nFrom: a\r\nSubject: c\r\nMIME-Version: 1.0\r\n\r\n%PDF-1.4",
            None,
            EML,
        ),
        (b"From: the board\nSubject: holidays\n\nAll may go.", EML, EML),
        (b"From: the board\nSubject: holidays\n\nAll may go.", None, PLAIN_TEXT),
        (b"Minutes\n\nFrom: a\nTo: b\nSubject: c\nDate: d\n", None, PLAIN_TEXT),
        (b"<div>{{ name }}</div>\n", from_filename("page.vue"), SOURCE),
        (b"FROM python:3.11\n", from_filename("Dockerfile"), SOURCE),
        (b"#!/bin/sh\necho hi\n", None, SOURCE),
        (b"<?xml version='1.0'?><orders/>", None, SOURCE),
    ],
)
def test_mails_letters_and_code_are_told_from_plain_text(
    content: bytes, hint: str | None, expected: str, tmp_path: Path
) -> None:
    """A mail begins with its headers; code goes by its name; neither is taken for what is quoted in it."""
    assert detect(_at(tmp_path / "x", content), LIMITS, hint) == expected


def test_a_container_of_no_known_program_is_refused(tmp_path: Path) -> None:
    """An installer and a picture catalogue are such containers."""
    with pytest.raises(UnsupportedFormat, match="not known"):
        detect(ole(tmp_path / "x", {"Catalog": b"x"}), LIMITS)


def test_an_encrypted_member_is_named_as_a_password(tmp_path: Path) -> None:
    """The flag in the directory is enough."""
    path = zipped(tmp_path / "x", {"secret.txt": b"hi"})
    data = bytearray(path.read_bytes())
    entry = data.rfind(b"PK\x01\x02")
    struct.pack_into("<H", data, entry + 8, 1)
    with pytest.raises(DocumentEncrypted):
        detect(_at(path, bytes(data)), LIMITS)


@pytest.mark.parametrize("stream", ["EncryptedPackage", "EncryptedSummary"])
def test_an_office_file_with_a_password_is_named_so(stream: str, tmp_path: Path) -> None:
    """Encrypted DOCX and XLSX come in an OLE container."""
    with pytest.raises(DocumentEncrypted):
        detect(ole(tmp_path / "x", {stream: b"x", "PowerPoint Document": b"x"}), LIMITS)


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
