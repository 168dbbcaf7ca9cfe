"""Keeps to the limits of text recognition while a document is read, and says afterwards what became of its scans."""

from __future__ import annotations

from rag.notes import Note, about_pages
from rag.recognition import GreyImage, RecognisedPage, Recogniser, RecognitionFailed


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

    def why_empty(self, pages: int) -> Note:
        """For the refusal of a document without any text."""
        if self._unread:
            return Note("only_pictures", pages=pages)
        if self._failed:
            return Note("none_recognised", pages=pages, reason=next(iter(self._failed)))
        return Note("no_words", pages=pages)

    def sentences(self) -> tuple[str, ...]:
        """For the document's notes."""
        found: list[str] = [
            *about_pages("pages_without_text", self._unread),
            *about_pages("pages_blank", self._blank),
        ]
        if self._unread:
            found.append(Note("recognition_missing"))
        if self._confidences:
            found += self._told_confidence()
        for reason, numbers in self._failed.items():
            found += about_pages("pages_not_recognised", numbers, reason=reason)
        found += about_pages("pages_beyond", self._beyond)
        found += about_pages("pages_without_words", self._without_words)
        return tuple(found)

    def _told_confidence(self) -> list[str]:
        numbers = list(self._confidences)
        mean = sum(self._confidences.values()) / len(numbers)
        told: list[str] = [*about_pages("pages_recognised", numbers, confidence=f"{mean:.0f}")]
        worst = [number for number, confidence in self._confidences.items() if confidence < mean - 15]
        told += about_pages("pages_hard", worst)
        if self._words_left_out:
            told.append(Note("words_unclear", count=self._words_left_out))
        warning = self._recogniser.warning if self._recogniser else ""
        return [*told, warning] if warning else told
