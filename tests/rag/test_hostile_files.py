"""Files that are built to harm whoever opens them end in seconds with a reason, and the sandbox reads on."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from rag.documents import ParsedDocument
from rag.errors import (
    DocumentDamaged,
    DocumentDangerous,
    DocumentEmpty,
    DocumentRefused,
    DocumentTooLarge,
    ParsingTimedOut,
)
from rag.parsers import PARSERS
from rag.sandbox.client import ParsingSandbox
from rag.settings import ParsingSettings
from tests.documents import SENTENCE, docx_with, pdf, zipped
from tests.quines import quine_zip

SECRET = "the-secret-of-this-machine"
RELATIONSHIPS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


@pytest.fixture
async def sandbox() -> AsyncIterator[ParsingSandbox]:
    """The product's parsers with its own limits, but for less time and memory."""
    made = ParsingSandbox(ParsingSettings(timeout_s=60, cpu_s=8, memory_bytes=512 * 2**20), PARSERS)
    yield made
    await made.close()


async def _refused(sandbox: ParsingSandbox, path: Path) -> DocumentRefused:
    """Its reason; afterwards a good document is read by the same sandbox."""
    with pytest.raises(DocumentRefused) as caught:
        await sandbox.parse(path)
    await _reads_on(sandbox, path)
    return caught.value


async def _reads_on(sandbox: ParsingSandbox, path: Path) -> None:
    document = await sandbox.parse(pdf(path.with_name("good.pdf"), [[SENTENCE]]))
    assert SENTENCE in document.pages[0].text


def _text(document: ParsedDocument) -> str:
    return "\n".join(page.text for page in document.pages)


def _pdf_of(path: Path, objects: Mapping[int, bytes]) -> Path:
    """Object 1 is the catalogue."""
    content, places = bytearray(b"%PDF-1.7\n"), {}
    for number, body in objects.items():
        places[number] = len(content)
        content += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(content)
    last = max(objects) + 1
    content += b"xref\n0 %d\n0000000000 65535 f \n" % last
    for number in range(1, last):
        content += b"%010d 00000 n \n" % places.get(number, 0)
    content += b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (last, table)
    path.write_bytes(content)
    return path


def _stream(content: bytes, extra: bytes = b"") -> bytes:
    return b"<</Length %d%s>>\nstream\n%s\nendstream" % (len(content), extra, content)


def _one_page(content: bytes, page: bytes = b"", more: Mapping[int, bytes] | None = None) -> dict[int, bytes]:
    return {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 600]/Contents 4 0 R"
        b"/Resources<</Font<</F 5 0 R>>>>" + page + b">>",
        4: content,
        5: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        **(more or {}),
    }


WORDS = b"BT /F 12 Tf 40 500 Td (Words of the page) Tj ET"


async def test_a_tree_of_pages_that_holds_itself_ends(sandbox: ParsingSandbox, tmp_path: Path) -> None:
    """Neither pages without end nor a stack that runs over."""
    tree = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Kids[2 0 R 3 0 R 2 0 R]/Count 3>>",
        3: b"<</Type/Pages/Parent 2 0 R/Kids[2 0 R 3 0 R]/Count 2>>",
    }
    assert isinstance(await _refused(sandbox, _pdf_of(tmp_path / "a.pdf", tree)), DocumentDamaged)


async def test_a_count_of_two_billion_pages_is_believed_by_nobody(
    sandbox: ParsingSandbox, tmp_path: Path
) -> None:
    """The pages that are there are read."""
    objects = _one_page(_stream(WORDS))
    objects[2] = b"<</Type/Pages/Kids[3 0 R]/Count 2000000000>>"
    document = await sandbox.parse(_pdf_of(tmp_path / "a.pdf", objects))
    assert [page.text for page in document.pages] == ["Words of the page"]


async def test_a_stream_that_unpacks_to_a_gigabyte_ends_within_its_memory(
    sandbox: ParsingSandbox, tmp_path: Path
) -> None:
    """Packed twice, a megabyte of it is a kilobyte."""
    packer = zlib.compressobj(1)
    once = b"".join([*(packer.compress(bytes(2**20)) for _ in range(1024)), packer.flush()])
    bomb = zlib.compress(once, 9)
    assert len(bomb) < 100_000
    stream = _stream(bomb, b"/Filter[/FlateDecode/FlateDecode]")
    refusal = await _refused(sandbox, _pdf_of(tmp_path / "a.pdf", _one_page(stream)))
    assert isinstance(refusal, DocumentTooLarge)
    assert "512 MiB of memory" in str(refusal)


