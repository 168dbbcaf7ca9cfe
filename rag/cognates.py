"""How a word may be spelled in a related language: "legislación" as "legislation", "system" as "sistema". Pure.

Endings and letters that Latin and Greek words change between Spanish and English, each tried alone and some together.
Most of what comes out is no word at all; whoever asks keeps what the index has.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

LANGUAGES = ("es", "en")
_LEAST = 5  # letters: shorter words are alike by chance
_LEAST_STEM = 3
# Spanish endings, singular and without accents, each with the English ones; the longest that fits is taken.
_ENDINGS = """
cion tion ction | sion sion ssion | xion xion ction | idad ity | tad ty | dad ty | amente ly ely ally | mente ly
encia ence ency | ancia ance ancy | logia logy | grafia graphy | ia y ia e | ico ic ical | ica ic ical ics
oso ous | osa ous | ario ary arian | aria ary arian | orio ory | oria ory | ismo ism | ista ist | ivo ive | iva ive
ante ant | ente ent | mento ment | ura ure | dor tor ter | dora tor | ado ated ate | ada ated ate | ar ate e
izar ize ise | ificar ify | ificado ified | il ile | ema em eme | tro ter tre | ir - | er - | o - e | a - e | e -
"""
_PAIRS = tuple(
    (spanish, english.replace("-", ""))
    for row in _ENDINGS.replace("\n", "|").split("|")
    if (parts := row.split())
    for spanish in parts[:1]
    for english in parts[1:]
)
_DOUBLED = re.compile(r"(?<=[aeiou])([cfglmnprst])(?=[aeioulr])")
_SINGLE = re.compile(r"([bcdfglmnprst])\1")
# Letters that change, the first of each word; "f" and "ph" all of them.
_LETTERS = {
    "es": "^es(?=[cptqmn])>s f>ph cu(?=[aeio])>qu t>th i>y ^inm>imm ^des>dis",
    "en": "^s(?=[cptqmn])>es ph>f qu(?=[ae])>cu th>t y>i ^imm>inm ^dis>des",
}


def cognates(word: str, source: str, target: str) -> tuple[str, ...]:
    """Spellings without accents, the likelier first; none between other languages or for a short word."""
    if {source, target} != set(LANGUAGES) or len(word) < _LEAST:
        return ()
    one = _singular(_folded(word), source)
    stems = [(one[: len(one) - len(ending)], new) for ending, new in _longest(one, source)]
    found = [spelled + new for stem, new in stems for spelled in _spellings(stem, source)]
    return tuple(dict.fromkeys((*found, *_spellings(one, source))))


def _longest(word: str, source: str) -> Iterator[tuple[str, str]]:
    """The longest ending of the word that changes, with what it becomes."""
    turned = _PAIRS if source == "es" else [(english, spanish) for spanish, english in _PAIRS]
    fits = [(old, new) for old, new in turned if word.endswith(old) and len(word) - len(old) >= _LEAST_STEM]
    longest = max((len(old) for old, _ in fits), default=0)
    yield from ((old, new) for old, new in fits if len(old) == longest)


def _spellings(stem: str, source: str) -> list[str]:
    """As it is, with one change of letters, and with a consonant doubled (to English) or single (to Spanish)."""
    changes = [change.split(">") for change in _LETTERS[source].split()]
    found = [stem, *(re.sub(old, new, stem, count=old not in ("f", "ph")) for old, new in changes)]
    if source == "es":
        found += [doubled for text in dict.fromkeys(found[:3]) for doubled in _doubled(text)]
    else:
        found += [_SINGLE.sub(r"\1", text) for text in found]
        found += [text.replace("y", "i") for text in found]
    return list(dict.fromkeys(found))


def _doubled(text: str) -> Iterator[str]:
    """One consonant of the text twice, each in its turn."""
    for match in _DOUBLED.finditer(text):
        yield text[: match.start()] + match[1] + text[match.start() :]


def _folded(word: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", word.lower()) if not unicodedata.combining(c))


def _singular(word: str, language: str) -> str:
    if language == "es":
        if word.endswith("ces"):
            return word[:-3] + "z"
        if word.endswith("es") and word[-3] not in "aeiou":
            return word[:-2]
    elif word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "is", "us")) else word
