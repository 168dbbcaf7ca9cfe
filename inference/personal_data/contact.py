"""Ways to reach somebody: telephones, e-mail, addresses of the internet."""

from __future__ import annotations

import ipaddress
import re

from inference.personal_data.rules import LEFT, NO, Judged, Named, Rule, bare, group_ends, words

_PHONE_WORDS = words(
    r"tel[eé]?f?(?:onos?)?\.?",
    "tfno",
    r"tlfs?\.?",
    r"tlfnos?\.?",
    "m[oó]vil(?:es)?",
    "fax",
    "whatsapp",
    "ll[aá]m[a-zé]{1,8}",
    "extensi[oó]n",
    "contact[aeo]r?",
    "(?:tele)?phones?",
    "cell(?:phone)?",
    "mobile",
    "call(?:ed|ing)?",
    "ring",
    "dial",
    "sms",
    "reach",
)
_VERSION_WORDS = words(
    r"v\.?",
    "versi[oó]n",
    "versions?",
    "release",
    "firmware",
    "build",
    "apartado",
    "secci[oó]n",
    "section",
    r"art(?:[ií]culo)?\.?",
    "article",
)

# Digits after the country's code, by that code: ITU-T E.164, national numbering plans. All others: 6 to 12.
_NATIONAL_DIGITS = {
    "1": (10, 10),
    "7": (10, 10),
    "20": (8, 10),
    "30": (10, 10),
    "31": (9, 9),
    "32": (8, 9),
    "33": (9, 9),
    "34": (9, 9),
    "39": (6, 11),
    "40": (9, 9),
    "41": (9, 9),
    "43": (7, 12),
    "44": (9, 10),
    "45": (8, 8),
    "46": (7, 9),
    "47": (8, 8),
    "48": (9, 9),
    "49": (6, 11),
    "51": (8, 9),
    "52": (10, 10),
    "54": (10, 11),
    "55": (10, 11),
    "56": (9, 9),
    "57": (10, 10),
    "58": (10, 10),
    "212": (9, 9),
    "213": (8, 9),
    "351": (9, 9),
    "352": (6, 9),
    "353": (7, 9),
    "376": (6, 9),
    "420": (9, 9),
    "593": (8, 9),
}
_SERVICES = ("80", "90")  # 900 and 902 numbers are nobody's own
_SEPARATOR = r"[ \t]?[.\-/)(·]{0,2}[ \t]?"
_INTERNATIONAL = re.compile(rf"(?<![\w+])(?:\+[ ]?|\(\+|00[ ]?)[1-9](?:{_SEPARATOR}[0-9]){{6,14}}")
_SPANISH = re.compile(
    rf"{LEFT}(?:\(?[6789][0-9]{{1,2}}\)?)(?:[ \t]?[.\-/ \t\n]?[ \t]?[0-9]){{6,7}}(?!\w)(?![.,][1-9])"
)
_AMERICAN = re.compile(
    rf"{LEFT}(?:\([2-9][0-9]{{2}}\)[ ]?|[2-9][0-9]{{2}}[\-. ])[2-9][0-9]{{2}}[\-. ][0-9]{{4}}(?!\w)"
)
_ANY_PHONE = re.compile(
    rf"{LEFT}(?:\([0-9]{{1,5}}\)[ ]?)?[0-9](?:[ \t]?[.\-/]?[ \t]?[0-9]){{5,12}}(?!\w)(?![.,][1-9])"
)
_DATE = re.compile(
    r"[12][0-9]{3}[\-/.][0-9]{1,2}[\-/.][0-9]{1,2}|[0-9]{1,2}[\-/.][0-9]{1,2}[\-/.](?:[12][0-9]{3}|[0-9]{2})"
)
_SPANISH_SHAPES = frozenset(
    {
        (9,),
        (3, 3, 3),
        (3, 2, 2, 2),
        (2, 3, 2, 2),
        (2, 7),
        (3, 6),
        (2, 3, 4),
        (5, 4),
        (3, 4, 2),
        (6, 3),
        (2, 2, 2, 3),
    }
)
_AMOUNT_BEFORE = re.compile(
    r"(?:€|\$|£|\b(?:eur|euros?|usd|importe|total|presupuesto|price|amount|budget)\b(?: de)?:?)\s{0,2}$",
    re.IGNORECASE,
)
_AMOUNT_AFTER = re.compile(
    r"\s{0,2}(?:€|\$|£|%|(?:eur|euros?|usd|d[oó]lares|dollars|pounds|libras|habitantes|inhabitants|unidades|units|kg|kilos|toneladas"
    r"|tons?|bytes|metros|m2|m³|visitas|visits|tokens|registros|records|filas|rows)\b)",
    re.IGNORECASE,
)

_AT = r"(?:@|%40|&#64;|[ ]?[\[(][ ]?(?:at|arroba)[ ]?[\])][ ]?)"
_DOT = r"(?:\.|[ ]?[\[(][ ]?(?:dot|punto)[ ]?[\])][ ]?)"
_EMAIL = re.compile(
    rf"(?<![\w.+%'\-])[\w.+%'\-]++(?:(?<=\w%40)|{_AT})"
    rf"(?:[^\W_](?:[\w\-]{{0,62}}+){_DOT}){{1,6}}([^\W\d_]{{2,24}}+|xn--[a-z0-9\-]{{2,59}}+)(?![\w\-])"
)
_FILES = frozenset(
    {"png", "jpg", "jpeg", "gif", "svg", "webp", "pdf", "py", "js", "ts", "css", "html", "json", "md", "txt"}
)