async def test_ten_thousand_nested_lists_do_not_overrun_the_stack(
    sandbox: ParsingSandbox, tmp_path: Path
) -> None:
    """A crash would be a reason as well, but pdfium stops before."""
    objects = _one_page(_stream(WORDS), more={6: b"[" * 10_000 + b"]" * 10_000})
    objects[1] = b"<</Type/Catalog/Pages 2 0 R/Names 6 0 R>>"
    document = await sandbox.parse(_pdf_of(tmp_path / "a.pdf", objects))
    assert "Words of the page" in _text(document)


async def test_scripts_of_a_pdf_are_not_run_and_its_words_are_read(
    sandbox: ParsingSandbox, tmp_path: Path
) -> None:
    """At opening, on the page and in a form."""
    script = b"<</S/JavaScript/JS(this.getField\\('f'\\).value='run'; app.alert\\('run'\\);)>>"
    field = (
        b"<</Type/Annot/Subtype/Widget/FT/Tx/T(f)/V(not run)/Rect[0 0 90 20]/P 3 0 R/AA<</C 6 0 R/F 6 0 R>>>>"
    )
    objects = _one_page(_stream(WORDS), b"/Annots[7 0 R]/AA<</O 6 0 R>>", {6: script, 7: field})
    objects[1] = (
        b"<</Type/Catalog/Pages 2 0 R/OpenAction 6 0 R/AcroForm<</Fields[7 0 R]/CO[7 0 R]>>"
        b"/Names<</JavaScript<</Names[(a) 6 0 R]>>>>>>"
    )
    document = await sandbox.parse(_pdf_of(tmp_path / "a.pdf", objects))
    assert "Words of the page" in _text(document)
    assert "f: not run" in _text(document)


async def test_a_page_of_a_mile_is_drawn_small_or_not_at_all(sandbox: ParsingSandbox, tmp_path: Path) -> None:
    """A scan of a sheet of any size takes bounded memory."""
    objects = _one_page(_stream(b"0 0 1000000 1000000 re f"))
    objects[3] = objects[3].replace(b"[0 0 400 600]", b"[0 0 1000000 1000000]")
    assert isinstance(await _refused(sandbox, _pdf_of(tmp_path / "a.pdf", objects)), DocumentEmpty)


async def test_a_picture_of_billions_of_pixels_inside_a_pdf_ends(
    sandbox: ParsingSandbox, tmp_path: Path
) -> None:
    """Its few bytes claim 60,000 × 60,000 points of colour."""
    image = _stream(
        zlib.compress(bytes(2**16), 9),
        b"/Type/XObject/Subtype/Image/Width 60000/Height 60000/ColorSpace/DeviceRGB/BitsPerComponent 8"
        b"/Filter/FlateDecode",
    )
    objects = _one_page(_stream(b"400 0 0 600 0 0 cm /I Do"), more={6: image})
    objects[3] = objects[3].replace(b"/Font<</F 5 0 R>>", b"/XObject<</I 6 0 R>>")
    assert isinstance(await _refused(sandbox, _pdf_of(tmp_path / "a.pdf", objects)), DocumentEmpty)


@pytest.mark.parametrize("size", [20_000, 2**31 - 1])
async def test_a_png_bomb_is_refused_unopened(size: int, sandbox: ParsingSandbox, tmp_path: Path) -> None:
    """By the size in its header."""
    header = struct.pack("!IIBBBBB", size, size, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(10**6), 9)), (b"IEND", b""))
    packed = [struct.pack("!I", len(b)) + k + b + struct.pack("!I", zlib.crc32(k + b)) for k, b in chunks]
    (tmp_path / "bomb").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))
    refusal = await _refused(sandbox, tmp_path / "bomb")
    assert isinstance(refusal, DocumentTooLarge | DocumentDamaged)


