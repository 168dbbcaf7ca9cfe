"""Scans and photographs are read by tesseract, in a process that can do nothing else."""

from __future__ import annotations

import ast
import os
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from rag.documents import ParsedDocument
from rag.errors import DocumentEmpty, DocumentTooLarge, ParsingTimedOut, UnsupportedFormat
from rag.media_types import PDF, PLAIN_TEXT
from rag.recognition import GreyImage, RecognitionFailed, read_tsv
from rag.sandbox import tesseract
from rag.sandbox.client import ParsingSandbox
from rag.sandbox.confinement import probe
from rag.settings import ParsingSettings

ROWS = {
    PDF: "rag.parsers.pdf:PdfParser",
    **dict.fromkeys(
        ("image/png", "image/jpeg", "image/tiff", "image/webp"), "rag.parsers.picture:PictureParser"
    ),
}
LINES = (
    "Invoice 4711 of the harbour office",
    "The crane was repaired on Monday",
    "and tested for three hours.",
)
HEADER = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n"

needs_tesseract = pytest.mark.skipif(
    shutil.which("tesseract") is None,
    reason="tesseract is not installed (apt-get install tesseract-ocr tesseract-ocr-spa)",
)
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is built on Linux' system calls")


@pytest.fixture
async def sandbox() -> AsyncIterator[ParsingSandbox]:
    """With English alone, which every installation has."""
    made = ParsingSandbox(ParsingSettings(ocr_languages=["eng"]), ROWS)
    yield made
    await made.close()


def scan(lines: Sequence[str] = LINES, *, turned: int = 0) -> Image.Image:
    """A page of 1240 × 1754 pixels (A4 at 150 dpi), the first line at 12 % and 20 % of its sides."""
    page = Image.new("L", (1240, 1754), "white")
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(size=36)
    for number, line in enumerate(lines):
        draw.text((149, 351 + 60 * number), line, "black", font)
    return page.rotate(turned, expand=True)


def _text(document: ParsedDocument) -> str:
    return " ".join(" ".join(page.text for page in document.pages).split())


@needs_tesseract
async def test_a_scanned_page_is_read_and_its_lines_are_marked(
    sandbox: ParsingSandbox, tmp_path: Path
) -> None:
    """The owner is told that it was recognised and how surely; a quote can be drawn on the picture."""
    path = tmp_path / "scan.pdf"
    scan().save(path, "PDF", resolution=150)
    document = await sandbox.parse(path)
    assert _text(document) == " ".join(LINES)
    assert "Page 1 was read by text recognition (mean confidence" in document.notes[0]
    page = document.pages[0]
    first = page.anchors[0]
    assert page.text[first.start : first.end] == LINES[0]
    assert first.box is not None
    assert first.box[:2] == pytest.approx((0.12, 0.20), abs=0.01)


@needs_tesseract
@pytest.mark.parametrize(("kind", "frames"), [("PNG", 1), ("JPEG", 1), ("WEBP", 1), ("TIFF", 2)])
async def test_a_picture_is_a_document_of_a_page_a_frame(
    kind: str, frames: int, sandbox: ParsingSandbox, tmp_path: Path
) -> None:
    """Found out by content, whatever its name."""
    more = {"save_all": True, "append_images": [scan(["The second sheet of paper"])]} if frames > 1 else {}
    scan().save(tmp_path / "upload", kind, **more)
    document = await sandbox.parse(tmp_path / "upload")
    assert document.media_type == f"image/{kind.lower()}"
    assert [page.number for page in document.pages] == list(range(1, frames + 1))
    assert "The crane was repaired on Monday" in document.pages[0].text
    assert all(anchor.box for page in document.pages for anchor in page.anchors)


@needs_tesseract
async def test_a_page_that_lay_sideways_on_the_glass_is_read(sandbox: ParsingSandbox, tmp_path: Path) -> None:
    """Where the orientation data are installed; the marks stay on the picture as it is shown."""
    if "osd" not in tesseract.installed_languages(str(shutil.which("tesseract"))):
        pytest.skip("tesseract's orientation data are not installed (apt-get install tesseract-ocr-osd)")
    scan(LINES * 5, turned=90).save(tmp_path / "upload", "PNG")
    page = (await sandbox.parse(tmp_path / "upload")).pages[0]
    assert "The crane was repaired on Monday" in page.text
    left, top, right, bottom = page.anchors[0].box or (0, 0, 0, 0)
    assert bottom - top > 3 * (right - left)


