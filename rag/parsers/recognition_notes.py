"""Keeps to the limits of text recognition while a document is read, and says afterwards what became of its scans."""

from __future__ import annotations

from collections.abc import Sequence

from rag.recognition import GreyImage, RecognisedPage, Recogniser, RecognitionFailed

_SHOWN = 20
WITHOUT_RECOGNITION = (
    "Text recognition is not installed here; an administrator can install it "
    "(apt-get install tesseract-ocr tesseract-ocr-spa), then read the file again."
)


def page_note(one: str, many: str, numbers: Sequence[int]) -> tuple[str, ...]:
    """A sentence about these pages, or none."""
    if not numbers:
        return ()
    shown = ", ".join(str(number) for number in numbers[:_SHOWN]) + (" …" if len(numbers) > _SHOWN else "")
    return (f"Page {shown} {one}." if len(numbers) == 1 else f"Pages {shown} {many}.",)


class RecognitionNotes:
    """Of one document."""

    def __init__(self, recogniser: Recogniser | None) -> None:
        self._recogniser = recogniser
        self._unread: list[int] = []
        self._blank: list[int] = []
        self._beyond: list[int] = []
        self._without_words: list[int] = []
        self._failed: dict[str, list[int]] = {}
        self._confidences: dict[int, float] = {}
        self._words_left_out = 0

    @property
    def dpi(self) -> int:
        """Wanted of pictures; only where `may_read` has agreed."""
        return self._recogniser.dpi if self._recogniser else 0

    def skip_blank(self, number: int) -> None:
        """Note a page on which nothing is drawn."""
        self._blank.append(number)

    def may_read(self, number: int) -> bool:
        """Whether this page, which is a scan, can be recognised; notes it where not."""
        if self._recogniser is None:
            self._unread.append(number)
        elif len(self._confidences) + sum(map(len, self._failed.values())) >= self._recogniser.max_pages:
            self._beyond.append(number)
        else:
            return True
        return False

    def read(self, number: int, image: GreyImage) -> RecognisedPage:
        """Recognise a page and note how it went. Raises RecognitionFailed, noted as well."""
        if self._recogniser is None:
            raise RecognitionFailed
        try:
            page = self._recogniser.read(image)
        except RecognitionFailed as failure:
            self._failed.setdefault(str(failure), []).append(number)
            raise
        self._words_left_out += page.words_left_out
        if page.paragraphs:
            self._confidences[number] = page.confidence
        else:
            self._without_words.append(number)
        return page

    def why_empty(self, pages: int) -> str:
        """For the refusal of a document without any text."""
        if self._unread:
            return f"None of its {pages} pages has text of its own; they are pictures. {WITHOUT_RECOGNITION}"
        if self._failed:
            return f"None of its {pages} pages could be recognised: {next(iter(self._failed))}."
        return (
            f"None of its {pages} pages has text; they are blank, or pictures without words that can be read."
        )

    def sentences(self) -> tuple[str, ...]:
        """For the document's notes."""
        found = list(
            page_note("has no text of its own (a scan?)", "have no text of their own (scans?)", self._unread)
        )
        found += page_note("is blank", "are blank", self._blank)
        if self._unread:
            found.append(WITHOUT_RECOGNITION)
        if self._confidences:
            found += self._told_confidence()
        for reason, numbers in self._failed.items():
            found += page_note(f"was not recognised: {reason}", f"were not recognised: {reason}", numbers)
        found += page_note(
            "is a scan beyond the number of pages that are recognised",
            "are scans beyond the number of pages that are recognised",
            self._beyond,
        )
        found += page_note(
            "is a picture in which no text was recognised",
            "are pictures in which no text was recognised",
            self._without_words,
        )
        return tuple(found)

    def _told_confidence(self) -> list[str]:
        numbers = list(self._confidences)
        mean = sum(self._confidences.values()) / len(numbers)
        how = f"by text recognition (mean confidence {mean:.0f} of 100)"
        told = list(page_note(f"was read {how}", f"were read {how}", numbers))
        worst = [number for number, confidence in self._confidences.items() if confidence < mean - 15]
        told += page_note("was hard to recognise", "were hard to recognise", worst)
        if self._words_left_out:
            told.append(f"{self._words_left_out} words were too unclear to recognise and were left out.")
        warning = self._recogniser.warning if self._recogniser else ""
        return [*told, warning] if warning else told
