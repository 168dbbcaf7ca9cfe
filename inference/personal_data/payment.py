"""Bank accounts and payment cards."""

from __future__ import annotations

import re

from inference.personal_data import checks
from inference.personal_data.rules import GAP, LEFT, NO, RIGHT, Judged, Named, Rule, bare, group_ends, words

_ACCOUNT_WORDS = words(
    "iban",
    "ccc",
    "cuentas?",
    "cta",
    "domiciliaci[oó]n(?: bancaria)?",
    "transferencias?",
    "bank(?: account)?",
    "accounts?(?: number| no)?",
    "direct debit",
    "transfer",
)
_CARD_WORDS = words(
    "tarjetas?",
    "visa",
    "master ?card",
    "amex",
    "american express",
    "maestro",
    "diners",
    "discover",
    "cards?(?: number| no)?",
    "pan",
    "cr[eé]dito",
    "d[eé]bito",
    "credit",
    "debit",
)

_IBAN = re.compile(rf"(?<!\w)[A-Za-z]{{2}}{GAP}[0-9]{{2}}(?:{GAP}[A-Za-z0-9]){{11,30}}")
_ACCOUNT = re.compile(rf"{LEFT}[0-9](?:{GAP}[0-9]){{19}}{RIGHT}")
_CARD = re.compile(rf"{LEFT}[2-6](?:{GAP}[0-9]){{11,22}}")

# (first digits from, to, lengths) by scheme: ISO/IEC 7812 ranges as the schemes publish them.
_SCHEMES = (
    ("34", "34", (15,)),
    ("37", "37", (15,)),
    ("300", "305", (14,)),
    ("36", "36", (14,)),
    ("38", "39", (14, 16)),
    ("3528", "3589", (16,)),
    ("2221", "2720", (16,)),
    ("4", "4", (16, 19)),
    ("51", "55", (16,)),
    ("6011", "6011", (16, 19)),
    ("62", "62", (16, 17, 18, 19)),
    ("644", "659", (16, 19)),
)
_BEGINNINGS = {
    str(two): tuple(
        one for one in _SCHEMES if one[0][:2].ljust(2, "0") <= str(two) <= one[1][:2].ljust(2, "9")
    )
    for two in (*range(22, 28), *range(30, 40), *range(40, 50), *range(51, 56), 60, 62, 64, 65)
}
_ANY_LENGTH = range(12, 20)  # Maestro and the like: only where a word names a card


def _iban(match: re.Match[str], named: Named) -> Judged:
    """The country says how long it is; what follows in the sentence is not part of it."""
    length = checks.IBAN_LENGTHS.get(match[0][:2].upper())
    if length is None:
        return NO
    end = _end_of(match[0], length)
    if end is None or (
        match.start() + end < len(match.string) and match.string[match.start() + end].isalnum()
    ):
        return NO
    if checks.iban(bare(match[0][:end])):
        return Judged(0.98, match.start() + end)
    digits = sum(sign.isdigit() for sign in match[0][:end])
    return Judged(0.6, match.start() + end) if digits >= 0.7 * length and named() else NO


def _end_of(value: str, length: int) -> int | None:
    """Where `length` letters and digits are full."""
    seen = 0
    for at, sign in enumerate(value):
        seen += sign.isalnum()
        if seen == length:
            return at + 1
    return None


def _account(match: re.Match[str], named: Named) -> Judged:
    if checks.spanish_account(bare(match[0])):
        return Judged(0.95 if named() else 0.7, match.end())
    return Judged(0.55, match.end()) if named() else NO


def _card(match: re.Match[str], named: Named) -> Judged:
    """The longest row of whole groups that is a card: a date or three digits of a code may follow it."""
    string, start, ends = match.string, match.start(), list(group_ends(match[0]))
    if match.end() < len(string) and string[match.end()].isalnum():
        ends.pop()
    if not ends or (len(ends) > 12 and len(ends) != len(ends[-1][1])):  # digits one by one, or real groups
        return NO
    if ends[0][1][:2] not in _BEGINNINGS and len(ends[0][1]) > 1 and not named():
        return NO
    lengths = [(end, digits) for end, digits in reversed(ends) if len(digits) in _ANY_LENGTH]
    of_a_scheme = [(end, digits) for end, digits in lengths if _is_of_a_scheme(digits)]
    for end, digits in of_a_scheme:
        if checks.luhn(digits):
            return Judged(0.97 if named() else 0.8, start + end)
    if not lengths or not named():
        return NO
    for end, digits in lengths:
        if checks.luhn(digits) and not of_a_scheme:
            return Judged(0.9, start + end)
    return Judged(0.55, start + of_a_scheme[0][0]) if of_a_scheme else NO  # mistyped


def _is_of_a_scheme(digits: str) -> bool:
    return any(
        low <= digits[: len(low)] <= high and len(digits) in lengths
        for low, high, lengths in _BEGINNINGS.get(digits[:2], ())
    )


PAYMENT = (
    Rule("iban", _IBAN, _iban, _ACCOUNT_WORDS),
    Rule("iban", _ACCOUNT, _account, _ACCOUNT_WORDS),
    Rule("card", _CARD, _card, _CARD_WORDS),
)
