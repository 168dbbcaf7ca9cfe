"""Whether a message asks for a summary, in English and Spanish. Rules only, so that the same words always do the same.

A question *about* a summary ("what does the summary say of costs?") is a question; a wish is an imperative, a noun that
is asked for ("give me a summary", "hazme un resumen"), or a message that hardly says more than the word.
"""

from __future__ import annotations

import re
import unicodedata

_LONGEST = 600  # characters; whoever writes more says what they want to know
_SHORT = 5  # words of a message that may be a bare noun

_IMPERATIVE = re.compile(
    r"""^\W*(?:(?:please|now|ok|okay|and|then|por\ favor|ahora|y|vale|bueno)\W+)*
    (?:(?:can|could|would|will)\ you\ (?:please\ )?|(?:i\ (?:want|need|would\ like|d\ like)\ (?:you\ )?to\ )|
       (?:me\ )?(?:puedes|podrias|puede|podria)\ |(?:quiero|necesito|quisiera)\ que\ (?:me\ )?)?
    (?:summari[sz]e|sum\ (?:it\ |this\ |that\ |everything\ )?up|recap(?:itulate)?|condense|outline|
       resum(?:e|ir|a|as|eme|emelo|emela|irme|irmelo|irlo|ame|amelo|id|idme|en)|sintetiza(?:me|r|rme)?|
       recapitula|condensa(?:me)?)\b""",
    re.VERBOSE,
)
_NOUN = (
    r"(?:summary|summari[sz]ation|overview|synopsis|recap|digest|outline|gist|abstract"
    r"|resumen|sintesis|esquema|sinopsis)"
)
_ASKED_FOR = re.compile(
    rf"""\b(?:give|make|write|get|show|send|provide|prepare|create|do|need|want|like|have|
       da|dame|danos|haz|hazme|haznos|hacer|hacerme|haga|hagas|escribe|escribeme|quiero|quisiera|necesito|prepara|preparame|
       elabora|genera|redacta|pon|ponme)\b
    (?:\W+\w+){{0,3}}?\W+(?:a|an|the|un|una|el|la)\W+(?:\w+\W+){{0,3}}?{_NOUN}\b""",
    re.VERBOSE,
)
_OF_IT = re.compile(
    rf"^\W*(?:a\W+|an\W+|the\W+|un\W+|el\W+)?(?:\w+\W+){{0,2}}?{_NOUN}\W+(?:of|for|de|del|para)\b"
)
_TLDR = re.compile(r"\btl\W{0,2}dr\b")
_POINTS = re.compile(
    r"""\b(?:(?:main|key|important|principal)\ (?:points|ideas|messages|takeaways|findings)|
    (?:ideas|puntos|aspectos)\ (?:principales|clave|fundamentales|mas\ importantes)|
    what\ is\ (?:this|the|it)\ ?(?:document|file|pdf|text|report|paper|contract|letter|book|presentation)?\ about|
    de\ que\ (?:va|trata|habla)\ (?:este|esta|el|la|esto|todo))""",
    re.VERBOSE,
)
_BARE = re.compile(rf"^(?:\W*\w+){{0,{_SHORT - 1}}}\W*$")
_BARE_NOUN = re.compile(rf"\b{_NOUN}\b")
_QUESTION = re.compile(
    r"^\W*(?:who|when|where|which|why|how|is|are|does|do|did|quien|cuando|donde|cual|por\ que|como)\b"
)


def wants_summary(message: str) -> bool:
    """Whether the message asks for a summary of what was handed over."""
    words = _folded(message)
    if not words or len(words) > _LONGEST:
        return False
    if _IMPERATIVE.search(words) or _TLDR.search(words) or _OF_IT.search(words):
        return True
    if _QUESTION.search(words):
        return False
    if _ASKED_FOR.search(words) or _POINTS.search(words):
        return True
    return bool(_BARE.match(words) and _BARE_NOUN.search(words) and "?" not in words)


def _folded(message: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFKD", message) if not unicodedata.combining(c))
    return " ".join(plain.casefold().replace("’", "'").replace("i'd", "i d").split())
