"""Pages a second of reading a PDF, beside what the PDF library takes for its bare text.

    python -m scripts.bench_pdf handbook.pdf [--rounds 7] [--recognise]

Both are run in turns in this process and the fastest of each counts, by processor time, since other work on the machine
only ever slows one down. --recognise: the same file through the sandbox as well, by the clock, scans included.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import time
from collections.abc import Callable
from pathlib import Path

import pypdfium2

from rag.limits import ParsingLimits
from rag.parsers import PARSERS
from rag.parsers.pdf import PdfParser
from rag.sandbox.client import ParsingSandbox
from rag.settings import ParsingSettings


def bare_text(path: Path) -> int:
    """The pages of a file; reads all of its text."""
    document = pypdfium2.PdfDocument(path)
    for page in document:
        text = page.get_textpage()
        text.get_text_range()
        text.close()
        page.close()
    pages = len(document)
    document.close()
    return pages


def extraction(path: Path) -> int:
    """The pages of a file; with boxes of lines, paragraphs, headings and tables."""
    return len(PdfParser(ParsingLimits()).parse(path).pages)


def fastest_s(work: Callable[[], object]) -> float:
    """Processor seconds of one run."""
    started_s = time.process_time()
    work()
    return time.process_time() - started_s


async def through_the_sandbox(path: Path) -> tuple[int, float]:
    """(pages, seconds by the clock) in a confined child, after a first file has started it."""
    sandbox = ParsingSandbox(ParsingSettings(), PARSERS)
    try:
        await sandbox.start()
        started_s = time.monotonic()
        document = await sandbox.parse(path)
        return len(document.pages), time.monotonic() - started_s
    finally:
        await sandbox.close()


def main() -> None:
    """Print one line a way of reading."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("file", type=Path)
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--recognise", action="store_true")
    options = arguments.parse_args()
    path: Path = options.file
    if options.recognise:
        pages, seconds = asyncio.run(through_the_sandbox(path))
        print(f"in the sandbox    {pages / seconds:8.2f} pages/s  ({pages} pages in {seconds:.2f} s)")
        return
    pages = bare_text(path)
    bare_s, whole_s = [], []
    for _ in range(options.rounds):
        bare_s.append(fastest_s(lambda: bare_text(path)))
        whole_s.append(fastest_s(lambda: extraction(path)))
    print(f"pypdfium2 alone   {pages / min(bare_s):8.0f} pages/s")
    print(f"extraction        {pages / min(whole_s):8.0f} pages/s  ({min(bare_s) / min(whole_s):.0%})")
    print(f"largest memory    {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:8.0f} MiB")


if __name__ == "__main__":
    main()