@needs_tesseract
async def test_pages_beyond_the_limit_and_missing_languages_are_told(tmp_path: Path) -> None:
    """Nothing is left out in silence, neither for the owner nor for the operator."""
    settings = ParsingSettings(ocr_languages=["eng", "tlh"], ocr_max_pages=1)
    sandbox = ParsingSandbox(settings, ROWS)
    scan().save(tmp_path / "a.pdf", "PDF", save_all=True, append_images=[scan()])
    try:
        document = await sandbox.parse(tmp_path / "a.pdf")
        assert sandbox.state is not None
        assert any("tlh" in sentence for sentence in sandbox.state.weaknesses)
    finally:
        await sandbox.close()
    assert "Text recognition lacks languages: tlh." in document.notes
    assert "Page 2 is a scan beyond the number of pages that are recognised." in document.notes


@needs_tesseract
async def test_a_page_may_take_longer_than_its_document_has_processor_seconds(tmp_path: Path) -> None:
    """The reader's own limit can only be lowered; a longer one for recognition does not make every page fail."""
    settings = ParsingSettings(ocr_languages=["eng"], cpu_s=60, ocr_page_timeout_s=300, ocr_timeout_s=300)
    sandbox = ParsingSandbox(settings, ROWS)
    picture = tmp_path / "scan.png"
    scan().save(picture)

    try:
        document = await sandbox.parse(picture)
    finally:
        await sandbox.close()

    assert LINES[0] in _text(document)


@needs_tesseract
async def test_a_page_that_takes_too_long_is_given_up_and_said_to_be(tmp_path: Path) -> None:
    """The program is ended by the kernel's clock; the document is answered all the same."""
    sandbox = ParsingSandbox(ParsingSettings(ocr_languages=["eng"], ocr_page_timeout_s=0.01), ROWS)
    scan().save(tmp_path / "a.pdf", "PDF")
    try:
        with pytest.raises(DocumentEmpty, match=r"recognition of a page may take 0\.01 seconds"):
            await sandbox.parse(tmp_path / "a.pdf")
    finally:
        await sandbox.close()


async def test_without_a_recogniser_scans_and_pictures_say_what_is_missing(tmp_path: Path) -> None:
    """The remedy stands in the refusal, and the operator hears of it at the start."""
    sandbox = ParsingSandbox(ParsingSettings(ocr_program="no-such-program"), ROWS)
    scan().save(tmp_path / "a.pdf", "PDF")
    scan().save(tmp_path / "a.png", "PNG")
    try:
        with pytest.raises(DocumentEmpty, match="apt-get install tesseract-ocr"):
            await sandbox.parse(tmp_path / "a.pdf")
        with pytest.raises(UnsupportedFormat, match="apt-get install tesseract-ocr"):
            await sandbox.parse(tmp_path / "a.png")
        assert sandbox.state is not None
        assert any("no-such-program is not installed" in sentence for sentence in sandbox.state.weaknesses)
    finally:
        await sandbox.close()


async def test_an_image_bomb_is_refused_by_what_it_says_of_itself(
    sandbox: ParsingSandbox, tmp_path: Path
) -> None:
    """Nothing of its 2.5 billion pixels is unpacked."""
    Image.new("1", (20_000, 20_000)).save(tmp_path / "bomb.png", "PNG")
    with pytest.raises(DocumentTooLarge, match="pixels"):
        await sandbox.parse(tmp_path / "bomb.png")


