"""Whisper's languages: the code that its tokens have, and the English name that OpenAI's API tells."""

from __future__ import annotations

from collections.abc import Mapping

_TABLE = """
en english, zh chinese, de german, es spanish, ru russian, ko korean, fr french, ja japanese, pt portuguese, tr turkish,
pl polish, ca catalan, nl dutch, ar arabic, sv swedish, it italian, id indonesian, hi hindi, fi finnish, vi vietnamese,
he hebrew, uk ukrainian, el greek, ms malay, cs czech, ro romanian, da danish, hu hungarian, ta tamil, no norwegian,
th thai, ur urdu, hr croatian, bg bulgarian, lt lithuanian, la latin, mi maori, ml malayalam, cy welsh, sk slovak,
te telugu, fa persian, lv latvian, bn bengali, sr serbian, az azerbaijani, sl slovenian, kn kannada, et estonian,
mk macedonian, br breton, eu basque, is icelandic, hy armenian, ne nepali, mn mongolian, bs bosnian, kk kazakh,
sq albanian, sw swahili, gl galician, mr marathi, pa punjabi, si sinhala, km khmer, sn shona, yo yoruba, so somali,
af afrikaans, oc occitan, ka georgian, be belarusian, tg tajik, sd sindhi, gu gujarati, am amharic, yi yiddish, lo lao,
uz uzbek, fo faroese, ht haitian creole, ps pashto, tk turkmen, nn nynorsk, mt maltese, sa sanskrit, lb luxembourgish,
my myanmar, bo tibetan, tl tagalog, mg malagasy, as assamese, tt tatar, haw hawaiian, ln lingala, ha hausa, ba bashkir,
jw javanese, su sundanese, yue cantonese
"""
NAMES: Mapping[str, str] = {
    code: name for code, _, name in (entry.strip().partition(" ") for entry in _TABLE.split(","))
}
_CODES = {name: code for code, name in NAMES.items()} | {
    "jv": "jw",
    "nb": "no",
    "iw": "he",
    "castilian": "es",
}
_WITHOUT_BLANKS = frozenset({"zh", "ja", "th", "lo", "my", "km", "bo", "yue"})


def language_code(told: str) -> str:
    """`es` for es, ES, es-MX and Spanish; what is unknown comes back as it is, for the model to refuse."""
    plain = told.strip().lower().replace("_", "-")
    code = plain.partition("-")[0]
    return code if code in NAMES else _CODES.get(plain, _CODES.get(code, plain))


def language_name(code: str) -> str:
    """As OpenAI tells it: `spanish`."""
    return NAMES.get(code, code)


def blank_between(code: str) -> str:
    """What stands between two segments."""
    return "" if code in _WITHOUT_BLANKS else " "
