"""What a question wants to the letter: codes, addresses, paths, versions, account numbers, and what stands in quotes.

Stems and stop words would tear these apart; here they stay whole. Each comes with a regular expression that Python and
PostgreSQL read alike, and with the whole-word terms under which its holders stand in the index. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rag.analysis import Analyzer
from rag.documents import Passage

MAX_STRINGS = 8
_MAX_CHARACTERS = 200
_QUOTED = re.compile(
    r"[\"“„]([^\"“”„\n]{2,200})[\"”“]|«\s?([^«»\n]{2,200}?)\s?»|(?<!\w)'([^'\n]{2,200})'(?!\w)"
)
# fmt: off
_EMAIL = r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"
_PATH = r"(?:[A-Za-z]:\\|\\\\|~?/|\.{1,2}/)[\w.@%+~-]+(?:[\\/][\w.@%+~-]+)*/?"
_IBAN = r"[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,3})?"
_VERSION = r"v?\d{1,5}(?:\.\d{1,6}){2,5}(?:-[\w.]{1,20})?"
# A run of letters, digits and inner marks with a digit in it and a mark or a letter beside the digit: AB-1234/7, P40X.
_CODE = r"(?=[\w./#-]*\d)(?=[\w./#-]*[^\W\d]|\d+[-/]\d)[A-Za-z0-9]+(?:[-_./#][A-Za-z0-9]+)*"
_FILE = r"[\w-]{1,100}\.(?:pdf|docx?|xlsx?|pptx?|csv|txt|md|html?|eml|msg|zip|json|ya?ml|toml|py|sql|conf|ini|log)"
# fmt: on
_IDENTIFIER = re.compile(
    rf"(?<![\w@])(?:({_IBAN})|({_EMAIL})|({_PATH})|({_FILE})|({_VERSION})|({_CODE}))(?!\w)"
)
_ORDINAL = re.compile(r"\d{1,4}(?:st|nd|rd|th|º|ª|s|h|m|km|kg|cm|mm|am|pm|€|er|ers)", re.IGNORECASE)
_DATE_OR_SUM = re.compile(r"\d{1,4}([./-])\d{1,3}(?:\1\d{1,4})?")  # 1/2, 3.5: words find these well enough


@dataclass(frozen=True, slots=True)
class Exact:
    """One such string. pattern: of those texts that hold it (case aside, any white space for a blank).

    term_sets: whole-word terms of each way to write it; a holder has all terms of one of them. is_quoted: the asker
    put it in quotes.
    """

    text: str
    pattern: str
    term_sets: tuple[tuple[str, ...], ...]
    is_quoted: bool


def exact_strings(question: str, analyzer: Analyzer) -> tuple[Exact, ...]:
    """In the order of the question, each once, at most MAX_STRINGS; only those that the index can look up."""
    found: dict[str, Exact] = {}
    for text, is_quoted, is_account in _spotted(question):
        exact = _exact(text, analyzer, is_quoted=is_quoted, is_account=is_account)
        if exact.term_sets:
            found.setdefault(text.casefold(), exact)
    return tuple(found.values())[:MAX_STRINGS]


def _spotted(question: str) -> Iterator[tuple[str, bool, bool]]:
    """(string, whether it was quoted, whether it is an IBAN)."""
    taken: list[tuple[int, int]] = []
    for match in _QUOTED.finditer(question):
        taken.append(match.span())
        text = next(group for group in match.groups() if group is not None)
        yield " ".join(text.split()), True, False
    for match in _IDENTIFIER.finditer(question):
        text = match.group().rstrip("./-_#") if not match[3] else match.group()
        if any(start < match.end() and match.start() < end for start, end in taken):
            continue
        if match[6] and not _is_code(text):
            continue
        yield text, False, match[1] is not None


def _is_code(text: str) -> bool:
    if len(text) < 3 or _ORDINAL.fullmatch(text) or _DATE_OR_SUM.fullmatch(text):
        return False
    return any(c.isdigit() for c in text)


def _exact(text: str, analyzer: Analyzer, *, is_quoted: bool, is_account: bool) -> Exact:
    text = text[:_MAX_CHARACTERS]
    ways: Iterable[str] = (text,)
    if is_account:
        compact = text.replace(" ", "")
        ways = (compact, " ".join(compact[i : i + 4] for i in range(0, len(compact), 4)))
        body = r"\s?".join(re.escape(c) for c in compact)
    else:
        body = r"\s+".join(re.escape(word) for word in text.split())
    inner = "" if is_quoted else "[-./_]"  # an identifier goes on behind such a mark: 2.1 is not 2.1.3
    before = (rf"(?<!\w{inner})" if inner else "") + r"(?<!\w)" if text[0].isalnum() else ""
    after = rf"(?!{inner}?\w)" if inner and text[-1].isalnum() else r"(?!\w)" if text[-1].isalnum() else ""
    pattern = before + body + after
    sets = {tuple(sorted({t for t in analyzer.terms(way, None) if t.startswith("=")})) for way in ways}
    return Exact(text, pattern, tuple(sorted(terms for terms in sets if terms)), is_quoted)


def shares(holding: Sequence[Sequence[int]]) -> dict[int, float]:
    """Chunk -> which share of the exact strings that anything holds it holds. holding: the chunks of each string."""
    known = [set(ids) for ids in holding if ids]
    return {chunk: sum(chunk in ids for ids in known) / len(known) for ids in known for chunk in ids}


def lifted(passages: Sequence[Passage], held: Mapping[int, float]) -> list[Passage]:
    """Holders of all exact strings before everybody else; scores stay within 0 and 1."""
    if not held:
        return list(passages)
    raised = [replace(p, score=(held.get(p.chunk_id, 0.0) + p.score) / 2) for p in passages]
    return sorted(raised, key=lambda passage: (-passage.score, passage.chunk_id))
