"""Check digits and letters, each after the rule that its issuer publishes. Values come bare: no spaces, upper case."""

from __future__ import annotations

_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_CIF_LETTERS = "JABCDEFGHI"
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)

# Length of an IBAN by its country: the SWIFT registry, release 99.
_IBAN_LENGTHS = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 "
    "ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 "
    "LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 "
    "PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 "
    "YE30"
)
IBAN_LENGTHS = {one[:2]: int(one[2:]) for one in _IBAN_LENGTHS.split()}


def luhn(digits: str) -> bool:
    """Payment cards; ISO/IEC 7812-1, annex B. One in ten numbers passes by chance."""
    total = 0
    for at, digit in enumerate(reversed(digits)):
        total += _DOUBLED[int(digit)] if at % 2 else int(digit)
    return total % 10 == 0


def dni(digits: str, letter: str) -> bool:
    """A Spanish identity number of up to 8 digits; one in 23 letters passes by chance."""
    return _DNI_LETTERS[int(digits) % 23] == letter


def nie(first: str, digits: str, letter: str) -> bool:
    """A foreigner's number: X, Y or Z stands for 0, 1 or 2; K, L and M (minors, Spaniards abroad) for nothing."""
    return dni(("XYZ".index(first) if first in "XYZ" else 0).__str__() + digits, letter)


def cif(value: str) -> bool:
    """A company's number: letter, 7 digits, control digit or letter (Orden EHA/451/2008).

    Which of both is written depends on the kind of company, and not everybody keeps to it.
    """
    digits, control = value[1:8], value[8]
    total = sum(_DOUBLED[int(digit)] if at % 2 == 0 else int(digit) for at, digit in enumerate(digits))
    return control in (str(-total % 10), _CIF_LETTERS[-total % 10])


def iban(value: str) -> bool:
    """ISO 13616: the country's length, and 97 leaves 1; one in 97 passes by chance."""
    if len(value) != IBAN_LENGTHS.get(value[:2]):
        return False
    return int("".join(str(int(sign, 36)) for sign in value[4:] + value[:4])) % 97 == 1


def spanish_account(digits: str) -> bool:
    """The 20 digits of a Spanish account (CCC) with its two control digits; one in 121 passes by chance."""
    return _account_control("00" + digits[:8]) == digits[8] and _account_control(digits[10:]) == digits[9]


def _account_control(digits: str) -> str:
    rest = 11 - sum(int(digit) * (2**at % 11) for at, digit in enumerate(digits)) % 11
    return str({10: 1, 11: 0}.get(rest, rest))


def social_security(digits: str) -> bool:
    """The 12 digits of a Spanish affiliation number: province, number, and what 97 leaves of both."""
    province, number, control = int(digits[:2]), int(digits[2:10]), int(digits[10:])
    if not (1 <= province <= 53 or province == 66):
        return False
    shift = 10_000_000 if number < 10_000_000 else 100_000_000
    return (province * shift + number) % 97 == control
