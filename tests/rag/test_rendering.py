"""A page as a picture: the right page, the passage marked where it stands, of a hostile file nothing but a reason."""

from __future__ import annotations

import io
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from rag.errors import DocumentDamaged, DocumentRefused, UnsupportedFormat
from rag.rendering import RENDERERS
from rag.rendering.order import PageOrder
from rag.rendering.pixels import MAX_PIXELS
from rag.sandbox.client import ParsingSandbox
from rag.settings import ParsingSettings
from tests.documents import pdf

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is built on Linux' system calls")

WHITE, MARKED = (255, 255, 255), (255, 226, 92)


@pytest.fixture
async def sandbox() -> AsyncIterator[ParsingSandbox]:
    """With the product's renderers."""
    made = ParsingSandbox(ParsingSettings(timeout_s=60, cpu_s=8, concurrent=1), RENDERERS)
    yield made
    await made.close()


def _opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGB")


async def test_a_page_is_drawn_with_its_passage_marked(sandbox: ParsingSandbox, tmp_path: Path) -> None:
    """Width as asked for, paper white, and the mark exactly where it was ordered, print still black in it."""
    path = pdf(tmp_path / "two.pdf", [["First page"], ["Second page", "The scale carries 600 kg."]])

    picture = _opened(await sandbox.render(path, PageOrder(2, 800, ((0.1, 0.08, 0.5, 0.12),))))

    assert picture.width == 800 and 1125 <= picture.height <= 1135  # A4
    assert picture.getpixel((40, 40)) == WHITE and picture.getpixel((700, 110)) == WHITE
    assert picture.getpixel((390, 95)) == MARKED
    inside = picture.crop((80, 91, 400, 130)).getcolors(65_536) or []
    assert any(max(colour) < 60 for _, colour in inside), "the print under the mark is gone"


async def test_marks_outside_of_the_page_are_left_out(sandbox: ParsingSandbox, tmp_path: Path) -> None:
    """Whatever a file says of its boxes, nothing is drawn past the picture's end."""
    path = pdf(tmp_path / "one.pdf", [["Page"]])
    wild = ((-3.0, -3.0, -1.0, -1.0), (0.9, 0.99, 7.0, 9.0), (0.5, 0.5, 0.2, 0.6), (2.0, 2.0, 3.0, 3.0))

    picture = _opened(await sandbox.render(path, PageOrder(1, 300, wild)))

    assert picture.getpixel((10, 10)) == WHITE
    assert picture.getpixel((298, picture.height - 4)) == MARKED


async def test_a_page_that_is_not_there_and_a_file_that_is_no_pdf_have_a_reason(
    sandbox: ParsingSandbox, tmp_path: Path
) -> None:
    """No picture, and the caller is told why."""
    path = pdf(tmp_path / "one.pdf", [["Page"]])
    with pytest.raises(DocumentDamaged, match="no page 2"):
        await sandbox.render(path, PageOrder(2, 300))
    path.write_text("just words", encoding="utf-8")
    with pytest.raises(UnsupportedFormat):
        await sandbox.render(path, PageOrder(1, 300))


async def test_a_gigantic_page_is_drawn_small(sandbox: ParsingSandbox, tmp_path: Path) -> None:
    """A page of a hundred thousand points' height costs no more pixels than any other."""
    path = pdf(tmp_path / "tall.pdf", [["Page"]])
    path.write_bytes(path.read_bytes().replace(b"841.8898", b"99999.99"))

    picture = _opened(await sandbox.render(path, PageOrder(1, 2000)))

    assert picture.width * picture.height <= MAX_PIXELS * 1.01


async def test_a_scan_is_drawn_upright_and_marked(sandbox: ParsingSandbox, tmp_path: Path) -> None:
    """A photograph that says it lies on its side, a page of a TIFF, a picture one can see through."""
    lying = Image.new("RGB", (600, 300), "white")
    exif = lying.getexif()
    exif[0x0112] = 6  # to be turned by a quarter
    lying.save(tmp_path / "scan.jpg", exif=exif)
    frames = [Image.new("RGB", (50, 80), colour) for colour in ("red", "white")]
    frames[0].save(tmp_path / "fax.tif", save_all=True, append_images=frames[1:])
    Image.new("RGBA", (40, 40), (0, 0, 0, 0)).save(tmp_path / "clear.png")

    scan = _opened(await sandbox.render(tmp_path / "scan.jpg", PageOrder(1, 200, ((0.0, 0.0, 1.0, 0.1),))))
    fax = _opened(await sandbox.render(tmp_path / "fax.tif", PageOrder(2, 100)))
    clear = _opened(await sandbox.render(tmp_path / "clear.png", PageOrder(1, 100)))

    assert scan.size == (200, 400) and scan.getpixel((100, 10)) == MARKED
    assert fax.size == (100, 160) and fax.getpixel((50, 80)) == WHITE
    assert clear.getpixel((50, 50)) == WHITE
    with pytest.raises(DocumentDamaged):
        await sandbox.render(tmp_path / "fax.tif", PageOrder(3, 100))


async def test_every_hostile_pdf_ends_with_a_picture_or_a_reason(
    sandbox: ParsingSandbox, test_data: Path
) -> None:
    """Within the limits, and the sandbox lives on."""
    for path in sorted((test_data / "docs" / "hostile").glob("*.pdf")):
        try:
            picture = _opened(await sandbox.render(path, PageOrder(1, 200)))
            assert picture.width * picture.height <= MAX_PIXELS
        except DocumentRefused as refusal:
            assert str(refusal), path.name
