"""Mails, archives, e-books, Rich Text and OpenDocument files made on the spot."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from html import escape
from pathlib import Path

from rag import media_types
from tests.documents import zipped
from tests.ole_documents import WordParagraph, doc, msg, ppt

_NAMESPACES = " ".join(
    f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{long}:1.0"'
    for short, long in (
        ("office", "office"), ("text", "text"), ("table", "table"), ("draw", "drawing"),
        ("presentation", "presentation"), ("style", "style"), ("manifest", "manifest"),
    )
) + ' xmlns:dc="http://purl.org/dc/elements/1.1/"'  # fmt: skip


def eml(
    path: Path,
    *,
    subject: str = "Scales",
    text: str = "",
    html: str = "",
    attachments: Mapping[str, bytes] | None = None,
) -> Path:
    """A mail from Ana to Luis of 2 March 2026."""
    message = EmailMessage()
    message["From"] = "Ana Núñez <ana@example.com>"
    message["To"] = "luis@example.com"
    message["Date"] = "Mon, 02 Mar 2026 09:00:00 +0100"
    message["Subject"] = subject
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    for name, content in (attachments or {}).items():
        message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    path.write_bytes(message.as_bytes())
    return path


def packed(members: Mapping[str, bytes]) -> bytes:
    """A ZIP archive of these members, as bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def rtf(path: Path, body: str) -> Path:
    r"""A Rich Text file; body as RTF. Style 1 is a heading."""
    head = r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 Arial Cyr;}"
    head += r"{\f2\fcharset128 MS Gothic;}}{\stylesheet{\s0 Normal;}{\s1\outlinelevel0 heading 1;}}"
    path.write_bytes((head + body + "}").encode("latin-1"))
    return path


def rtf_text(text: str) -> str:
    r"""As RTF writes characters: \uN with a question mark for old programs."""
    return "".join(character if character.isascii() else f"\\u{ord(character)}?" for character in text)


def open_document(path: Path, kind: str, body: str, extra: Mapping[str, bytes] | None = None) -> Path:
    """kind: text, spreadsheet or presentation; body: what stands within office:text and so on."""
    root = f"<office:document-content {_NAMESPACES}><office:body><office:{kind}>{body}</office:{kind}></office:body>"
    content = f'<?xml version="1.0" encoding="UTF-8"?>{root}</office:document-content>'
    mimetype = f"application/vnd.oasis.opendocument.{kind}".encode()
    return zipped(path, {"mimetype": mimetype, "content.xml": content.encode(), **(extra or {})})


def encrypted_manifest() -> bytes:
    """META-INF/manifest.xml of an OpenDocument file with a password."""
    entry = '<manifest:file-entry manifest:full-path="content.xml"><manifest:encryption-data/></manifest:file-entry>'
    return f"<manifest:manifest {_NAMESPACES}>{entry}</manifest:manifest>".encode()


def epub(path: Path, chapters: Sequence[str], extra: Mapping[str, bytes] | None = None) -> Path:
    """An e-book of these chapters; each as the inside of a body element."""
    items = "".join(
        f'<item id="c{n}" href="text/c{n}.xhtml" media-type="application/xhtml+xml"/>'
        for n in range(len(chapters))
    )
    order = "".join(f'<itemref idref="c{n}"/>' for n in range(len(chapters)))
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<dc:title>The book</dc:title></metadata><manifest>{items}</manifest><spine>{order}</spine></package>"
    )
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="OEBPS/content.opf"/></rootfiles></container>'
    )
    members = {
        "mimetype": b"application/epub+zip",
        "META-INF/container.xml": container.encode(),
        "OEBPS/content.opf": package.encode(),
    }
    for number, chapter in enumerate(chapters):
        markup = f'<!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"><body>{chapter}</body></html>'
        members[f"OEBPS/text/c{number}.xhtml"] = markup.encode()
    return zipped(path, {**members, **(extra or {})})


def sample(media_type: str, path: Path, sentence: str, spanish: str) -> bool:
    """A small document of one of the types made here, with both sentences; False for other types."""
    text, markup = f"{sentence} {spanish}", escape(f"{sentence} {spanish}")
    match media_type:
        case media_types.SOURCE:
            path.write_text(f"#!/bin/sh\n# {sentence}\n\ncat <<END\n    {spanish}\nEND\n", encoding="utf-8")
        case media_types.EML:
            eml(path, text=text)
        case media_types.MSG:
            msg(path, subject="Scales", body=text)
        case media_types.ZIP:
            zipped(path, {"folder/scales.txt": text.encode(), "other.md": b"# Other"})
        case media_types.EPUB:
            epub(path, [f"<h1>Scales</h1><p>{markup}</p>", "<p>Second</p>"])
        case media_types.RTF:
            rtf(path, rf"\pard\s1 Scales\par\pard {rtf_text(text)}\par")
        case media_types.ODT:
            body = f'<text:h text:outline-level="1">Scales</text:h><text:p>{markup}</text:p>'
            open_document(path, "text", body)
        case media_types.ODS:
            open_document(path, "spreadsheet", _sheet(sentence, spanish))
        case media_types.ODP:
            open_document(path, "presentation", slide("Scales", text))
        case media_types.DOC:
            doc(path, [WordParagraph("Scales", 1), WordParagraph(text)])
        case media_types.PPT:
            ppt(path, [("Scales", text, "")])
        case _:
            return False
    return True


def slide(title: str, text: str, notes: str = "") -> str:
    """A slide with a title, a box and speaker's notes."""
    frames = "".join(_frame(kind, words) for kind, words in (("title", title), ("outline", text)))
    spoken = f"<presentation:notes>{_frame('notes', notes)}</presentation:notes>"
    return f"<draw:page>{frames}{spoken}</draw:page>"


def _frame(kind: str, words: str) -> str:
    box = f"<draw:text-box><text:p>{escape(words)}</text:p></draw:text-box>"
    return f'<draw:frame presentation:class="{kind}">{box}</draw:frame>'


def sheet(name: str, rows: Sequence[Sequence[str | int]]) -> str:
    """A sheet of texts and numbers, with a million empty rows behind it, as programs write them."""
    written = []
    for row in rows:
        cells = (
            f'<table:table-cell office:value-type="{"string" if isinstance(value, str) else "float"}">'
            f"<text:p>{escape(str(value))}</text:p></table:table-cell>"
            for value in row
        )
        written.append(f"<table:table-row>{''.join(cells)}</table:table-row>")
    empty = '<table:table-cell table:number-columns-repeated="16384"/>'
    rest = f'<table:table-row table:number-rows-repeated="1048000">{empty}</table:table-row>'
    return f'<table:table table:name="{name}">{"".join(written)}{rest}</table:table>'


def _sheet(sentence: str, spanish: str) -> str:
    return sheet(
        "Sheet1", [["Scales"], ["Language", "Sentence"], ["en", sentence], ["es", spanish], ["n", 3]]
    )
