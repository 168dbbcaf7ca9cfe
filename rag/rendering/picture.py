"""A picture (PNG, JPEG, TIFF, WebP) that was read by text recognition, as it is shown: turned upright, on white."""

from __future__ import annotations

import warnings
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from rag.errors import DocumentDamaged, DocumentTooLarge
from rag.limits import ParsingLimits
from rag.rendering.order import PageOrder
from rag.rendering.pixels import MAX_PIXELS, Picture

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP")
_MOST_UNPACKED = 80_000_000  # pixels: what is read at all


class PictureRenderer:
    """Renders in the child of one picture; only TIFF has more pages than one."""

    def __init__(self, limits: ParsingLimits) -> None:
        self._limits = limits

    def render(self, path: Path, order: PageOrder) -> bytes:
        """A PNG. Raises a DocumentRefused."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about sizes, which are checked here
            try:
                with Image.open(path, formats=FORMATS) as image:
                    picture = _drawn(image, order)
            except Image.DecompressionBombError as error:
                raise DocumentTooLarge from error
            except UnidentifiedImageError as error:
                raise DocumentDamaged from error
            except (OSError, ValueError, SyntaxError, EOFError) as error:
                raise DocumentDamaged(f"Its picture cannot be unpacked ({type(error).__name__}).") from error
        picture.mark(order.marks)
        return picture.as_png()


def _drawn(image: Image.Image, order: PageOrder) -> Picture:
    if order.number > 1:
        image.seek(order.number - 1)
    if image.width * image.height > _MOST_UNPACKED:
        raise DocumentTooLarge(f"It has more than {_MOST_UNPACKED} pixels.")
    longest = max(1, MAX_PIXELS // order.width_px)
    image.draft("RGB", (order.width_px, longest))  # a JPEG is unpacked no larger than it is shown
    upright = ImageOps.exif_transpose(image)
    scale = min(order.width_px / upright.width, longest / upright.height)
    size = max(1, round(upright.width * scale)), max(1, round(upright.height * scale))
    shown = upright.convert("RGBA").resize(
        size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
    )
    paper = Image.new("RGB", size, "white")
    paper.paste(shown, mask=shown.getchannel("A"))
    return Picture(*size, bytearray(paper.tobytes()))
