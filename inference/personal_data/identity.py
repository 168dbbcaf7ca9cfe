"""Numbers of people, companies and cars that Spanish authorities give out, and passports of any country."""

from __future__ import annotations

import re

from inference.personal_data import checks
from inference.personal_data.rules import GAP, LEFT, NO, RIGHT, Judged, Named, Rule, bare, words

_ID_WORDS = words(
    r"d\.?n\.?i\.?s?",
    r"n\.?i\.?e\.?s?",
    r"n\.?i\.?f\.?s?",
    "documento(?: nacional)?(?: de identidad)?",
    "identidad",
    "identificaci[oó]n(?: fiscal)?",
    "identity(?: card| document| number)?",
    "national id",
    "id (?:card|number|no)",
    "tax(?:payer)? (?:id|number|identification)",
    "carn[eé]",
)
_COMPANY_WORDS = words(
    r"c\.?i\.?f\.?",
    r"n\.?i\.?f\.?",
    "vat(?: number| no| id)?",
    "iva",
    "raz[oó]n social",
    "tax id",
    "empresa",
    "company",
)
_SECURITY_WORDS = words(
    r"n\.?u?\.?s\.?s\.?",
    "seguridad social",
    r"s\.? ?s\.?",
    r"n[uú]mero de afiliaci[oó]n",
    r"afiliaci[oó]n",
    "social security(?: number)?",
    "naf",
)
_PASSPORT_WORDS = words(r"pasaportes?(?: n[º°o.]{0,2})?", "passports?(?: no| number)?", "travel document")
_PLATE_WORDS = words(
    "matr[ií]culas?",
    "coches?",
    "veh[ií]culos?",
    "furgonetas?",
    "cami[oó]n(?:es)?",
    "motos?",
    "motocicletas?",
    "remolques?",
    "tractoras?",
    "(?:number|license|licence|registration) plates?",
    "plates?",
    "vehicles?",
    "cars?",
    "vans?",
    "trucks?",
    "lorr(?:y|ies)",
    "registration",
)
_UNITS = frozenset(
    {"RPM", "KWH", "MWH", "GWH", "MHZ", "GHZ", "KHZ", "KMH", "KMS", "PCS", "MBP", "LTD", "PPM", "DPI", "KVS"}
)

_DNI = re.compile(
    rf"{LEFT}([0-9]{{1,2}}[. ][0-9]{{3}}[. ][0-9]{{3}}|[0-9]{{7,8}})(?:[ \t]?[.\-/]?[ \t\n]?([A-Za-z]))?{RIGHT}"
)
_NIE = re.compile(
    rf"{LEFT}([XYZKLMxyzklm])[ .\-/]?([0-9]{{7}}|[0-9][. ][0-9]{{3}}[. ][0-9]{{3}})"
    rf"[ \t]?[.\-/]?[ \t\n]?([A-Za-z]){RIGHT}"
)
_CIF = re.compile(
    rf"{LEFT}(?:ES[ \-]?)?([ABCDEFGHJNPQRSUVWabcdefghjnpqrsuvw])[ .\-/]?"
    rf"([0-9]{{7}}|[0-9]{{2}}[. ][0-9]{{3}}[. ][0-9]{{2}}|[0-9][. ][0-9]{{3}}[. ][0-9]{{3}})"
    rf"[ .\-/]?([0-9A-Ja-j]){RIGHT}"
)
_SECURITY = re.compile(rf"{LEFT}[0-9](?:{GAP}[0-9]){{11}}{RIGHT}")
_PASSPORT = re.compile(
    rf"{LEFT}(?:[A-Za-z]{{1,3}}[ \-]?[0-9]{{6,8}}[A-Za-z]?|[0-9]{{2}}[A-Z]{{2}}[0-9]{{5}}|[0-9]{{9}}){RIGHT}"
)
_MACHINE_READABLE = re.compile(
    r"(?<![A-Z0-9<])(?:[PIAC][A-Z<][A-Z]{3}[A-Z0-9<]{25,39}|[A-Z0-9<]{9}[0-9][A-Z<]{3}[0-9]{7}[MFX<][0-9]{7}[A-Z0-9<]{0,16})"
    r"(?![A-Z0-9<])"
)
_PLATE = re.compile(rf"{LEFT}[0-9]{{4}}[ \-]?[BCDFGHJKLMNPRSTVWXYZbcdfghjklmnprstvwxyz]{{3}}(?!\w)")
_OLD_PLATE = re.compile(rf"{LEFT}[A-Z]{{1,2}}[ \-][0-9]{{4}}[ \-][A-Z]{{1,2}}(?!\w)")