def test_unsure_words_are_left_out_and_broken_rows_passed_over() -> None:
    """Lines come back in order, in shares of the picture; the rest is counted or ignored."""
    rows = [
        "5\t1\t1\t1\t1\t1\t10\t20\t30\t10\t90\tHello",
        "5\t1\t1\t1\t1\t2\t50\t20\t30\t10\t96\tworld",
        "5\t1\t1\t1\t2\t1\t10\t40\t30\t10\t12\t~%~",
        "5\t1\t1\t1\t2\t2\tx\t40\t30\t10\t99\tbroken",
        "5\t1\t1\t1\t2\t2\t1\t40\t30\t10\tnan\tbroken",
        "4\t1\t1\t1\t2\t2",
        "5\t1\t2\t1\t1\t1\t10\t90\t500\t10\t60\tBye",
    ]
    page = read_tsv(HEADER + "\n".join(rows), GreyImage(100, 100, b"", 200), 40)
    assert [[line.text for line in paragraph] for paragraph in page.paragraphs] == [["Hello world"], ["Bye"]]
    assert page.paragraphs[0][0].box == (0.1, 0.2, 0.8, 0.3)
    assert page.paragraphs[1][0].box == (0.1, 0.9, 1.0, 1.0)
    assert page.confidence == pytest.approx((5 * 90 + 5 * 96 + 3 * 60) / 13)
    assert page.words_left_out == 2


SPY = """
import os, pathlib, socket
def attempt(deed):
    try:
        deed()
        return "done"
    except OSError as error:
        return error.strerror
found = {
    "internet": attempt(lambda: socket.socket(socket.AF_INET)),
    "fork": attempt(os.fork),
    "other program": attempt(lambda: os.execv("/bin/true", ["true"])),
    "secrets": attempt(lambda: pathlib.Path("SECRET").read_bytes()),
    "signal": attempt(lambda: os.kill(os.getppid(), 15)),
    "group": attempt(os.setsid),
    "threads": os.environ["OMP_THREAD_LIMIT"],
}
pathlib.Path("page.tsv").write_text(repr(found))
"""


@dataclass(frozen=True)
class _Spy(tesseract.Tesseract):
    """Python in tesseract's place, telling what that place allows."""

    secret: str = ""

    def command(self, dpi: int) -> list[str]:
        return [self.program, "-I", "-c", SPY.replace("SECRET", self.secret)]


def test_the_recognition_program_can_reach_nothing_but_its_picture(tmp_path: Path) -> None:
    """A taken-over tesseract has neither network nor files nor company."""
    state = probe()
    if not (state.seccomp and state.landlock_abi):
        pytest.skip("seccomp, landlock_abi: this machine's kernel or container does not offer them")
    secret, scratch = tmp_path / "secret", tmp_path / "scratch"
    secret.write_text("password")
    scratch.mkdir()
    spy = _Spy(
        os.path.realpath(sys.executable), ("eng",), (), False, 200, 40, 20, 60, 9, 2**30, secret=str(secret)
    )
    recogniser = tesseract.start(spy, state, scratch, lambda: None)
    try:
        recogniser.read(GreyImage(1, 1, b"\0", 200))
    finally:
        recogniser.close()
    refused, denied = "Operation not permitted", "Permission denied"
    assert ast.literal_eval((scratch / "page.tsv").read_text()) == {
        "internet": refused,
        "fork": refused,
        "other program": denied,
        "secrets": denied,
        "signal": refused,
        "group": refused,
        "threads": "1",
    }


def test_a_program_that_cannot_be_started_is_a_reason_not_a_crash(tmp_path: Path) -> None:
    """The sealed child hears of it and goes on."""
    broken = tesseract.Tesseract("/no/such/program", ("eng",), (), False, 200, 40, 5, 60, 9, 2**30)
    recogniser = tesseract.start(broken, probe(), tmp_path, lambda: None)
    try:
        with pytest.raises(RecognitionFailed, match="failed"):
            recogniser.read(GreyImage(1, 1, b"\0", 200))
    finally:
        recogniser.close()


async def test_time_is_lent_for_recognition_but_not_without_end(tmp_path: Path) -> None:
    """Each page puts the end off by its own limit, all pages together by no more than theirs."""
    settings = ParsingSettings(timeout_s=2, ocr_page_timeout_s=60, ocr_timeout_s=60)
    generous = ParsingSandbox(settings, {PLAIN_TEXT: "tests.rag.hostile_parsers:Hostile"})
    strict = ParsingSandbox(
        settings.model_copy(update={"ocr_timeout_s": 0.3}), {PLAIN_TEXT: "tests.rag.hostile_parsers:Hostile"}
    )
    path = tmp_path / "document"
    try:
        path.write_text("borrow 3")
        assert (await generous.parse(path)).pages[0].text == "paid back"
        path.write_text("borrow 60")
        with pytest.raises(ParsingTimedOut):
            await strict.parse(path)
    finally:
        await generous.close()
        await strict.close()
