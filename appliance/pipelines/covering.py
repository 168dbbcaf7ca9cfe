"""What an answer from whole documents says of itself: how much was read, what was left out, and why. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.domain.people import Language
from appliance.pipelines.reading import NOT_READ, NOT_READ_YET
from appliance.pipelines.sections import Section, page_ranges
from appliance.pipelines.summary_texts import summary_text
from rag.coverage import Coverage

TOO_LONG = "too_long"
PART_FAILED = "part_failed"


def told(coverages: Sequence[Coverage], language: Language, most_parts: int) -> str:
    """The sentences at the end of the answer."""
    sentences = [sentence for one in coverages for sentence in _of_one(one, language, most_parts)]
    return " ".join(sentences)


def label(section: Section, language: Language) -> str:
    """Where a section stands: "handbook.pdf, pages 3–5"."""
    name = section.passages[0].filename
    pages = _pages(page_ranges(section.pages), language)
    return f"{name}, {pages}" if pages else name


def is_partial(coverages: Sequence[Coverage]) -> bool:
    """Whether something readable was not read."""
    return any(reason != "no_text" for one in coverages for _, reason in one.left_out)


def _of_one(coverage: Coverage, language: Language, most_parts: int) -> list[str]:
    name = coverage.filename
    for code in (NOT_READ, NOT_READ_YET):
        if ("", code) in coverage.left_out:
            return [summary_text(language, code, name=name)]
    if not is_partial([coverage]):
        pages = summary_text(language, "all_pages", pages=coverage.pages) if coverage.pages > 1 else ""
        sentences = [summary_text(language, "read_all", name=name, pages=pages)]
    else:
        pages = (
            summary_text(language, "of_pages", read=coverage.pages_read, pages=coverage.pages)
            if coverage.pages > 1
            else ""
        )
        share = min(99, int(coverage.share * 100))  # what is not all is not 100 %
        sentences = [summary_text(language, "read_share", name=name, share=share, pages=pages)]
    for missing, reason in coverage.left_out:
        where = _pages(missing, language) or summary_text(language, "rest")
        sentences.append(summary_text(language, reason, pages=where, most=most_parts))
    return sentences


def _pages(ranges: str, language: Language) -> str:
    if not ranges:
        return ""
    return summary_text(language, "page" if ranges.isdecimal() else "pages", pages=ranges)
