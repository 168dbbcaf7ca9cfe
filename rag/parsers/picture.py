"""A photograph or scan (PNG, JPEG, TIFF, WebP) as a document of one page a frame, read by text recognition.

Pillow tells its size before it unpacks anything, so that a small file of a huge picture is refused for what it says.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from rag.documents import Page, ParsedDocument
from rag.errors import DocumentDamaged, DocumentEmpty, DocumentTooLarge, UnsupportedFormat
from rag.limits import ParsingLimits
from rag.notes import Note
from rag.parsers.page_writer import PageWriter
from rag.parsers.pdf_layout import Words
from rag.parsers.recognised import lines_of, paragraphs_of
from rag.parsers.recognition_notes import RecognitionNotes
from rag.recognition import GreyImage, Recogniser, RecognitionFailed

MEDIA_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "TIFF": "image/tiff", "WEBP": "image/webp"}
_MAX_PIXELS = 80_000_000  # an A3 sheet at 600 dpi has 70 million
_READ_PIXELS = 25_000_000
_SMALL_SIDE = 1_500  # what is smaller is enlarged: letters below 20 pixels are hard to recognise
_USUAL_DPI = 200
_PLAUSIBLE_DPI = range(70, 1201)


def _no_progress(_done: int, _total: int) -> None:
    return None


class PictureParser:
    """Needs a recogniser; without one every picture is refused with the remedy."""

    def __init__(
        self,
        limits: ParsingLimits,
        progress: Callable[[int, int], None] = _no_progress,
        recogniser: Recogniser | None = None,
    ) -> None:
        self._limits = limits
        self._progress = progress
        self._recogniser = recogniser

    def parse(self, path: Path) -> ParsedDocument:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about sizes, which are checked here
            try:
                with Image.open(path, formats=tuple(MEDIA_TYPES)) as image:
                    return self._read(image)
            except Image.DecompressionBombError as error:
                raise DocumentTooLarge(Note("pixels_over", most=_MAX_PIXELS)) from error
            except UnidentifiedImageError as error:
                raise DocumentDamaged from error
            except (OSError, ValueError, SyntaxError, EOFError) as error:
                # What Pillow raises for broken pictures: an OSError for a cut one, a SyntaxError for broken PNG chunks.
                raise DocumentDamaged(Note("picture_broken", cause=type(error).__name__)) from error

    def _read(self, image: Image.Image) -> ParsedDocument:
        kind = str(image.format)
        _demand_size(image)
        if self._recogniser is None:
            raise UnsupportedFormat(Note("picture_unread", kind=kind))
        # Only TIFF holds pages; the other frames of an animation show the same again.
        frames = int(getattr(image, "n_frames", 1)) if kind == "TIFF" else 1
        if frames > self._limits.max_pages:
            raise DocumentTooLarge(Note("too_many_pages", count=frames, most=self._limits.max_pages))
        notes = RecognitionNotes(self._recogniser)
        writer = PageWriter(self._limits)
        pages = []
        for number in range(1, frames + 1):
            if number > 1:
                image.seek(number - 1)
                _demand_size(image)
            pages.append(_page(image, number, notes, writer))
            self._progress(number, frames)
        if not any(page.text for page in pages):
            raise DocumentEmpty(notes.why_empty(frames))
        title = next((p.text[b.start : b.end] for p in pages for b in p.blocks if b.kind == "heading"), "")
        return ParsedDocument(MEDIA_TYPES[kind], tuple(pages), title, notes.sentences())


def _demand_size(image: Image.Image) -> None:
    if image.width * image.height > _MAX_PIXELS:
        raise DocumentTooLarge(
            Note("picture_too_large", width=image.width, height=image.height, most=_MAX_PIXELS)
        )


def _page(image: Image.Image, number: int, notes: RecognitionNotes, writer: PageWriter) -> Page:
    if notes.may_read(number):
        grey = _grey(image)
        try:
            read = lines_of(notes.read(number, grey), grey)
        except RecognitionFailed:
            read = []
        words = Words.of([[line for paragraph in read for line in paragraph]])
        for paragraph in paragraphs_of(read, words):
            writer.add_pieces(paragraph.kind, paragraph.pieces, paragraph.level)
    return writer.finish(number)


def _grey(image: Image.Image) -> GreyImage:
    """As it is shown: turned as its camera says, on white where it is transparent; of a size that is well read."""
    image.draft("L", None)  # a JPEG is unpacked without its colours
    shown = ImageOps.exif_transpose(image)
    if "A" in shown.getbands() or "transparency" in shown.info:
        solid = shown.convert("RGBA")
        shown = Image.new("RGBA", solid.size, "white")
        shown.alpha_composite(solid)
    if shown.mode.startswith("I;16"):
        shown = shown.point(lambda value: value * (1 / 256))
    grey = shown.convert("L")
    scale = min(
        2.0 if max(grey.size) < _SMALL_SIDE else 1.0, (_READ_PIXELS / (grey.width * grey.height)) ** 0.5
    )
    if scale != 1.0:
        size = (max(round(grey.width * scale), 1), max(round(grey.height * scale), 1))
        grey = grey.resize(size, Image.Resampling.LANCZOS)
    return GreyImage(grey.width, grey.height, grey.tobytes(), round(_dpi(image) * scale))


def _dpi(image: Image.Image) -> int:
    """As the file says, where that can be true."""
    told = image.info.get("dpi")
    try:
        dpi = round(float(told[0])) if told else 0
    except (TypeError, ValueError, IndexError, OverflowError):
        dpi = 0
    return dpi if dpi in _PLAUSIBLE_DPI else _USUAL_DPI
