"""Mails are read whatever their sender's program did to them; attachments come as files of their own."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path

import pytest

from rag.documents import ParsedDocument
from rag.errors import DocumentDangerous, DocumentEmpty, DocumentEncrypted, DocumentTooLarge
from rag.limits import ParsingLimits
from rag.parsers.eml import EmlParser
from rag.parsers.msg import MsgParser
from tests.ole_documents import message, msg, ole
from tests.open_documents import eml

LIMITS = ParsingLimits()
HEAD = (
    b"From: a@example.com\r\nTo: b@example.com\r\nSubject: Scales\r\nDate: Mon, 2 Mar 2026 09:00:00 +0100\r\n"
)


def _read(path: Path, content: bytes, limits: ParsingLimits = LIMITS) -> ParsedDocument:
    path.write_bytes(content)
    return EmlParser(limits).parse(path)


def _blocks(document: ParsedDocument) -> list[tuple[str, str]]:
    (page,) = document.pages
    return [(block.kind, page.text[block.start : block.end]) for block in page.blocks]


def test_a_mail_is_its_subject_its_headers_and_its_words(tmp_path: Path) -> None:
    """In this order; the attachments are named in the text and come as children."""
    path = eml(
        tmp_path / "x",
        text="Hello Luis,\n\nsee the offer.",
        attachments={"offer.pdf": b"%PDF", "a/b.txt": b"x"},
    )
    document = EmlParser(LIMITS).parse(path)
    assert document.title == "Scales"
    assert _blocks(document) == [
        ("heading", "Scales"),
        (
            "paragraph",
            "From: Ana Núñez <ana@example.com>\nTo: luis@example.com\nDate: Mon, 02 Mar 2026 09:00:00 +0100",
        ),
        ("paragraph", "Hello Luis,"),
        ("paragraph", "see the offer."),
        ("paragraph", "Attachments: offer.pdf, a/b.txt"),
    ]
    assert [(child.name, child.content) for child in document.children] == [
        ("offer.pdf", b"%PDF"),
        ("a/b.txt", b"x"),
    ]


def test_the_page_of_a_mail_is_read_rather_than_its_plain_copy(tmp_path: Path) -> None:
    """HTML keeps lists and tables; scripts and hidden text are no part of it."""
    html = (
        "<p>Rates:</p><ul><li>10 kg</li></ul><table><tr><td>a</td><td>b</td></tr></table><script>x</script>"
    )
    document = EmlParser(LIMITS).parse(eml(tmp_path / "x", text="Rates: 10 kg a b", html=html))
    assert _blocks(document)[2:] == [("paragraph", "Rates:"), ("list_item", "10 kg"), ("table", "a | b")]


def test_a_mail_whose_page_is_empty_is_read_from_its_plain_copy(tmp_path: Path) -> None:
    """Some programs send an empty page along."""
    document = EmlParser(LIMITS).parse(eml(tmp_path / "x", text="The words.", html="<img src='cid:1'>"))
    assert _blocks(document)[-1] == ("paragraph", "The words.")


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        (b"Subject: =?utf-8?q?Ma=C3=B1ana?= =?utf-8?b?IGEgbGFz?= 9", "Mañana a las 9"),
        (b"Subject: =?iso-8859-1?Q?caf=E9_con_le?=\r\n =?iso-8859-1?Q?che?=", "café con leche"),
        (b"Subject: =?utf-8?B?w6?= =?utf-8?B?bG8=?=", None),
        ("Subject: niño".encode(), "niño"),
        (
            "Subject: niño pequeño, mañana por la mañana".encode("cp1252"),
            "niño pequeño, mañana por la mañana",
        ),
        (b"Subject: =?x-unknown?Q?plain?=", "plain"),
        (b"Subject: =?utf-8?b?!!!?=", None),
    ],
)
def test_headers_are_decoded_however_they_are_written(
    header: bytes, shown: str | None, tmp_path: Path
) -> None:
    """Encoded words, raw bytes, unknown encodings; what is broken beyond repair only must not stop the reading."""
    document = _read(tmp_path / "x", header + b"\r\nFrom: a\r\nTo: b\r\nDate: c\r\n\r\nhi")
    assert shown is None or document.title == shown
    assert _blocks(document)[-1] == ("paragraph", "hi")


@pytest.mark.parametrize(
    ("declared", "content"),
    [
        ("iso-8859-1", "El año “nuevo”".encode("cp1252")),
        ("us-ascii", "El año “nuevo”".encode()),
        ("x-nonsense", "El año “nuevo”".encode("cp1252")),
        ("utf-8", "El año “nuevo”".encode("cp1252")),
        ("utf-7", "El año “nuevo”".encode("utf-7")),
    ],
)
def test_a_body_is_read_whatever_encoding_it_claims(declared: str, content: bytes, tmp_path: Path) -> None:
    """The claim is believed where it fits the bytes."""
    document = _read(
        tmp_path / "x", HEAD + f"Content-Type: text/plain; charset={declared}\r\n\r\n".encode() + content
    )
    assert _blocks(document)[-1] == ("paragraph", "El año “nuevo”")


def test_japanese_mail_in_seven_bits_is_read(tmp_path: Path) -> None:
    """ISO-2022-JP is valid ASCII to look at."""
    content = (
        HEAD + b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n" + "秤の校正".encode("iso2022_jp")
    )
    assert _blocks(_read(tmp_path / "x", content))[-1] == ("paragraph", "秤の校正")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16"])
def test_a_mail_that_was_saved_as_utf16_is_converted_and_noted(encoding: str, tmp_path: Path) -> None:
    """Editors do that; the parts are found all the same."""
    whole = eml(tmp_path / "y", text="Año", html="<p>Año</p>", attachments={"a.txt": b"x"}).read_bytes()
    document = _read(tmp_path / "x", whole.decode().encode(encoding))
    assert _blocks(document)[2] == ("paragraph", "Año")
    assert [child.content for child in document.children] == [b"x"]
    assert "UTF-16" in document.notes[0]


def test_a_forwarded_mail_is_a_child_that_reads_as_a_mail(tmp_path: Path) -> None:
    """With its own attachments in it; nothing of it is mixed into the outer one."""
    inner = message_from_bytes(eml(tmp_path / "y", subject="Inner", text="inside").read_bytes())
    outer = EmailMessage()
    outer["Subject"], outer["From"] = "Outer", "a@example.com"
    outer.set_content("outside")
    outer.make_mixed()
    part = EmailMessage()
    part["Content-Type"] = "message/rfc822"
    part.set_payload([inner])
    outer.attach(part)
    document = _read(tmp_path / "x", outer.as_bytes())
    (child,) = document.children
    assert child.name == "Inner.eml"
    assert "inside" not in document.pages[0].text
    assert _blocks(_read(tmp_path / "z", child.content))[-1] == ("paragraph", "inside")


def test_ornaments_and_signatures_are_no_attachments(tmp_path: Path) -> None:
    """A logo in the signature is left out and told; a screenshot is kept."""
    parts = [
        b"--b\r\nContent-Type: text/plain\r\n\r\nhi",
        b"--b\r\nContent-Type: image/png\r\nContent-ID: <1>\r\n\r\nlogo",
        b"--b\r\nContent-Type: image/png\r\nContent-ID: <2>\r\n\r\n" + b"x" * 20_000,
        b"--b\r\nContent-Type: application/pgp-signature\r\n\r\nsigned\r\n--b--",
    ]
    document = _read(
        tmp_path / "x", HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"\r\n".join(parts)
    )
    assert [(child.name, len(child.content)) for child in document.children] == [("attachment.png", 20_000)]
    assert document.notes == ("1 small pictures within the text were left out.",)


@pytest.mark.parametrize(
    "kind",
    ["application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", "multipart/encrypted; boundary=b"],
)
def test_an_encrypted_mail_needs_its_password(kind: str, tmp_path: Path) -> None:
    """It is no damaged and no empty one."""
    with pytest.raises(DocumentEncrypted):
        _read(tmp_path / "x", HEAD + f"Content-Type: {kind}\r\n\r\n--b\r\n\r\nx\r\n--b--".encode())


def test_hostile_mails_end_with_a_reason(tmp_path: Path) -> None:
    """Parts within parts without end, more attachments than are kept, nothing at all."""
    nested = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(300)
    )
    with pytest.raises(DocumentDangerous):
        _read(tmp_path / "x", HEAD + nested)
    many = b"--b\r\nContent-Type: x/y; name=a\r\n\r\nhi\r\n" * 11
    mixed = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + many
    with pytest.raises(DocumentTooLarge, match="more than 10 attachments"):
        _read(tmp_path / "x", mixed, ParsingLimits(max_children=10))
    with pytest.raises(DocumentTooLarge, match="more than 15 bytes"):
        _read(tmp_path / "x", mixed, ParsingLimits(max_children_bytes=15))
    with pytest.raises(DocumentEmpty):
        _read(tmp_path / "x", b"X-Nothing: a\r\n\r\n")


def test_an_outlook_message_reads_like_a_mail(tmp_path: Path) -> None:
    """Sender, receivers and the moment stand where a mail has them; attachments come as children."""
    path = msg(
        tmp_path / "x",
        subject="Scales",
        body="Año\r\n\r\nnuevo",
        attachments={"a.txt": b"1", "b.bin": b"2" * 5000},
    )
    document = MsgParser(LIMITS).parse(path)
    assert _blocks(document) == [
        ("heading", "Scales"),
        (
            "paragraph",
            "From: Ana <ana@example.com>\nTo: Luis <luis@example.com>\nDate: Mon, 02 Mar 2026 00:00:00 +0000",
        ),
        ("paragraph", "Año"),
        ("paragraph", "nuevo"),
        ("paragraph", "Attachments: a.txt, b.bin"),
    ]
    assert [(child.name, len(child.content)) for child in document.children] == [
        ("a.txt", 1),
        ("b.bin", 5000),
    ]


def test_a_message_within_a_message_becomes_a_mail_of_its_own(tmp_path: Path) -> None:
    """Outlook keeps it in a form of its own; as a child it is an .eml file that the other parser reads."""
    path = msg(tmp_path / "x", subject="Outer", body="out", forwarded=message("Ínner", "in"))
    (child,) = MsgParser(LIMITS).parse(path).children
    assert child.name == "Ínner.eml"
    inner = _read(tmp_path / "y", child.content)
    assert inner.title == "Ínner"
    assert "From: Ana <ana@example.com>\nTo: Luis <luis@example.com>" in inner.pages[0].text
    assert _blocks(inner)[-1] == ("paragraph", "in")


def test_a_message_of_compressed_rich_text_alone_says_so(tmp_path: Path) -> None:
    """Its headers are read; the note tells how to get at the words."""
    streams = dict(message("Scales", ""))
    document = MsgParser(LIMITS).parse(ole(tmp_path / "x", {**streams, "__substg1.0_10090102": b"LZFu"}))
    assert document.title == "Scales"
    assert "Save it as EML" in document.notes[0]