_IPV4 = re.compile(r"(?<![\w.])(?<![\w]-)[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?!\w)(?!\.[0-9])")
_IPV6 = re.compile(
    r"(?<![\w:.])(?=[0-9A-Fa-f]{0,4}:)(?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]{0,4})(?![\w:])"
)


def _international(match: re.Match[str], named: Named) -> Judged:
    """Whole groups, as many as the country's numbers have digits."""
    value, string = match[0], match.string
    has_plus = "+" in value[:2]
    ends = list(group_ends(value))
    if match.end() < len(string) and string[match.end()].isalnum():
        ends.pop()
    for end, digits in reversed(ends):
        full = digits if has_plus else digits[2:]
        low, high, code = _national(full)
        rest = len(full) - len(code)
        is_trunk = full[len(code) : len(code) + 1] == "0"  # `+44 (0)20 …`
        if low <= rest - is_trunk <= high:
            return Judged(0.95 if named() else 0.85 if has_plus else 0.55, match.start() + end)
    return NO


def _national(digits: str) -> tuple[int, int, str]:
    for length in (3, 2, 1):
        if limits := _NATIONAL_DIGITS.get(digits[:length]):
            return *limits, digits[:length]
    return 6, 12, digits[:2]


def _spanish(match: re.Match[str], named: Named) -> Judged:
    """Nine digits from 6, 7, 8 or 9, in the groups that Spaniards write; not an amount."""
    value = match[0]
    shape = tuple(len(group) for group in re.findall(r"[0-9]{1,9}", value))
    digits = "".join(sign for sign in value if sign.isdigit())
    if len(digits) != 9 or digits[:2] in _SERVICES or _is_amount(match):
        return NO
    if named():
        return Judged(0.95, match.end())
    if shape not in _SPANISH_SHAPES or "\n" in value or _is_in_a_row(match):
        return NO
    is_mobile = digits[0] in "67"
    if shape == (9,):
        return Judged(0.5 if is_mobile else 0.35, match.end())
    is_thousands = shape == (3, 3, 3) and "." in value
    return Judged(0.45 if is_thousands and not is_mobile else 0.6, match.end())


def _is_amount(match: re.Match[str]) -> bool:
    text, start, end = match.string, match.start(), match.end()
    return bool(
        _AMOUNT_AFTER.match(text, end, end + 16) or _AMOUNT_BEFORE.search(text, max(0, start - 20), start)
    )


def _is_in_a_row(match: re.Match[str]) -> bool:
    """More groups of digits right beside it: a longer number, or a table."""
    text, start, end = match.string, match.start(), match.end()
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    return bool(re.fullmatch(r"[0-9][ .\-]", before) or re.fullmatch(r"[ .\-][0-9]", after))


def _american(match: re.Match[str], named: Named) -> Judged:
    if _is_amount(match):
        return NO
    return Judged(
        0.9 if named() else 0.7 if "(" in match[0] else 0.55 if "-" in match[0] else 0.3, match.end()
    )


def _any_phone(match: re.Match[str], named: Named) -> Judged:
    """Whatever looks like one, where a word says that it is."""
    digits = bare(match[0])
    is_service = len(digits) == 9 and digits[:2] in _SERVICES
    if is_service or len(digits) < 7 or _DATE.match(match[0]) or _is_amount(match):
        return NO
    return Judged(0.6, match.end()) if named() else NO


def _email(match: re.Match[str], _named: Named) -> Judged:
    """`git@host:path` is an address of no person; `logo@2x.png` is a picture."""
    if match[1].lower() in _FILES or match[0].lower().startswith("git@"):
        return NO
    return Judged(0.98, match.end())


def _ipv4(match: re.Match[str], versioned: Named) -> Judged:
    try:
        address = ipaddress.IPv4Address(match[0])
    except ValueError:
        return NO
    return NO if _is_nobodys(address) else Judged(0.3 if versioned() else 0.75, match.end())


def _ipv6(match: re.Match[str], _named: Named) -> Judged:
    value = match[0].rstrip(":") if match[0].endswith(":") and not match[0].endswith("::") else match[0]
    groups = [group for group in value.split(":") if group]
    if len(groups) < 3 and not any(len(group) >= 3 for group in groups):
        return NO
    try:
        address = ipaddress.IPv6Address(value)
    except ValueError:
        return NO
    return NO if _is_nobodys(address) else Judged(0.75, match.start() + len(value))


def _is_nobodys(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """This machine, everybody, a mask: says nothing about anyone."""
    text = str(address)
    return (
        address.is_loopback
        or address.is_unspecified
        or address.is_multicast
        or text.startswith(("0.", "255."))
    )


CONTACT = (
    Rule("phone", _INTERNATIONAL, _international, _PHONE_WORDS),
    Rule("phone", _SPANISH, _spanish, _PHONE_WORDS),
    Rule("phone", _AMERICAN, _american, _PHONE_WORDS),
    Rule("phone", _ANY_PHONE, _any_phone, _PHONE_WORDS),
    Rule("email", _EMAIL, _email),
    Rule("ip_address", _IPV4, _ipv4, _VERSION_WORDS),
    Rule("ip_address", _IPV6, _ipv6),
)