def _dni(match: re.Match[str], named: Named) -> Judged:
    """A letter that fits speaks for itself; without one, or with a wrong one, only a word makes it an identity."""
    digits, letter = bare(match[1]), match[2]
    if letter is None:
        return Judged(0.65, match.end()) if len(digits) >= 7 and named() else NO
    between = match.string[match.end(1) : match.start(2)]
    is_loose = between.isspace() and letter.islower()  # `12345678 y …`: a word of one letter
    if is_loose:
        return Judged(0.65, match.end(1)) if named() else NO
    if checks.dni(digits, letter.upper()):
        return Judged(0.97 if named() else 0.75 if len(digits) == 8 else 0.4, match.end())
    return Judged(0.6, match.end()) if named() else NO


def _nie(match: re.Match[str], named: Named) -> Judged:
    if checks.nie(match[1].upper(), bare(match[2]), match[3].upper()):
        return Judged(0.97 if named() else 0.8, match.end())
    return Judged(0.6, match.end()) if match[1] in "XYZ" and named() else NO


def _cif(match: re.Match[str], named: Named) -> Judged:
    value = match[1].upper() + bare(match[2]) + match[3].upper()
    if not checks.cif(value):
        return Judged(0.55, match.end()) if match[1].isupper() and match[3].isdigit() and named() else NO
    has_country = match.start(1) > match.start()
    return Judged(0.95 if has_country or named() else 0.6 if match[1].isupper() else 0.3, match.end())


def _security(match: re.Match[str], named: Named) -> Judged:
    if checks.social_security(bare(match[0])):
        return Judged(0.97 if named() else 0.7, match.end())
    return Judged(0.6, match.end()) if named() else NO


def _passport(match: re.Match[str], named: Named) -> Judged:
    return Judged(0.85, match.end()) if named() else NO


def _machine_readable(match: re.Match[str], _named: Named) -> Judged:
    return Judged(0.9, match.end()) if "<" in match[0] else NO


def _plate(match: re.Match[str], named: Named) -> Judged:
    """Four digits and three letters are many things: `2026 SQL`; alone they only count where written as one word."""
    value = match[0]
    if named():
        return Judged(0.85, match.end())
    return Judged(0.5, match.end()) if len(value) == 7 and value.isupper() and value[4:] not in _UNITS else NO


def _old_plate(match: re.Match[str], named: Named) -> Judged:
    has_dashes = match[0].count("-") == 2
    return Judged(0.85, match.end()) if named() else Judged(0.55, match.end()) if has_dashes else NO


IDENTITY = (
    Rule("spanish_id", _DNI, _dni, _ID_WORDS),
    Rule("spanish_id", _NIE, _nie, _ID_WORDS),
    Rule("company_id", _CIF, _cif, _COMPANY_WORDS),
    Rule("social_security", _SECURITY, _security, _SECURITY_WORDS),
    Rule("passport", _PASSPORT, _passport, _PASSPORT_WORDS),
    Rule("passport", _MACHINE_READABLE, _machine_readable),
    Rule("number_plate", _PLATE, _plate, _PLATE_WORDS, also_after=True),
    Rule("number_plate", _OLD_PLATE, _old_plate, _PLATE_WORDS, also_after=True),
)