@pytest.mark.parametrize("part", ["word/document.xml", "word/footnotes.xml"])
async def test_entities_of_a_docx_reach_no_file(part: str, sandbox: ParsingSandbox, tmp_path: Path) -> None:
    """XXE: a document type is refused, whatever it names."""
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    evil = (
        f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file://{secret}">]>'
        '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        "<w:body><w:p><w:r><w:t>&e;</w:t></w:r></w:p></w:body></w:document>"
    )
    refusal = await _refused(sandbox, docx_with(tmp_path / "a.docx", {part: evil.encode()}))
    assert isinstance(refusal, DocumentDangerous)
    assert SECRET not in str(refusal)


async def test_a_relationship_to_elsewhere_is_not_followed(sandbox: ParsingSandbox, tmp_path: Path) -> None:
    """Neither a template on a file share nor a picture from this machine."""
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    targets = [f"file://{secret}", "http://127.0.0.1:9/template.dotx", "\\\\server\\share\\x"]
    rows = "".join(
        f'<Relationship Id="e{n}" Type="{RELATIONSHIPS}/attachedTemplate" Target="{t}" TargetMode="External"/>'
        for n, t in enumerate(targets)
    )
    settings = (
        '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f"{rows}</Relationships>"
    )
    path = docx_with(tmp_path / "a.docx", {"word/_rels/settings.xml.rels": settings.encode()})
    document = await sandbox.parse(path)
    assert SENTENCE in _text(document)
    assert SECRET not in _text(document)


async def test_a_sheet_of_a_million_rows_ends_with_a_reason(sandbox: ParsingSandbox, tmp_path: Path) -> None:
    """A few kilobytes that unpack to more rows than are kept."""
    row = b'<row><c t="inlineStr"><is><t>x</t></is></c></row>'
    sheet = (
        b'<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        b"<sheetData>" + row * 1_000_000 + b"</sheetData></worksheet>"
    )
    main = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    package = "http://schemas.openxmlformats.org/package/2006"
    members = {
        "[Content_Types].xml": (
            f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{main}.sheet.main+xml"/>'
            f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{main}.worksheet+xml"/></Types>'
        ).encode(),
        "_rels/.rels": (
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="r" Type="{RELATIONSHIPS}'
            '/officeDocument" Target="xl/workbook.xml"/></Relationships>'
        ).encode(),
        "xl/workbook.xml": (
            '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
            f'xmlns:r="{RELATIONSHIPS}"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>'
        ).encode(),
        "xl/_rels/workbook.xml.rels": (
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
            f'Type="{RELATIONSHIPS}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
        ).encode(),
        "xl/worksheets/sheet1.xml": sheet,
    }
    refusal = await _refused(sandbox, zipped(tmp_path / "a.xlsx", members))
    assert isinstance(refusal, DocumentTooLarge | DocumentDangerous | ParsingTimedOut)


async def test_a_zip_bomb_is_refused_by_its_directory(sandbox: ParsingSandbox, tmp_path: Path) -> None:
    """300 MB of zeros in 300 kB."""
    path = tmp_path / "bomb.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("zeros.txt", "w") as member,
    ):
        for _ in range(300):
            member.write(bytes(2**20))
    assert isinstance(await _refused(sandbox, path), DocumentDangerous)


@pytest.mark.parametrize(
    ("member", "name"),
    [("r/r.zip", "r.zip"), ("word/document.xml", "r.docx"), ("[Content_Types].xml", "r.docx")],
)
async def test_an_archive_that_holds_itself_ends(
    member: str, name: str, sandbox: ParsingSandbox, tmp_path: Path
) -> None:
    """A quine: what is unpacked is the archive again, to the byte, whatever the two are called."""
    quine = quine_zip(member)
    with zipfile.ZipFile(io.BytesIO(quine)) as archive:
        assert archive.testzip() is None
        assert archive.read(member) == quine
    (tmp_path / name).write_bytes(quine)
    refusal = await _refused(sandbox, tmp_path / name)
    assert isinstance(refusal, DocumentDangerous | DocumentDamaged)


async def test_archives_in_archives_deeper_than_the_limit_are_refused(
    sandbox: ParsingSandbox, tmp_path: Path
) -> None:
    """Each a little smaller than the one around it."""
    content = b"the heart of it"
    for _ in range(12):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("r/r.zip", content)
        content = buffer.getvalue()
    (tmp_path / "r.zip").write_bytes(content)
    assert isinstance(await _refused(sandbox, tmp_path / "r.zip"), DocumentDangerous)
