"""How well scans are read, on pages that are made here: what `parsing.ocr_dpi` and `ocr_min_confidence` are chosen on.

    python scripts/eval_recognition.py [--dpi 150 200 …] [--segmentation 1 3 …] [--confidence 0 20 …] [--every N]
                                       [--processes N] [--show DIR]

Text of the sample collection, in English and Spanish, is set in serif and sans serif type and spoiled as scanners and
copiers do: 100 to 300 dots an inch, put in askew, turned, noisy, faint, compressed, in two columns, small. Each picture
becomes the page of a PDF, is drawn as the product draws it, and goes through tesseract with the product's arguments.
Half of the pages choose (`fit`), the other half, with other text and other type, judges. F1 is of words with their
accents; order is the share of the right words that come in the right order.
"""

from __future__ import annotations

import argparse
import io
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import product
from pathlib import Path
from statistics import mean

import pypdfium2 as pdfium
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

from rag.parsers.pdf_scans import picture_of
from rag.recognition import GreyImage, RecognisedPage, read_tsv
from rag.sandbox.tesseract import ORIENTATION, Tesseract, find_program, installed_languages

SAMPLES = Path(__file__).parent / "sample_collection"
INCHES = (8.27, 11.69)
TYPES = (("DejaVuSerif.ttf", "LiberationSerif-Regular.ttf"), ("DejaVuSans.ttf", "LiberationSans-Regular.ttf"))
WORDS_A_PAGE = 230


@dataclass(frozen=True)
class Kind:
    """How a page was scanned. dots: an inch. askew: degrees. points: of the type."""

    name: str
    dots: int
    askew: float = 0.0
    turned: int = 0
    noise: float = 0.0
    faint: float = 1.0
    blur: float = 0.0
    quality: int = 0
    columns: int = 1
    points: int = 11


KINDS = (
    Kind("300 dpi", 300),
    Kind("200 dpi", 200),
    Kind("150 dpi", 150),
    Kind("100 dpi", 100),
    Kind("small type, 200 dpi", 200, points=8),
    Kind("small type, 150 dpi", 150, points=8),
    Kind("askew by 2°, 200 dpi", 200, askew=2.0),
    Kind("askew by 4°, 150 dpi", 150, askew=-4.0),
    Kind("noisy, 200 dpi", 200, noise=0.03),
    Kind("noisy, 150 dpi", 150, noise=0.02),
    Kind("faint, 200 dpi", 200, faint=0.35),
    Kind("blurred, 200 dpi", 200, blur=1.2),
    Kind("compressed, 150 dpi", 150, quality=18),
    Kind("two columns, 300 dpi", 300, columns=2, points=10),
    Kind("two columns, 150 dpi", 150, columns=2, points=10),
    Kind("turned by 90°, 200 dpi", 200, turned=90),
    Kind("turned by 180°, 150 dpi", 150, turned=180),
)


@dataclass(frozen=True)
class Page:
    """A made scan: a PDF of one picture, and the words on it in reading order."""

    kind: Kind
    language: str
    is_judge: bool
    pdf: bytes
    words: tuple[str, ...]


def texts() -> dict[str, list[str]]:
    """Sentences of the sample collection by language, tables left out."""
    found: dict[str, list[str]] = {"en": [], "es": []}
    for path in sorted(SAMPLES.glob("*.md")):
        _, head, body = path.read_text(encoding="utf-8").split("---", 2)
        language = "es" if "language: es" in head else "en"
        lines = [line for line in body.splitlines() if line and not line.startswith(("|", "#", "---"))]
        found[language] += [re.sub(r"[*_`]|^[-\d.]+ ", "", line) for line in lines]
    return found


def pages() -> Iterator[Page]:
    """Every kind in both languages; fit and judge have other text and other type."""
    sentences = texts()
    for number, kind in enumerate(KINDS):
        for language, its in sentences.items():
            for is_judge in (False, True):
                chance = random.Random(f"{kind.name}{language}{is_judge}")
                own = its[is_judge::2]
                start = chance.randrange(len(own))
                words = " ".join(own[start:] + own[:start]).split()[:WORDS_A_PAGE]
                face = TYPES[number % 2 if not is_judge else 1 - number % 2][is_judge]
                yield Page(kind, language, is_judge, scanned(kind, words, face, chance), tuple(words))


def scanned(kind: Kind, words: Sequence[str], face: str, chance: random.Random) -> bytes:
    """The page as a PDF."""
    picture = printed(kind, words, face)
    if kind.blur:
        picture = picture.filter(ImageFilter.GaussianBlur(kind.blur))
    if kind.askew:
        picture = picture.rotate(kind.askew, Image.Resampling.BICUBIC, fillcolor=255)
    if kind.faint < 1:
        picture = ImageEnhance.Contrast(picture).enhance(kind.faint)
    if kind.noise:
        spots = Image.frombytes("L", picture.size, chance.randbytes(picture.width * picture.height))
        mask = spots.point([255 if value < 256 * kind.noise else 0 for value in range(256)])
        grain = Image.frombytes("L", picture.size, chance.randbytes(picture.width * picture.height))
        picture = Image.composite(grain, picture, mask)
    picture = picture.rotate(kind.turned, expand=True)
    if kind.quality:
        packed = io.BytesIO()
        picture.save(packed, "JPEG", quality=kind.quality)
        picture = Image.open(packed)
    file = io.BytesIO()
    picture.save(file, "PDF", resolution=kind.dots)
    return file.getvalue()


def printed(kind: Kind, words: Sequence[str], face: str) -> Image.Image:
    """The words set in lines, in one column or two of the same length."""
    width, height = (round(inches * kind.dots) for inches in INCHES)
    page = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(page)
    font = ImageFont.truetype(face, round(kind.points * kind.dots / 72))
    margin, gap = kind.dots * 0.9, kind.dots * 0.35
    room = (width - 2 * margin - gap * (kind.columns - 1)) / kind.columns
    lines = list(_lines(words, room, lambda text: draw.textlength(text, font)))
    each = -(-len(lines) // kind.columns)
    for number, line in enumerate(lines):
        column, row = divmod(number, each)
        left, top = margin + column * (room + gap), margin + row * kind.points * 1.4 * kind.dots / 72
        draw.text((left, top), line, 0, font)
    return page


def _lines(words: Sequence[str], room: float, length: Callable[[str], float]) -> Iterator[str]:
    line = ""
    for word in words:
        longer = f"{line} {word}".strip()
        if line and length(longer) > room:
            yield line
            line = word
        else:
            line = longer
    yield line


# Reading ----------------------------------------------------------------------------------------------


Way = tuple[int, str]
"""Dots an inch, and tesseract's page segmentation mode."""


def tsv_of(job: tuple[Page, Tesseract, str]) -> tuple[str, int, int]:
    """What tesseract writes of a page, drawn at the dpi of the settings; and the picture's size."""
    page, settings, segmentation = job
    image = picture_of(pdfium.PdfDocument(page.pdf)[0], settings.dpi)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "page.pgm").write_bytes(image.as_pgm())
        environment = {"OMP_THREAD_LIMIT": "1", "LC_ALL": "C"}
        command = settings.command(image.dpi)
        command[command.index("--psm") + 1] = segmentation
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
        return (Path(folder) / "page.tsv").read_text(), image.width, image.height


def judged(read: RecognisedPage, words: Sequence[str]) -> tuple[float, float]:
    """F1 of the words, and the share of the right ones that stand in order."""
    said = [word for paragraph in read.paragraphs for line in paragraph for word in line.text.split()]
    right = sum((Counter(said) & Counter(words)).values())
    f1 = 2 * right / (len(said) + len(words)) if said else 0.0
    runs = SequenceMatcher(None, said, list(words), autojunk=False).get_matching_blocks()
    return f1, sum(run.size for run in runs) / right if right else 0.0


def table(
    made: Sequence[Page], results: dict[Way, list[tuple[str, int, int]]], confidences: Sequence[float]
) -> None:
    """By way of reading and confidence on both halves, then by kind."""
    figures: dict[tuple[Way, float], list[tuple[float, float]]] = {}
    for way, written in results.items():
        for least in confidences:
            figures[way, least] = [
                judged(_read(one, way[0], least), page.words) for page, one in zip(made, written, strict=True)
            ]
    print(
        "| drawn at | segmentation | least confidence | fit: F1 | worst page | order | judge: F1 | worst page | order |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for ((dpi, segmentation), least), values in figures.items():
        cells = []
        for half in (False, True):
            rows = [value for value, page in zip(values, made, strict=True) if page.is_judge is half]
            cells += [mean(f for f, _ in rows), min(f for f, _ in rows), mean(order for _, order in rows)]
        print(f"| {dpi} | {segmentation} | {least:g} | {' | '.join(f'{cell:.3f}' for cell in cells)} |")
    least = confidences[len(confidences) // 2]
    print(f"\n| F1, confidence {least:g} | {' | '.join(f'{dpi} dpi, {mode}' for dpi, mode in results)} |")
    print("| --- |" + " --- |" * len(results))
    for kind in KINDS:
        if not any(page.kind is kind for page in made):
            continue
        cells = [
            mean(f for (f, _), page in zip(figures[way, least], made, strict=True) if page.kind is kind)
            for way in results
        ]
        print(f"| {kind.name} | {' | '.join(f'{cell:.3f}' for cell in cells)} |")


def _read(written: tuple[str, int, int], dpi: int, least: float) -> RecognisedPage:
    tsv, width, height = written
    return read_tsv(tsv, GreyImage(width, height, b"", dpi), least)


def main() -> int:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dpi", type=int, nargs="+", default=[150, 200, 250, 300])
    parser.add_argument(
        "--segmentation", nargs="+", help="modes as tesseract numbers them; else the product's"
    )
    parser.add_argument("--confidence", type=float, nargs="+", default=[0, 10, 20, 30, 40, 60])
    parser.add_argument("--every", type=int, default=1, help="read only every so manieth of the made pages")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--show", type=Path, help="where to put the made PDFs, to be looked at")
    arguments = parser.parse_args()
    program = find_program("tesseract")
    if program is None:
        print("tesseract is not installed.", file=sys.stderr)
        return 1
    known = installed_languages(program)
    made = list(pages())[:: arguments.every]
    for number, page in enumerate(made if arguments.show else ()):
        arguments.show.mkdir(parents=True, exist_ok=True)
        (arguments.show / f"{number:02}-{page.language}.pdf").write_bytes(page.pdf)
    results: dict[Way, list[tuple[str, int, int]]] = {}
    modes = arguments.segmentation or ["1" if ORIENTATION in known else "3"]
    with ProcessPoolExecutor(arguments.processes) as pool:
        for way in product(arguments.dpi, modes):
            wanted = tuple(language for language in ("eng", "spa") if language in known)
            settings = Tesseract(program, wanted, (), ORIENTATION in known, way[0], 0, 600, 0, 1, 2**30)
            results[way] = list(pool.map(tsv_of, [(page, settings, way[1]) for page in made]))
            table(made, {way: results[way]}, arguments.confidence)
    print("\nAll together:")
    table(made, results, arguments.confidence)
    return 0


if __name__ == "__main__":
    sys.exit(main())
