"""Values as people of a language write them: 1.234,56 and 1,234.56, 3 de marzo de 2024 and 3 March 2024. Pure."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Collection, Iterable
from datetime import date, datetime, time
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Final

from appliance.domain.people import Language
from querying.types import Blob, Value

_MONTHS: Final[dict[Language, str]] = {
    "en": "January February March April May June July August September October November December",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
}
MONTHS: Final = {language: tuple(names.split()) for language, names in _MONTHS.items()}
# Numbers that are names: nobody writes 1,234 for a customer or 2.024 for a year.
_NAMING_WORDS = (
    "id ids key code number no num nr year yr yyyy zip postcode postal phone fax sku isbn ean iban vat account "
    "clave codigo cod numero año anio ano ejercicio cp telefono tel movil nif cif dni cuenta referencia ref"
)
_NAMES = frozenset(_NAMING_WORDS.split())
_CURRENCIES = {
    "€": "€ eur euro euros",
    "$": "$ usd dollar dollars dolar dolares",
    "£": "£ gbp libra libras",
}
_CURRENCY_OF = {word: sign for sign, words in _CURRENCIES.items() for word in words.split()}
_WORD = re.compile(r"[^\W_]+|[€$£]")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_PERIODS = frozenset({"month", "period", "date", "mes", "periodo", "fecha"})
_DECIMALS = 2
_MOST_DIGITS = 120
_TELLING_DIGITS = 4  # of a number smaller than one
_LONGEST_TEXT = 120  # characters of one value in a sentence


def words_of(name: str) -> list[str]:
    """The words in a column's name: `InvoiceTotal_eur` has three."""
    return [_folded(word) for word in _WORD.findall(_CAMEL.sub(" ", name))]


def label(name: str) -> str:
    """A column's name as a sentence has it: `total_sales` is "total sales"."""
    words = " ".join(_CAMEL.sub(" ", name).replace("_", " ").split())
    return escaped(words if words.isupper() or len(words.split()) == 1 else words[:1] + words[1:].lower())


def is_name(column: str) -> bool:
    """Whether the column's numbers name something, so that they are neither grouped nor drawn."""
    return any(word in _NAMES for word in words_of(column))


def currency_in(texts: Collection[str]) -> str:
    """The sign of the one currency that these texts name; empty where they name none, or several."""
    found = {_CURRENCY_OF[word] for text in texts for word in words_of(text) if word in _CURRENCY_OF}
    return found.pop() if len(found) == 1 else ""


def shown(
    value: Value, language: Language, column: str = "", currency: str = "", least_places: int = 0
) -> str:
    """A value in a sentence, as Markdown. column: its name; years and numbers of invoices are not grouped."""
    match value:
        case None:
            return "—"
        case bool():
            return {"en": ("no", "yes"), "es": ("no", "sí")}[language][value]
        case int() | float() | Decimal():
            written = number(value, language, is_grouped=not is_name(column), least_places=least_places)
            return written if not currency else _priced(written, currency, language)
        case datetime():
            return (
                f"{day(value.date(), language)}, {clock(value.time())}"
                if value.time() != time()
                else day(value.date(), language)
            )
        case date():
            return day(value, language)
        case time():
            return clock(value)
        case Blob(size_bytes):
            return f"({number(size_bytes, language)} bytes)"
        case str():
            if (month := _MONTH.fullmatch(value)) and not _PERIODS.isdisjoint(words_of(column)):
                return _month(int(month[1]), int(month[2]), language)
            line = " ".join(value.split())
            return escaped(line if len(line) <= _LONGEST_TEXT else line[: _LONGEST_TEXT - 1] + "…")


def number(
    value: int | float | Decimal, language: Language, *, is_grouped: bool = True, least_places: int = 0
) -> str:
    """At most two decimals; of one that is nearly nothing, its first digits. least_places: with zeros behind."""
    if isinstance(value, float):
        if not math.isfinite(value):
            return "—"
        value = Decimal(repr(value))
        value = value if value != value.to_integral_value() else Decimal(int(value))
    if isinstance(value, Decimal):
        if not value.is_finite():
            return "—"
        if value and abs(value.adjusted()) > _MOST_DIGITS:
            return "…"
        value = _rounded(value)
    plain = format(value, "f") if isinstance(value, Decimal) else str(value)
    sign, plain = ("−", plain[1:]) if plain.startswith("-") else ("", plain)
    whole, _, rest = plain.partition(".")
    if is_grouped:
        whole = f"{int(whole):,}".replace(",", "." if language == "es" else ",")
    rest = rest.ljust(least_places, "0")
    point = "," if language == "es" else "."
    return f"{sign}{whole}{point}{rest}" if rest else sign + whole


def places_of(values: Iterable[Value]) -> int:
    """How many decimals a column's numbers are written with at least: amounts have two, where one of them has any."""
    return _DECIMALS if any(_is_broken(value) for value in values) else 0


def _is_broken(value: Value) -> bool:
    if isinstance(value, float):
        return math.isfinite(value) and not value.is_integer()
    return isinstance(value, Decimal) and value.is_finite() and value != value.to_integral_value()


def day(value: date, language: Language) -> str:
    """A date in words."""
    month = MONTHS[language][value.month - 1]
    return (
        f"{value.day} de {month} de {value.year}" if language == "es" else f"{value.day} {month} {value.year}"
    )


def _month(year: int, month: int, language: Language) -> str:
    name = MONTHS[language][month - 1]
    return f"{name} de {year}" if language == "es" else f"{name} {year}"


def clock(value: time) -> str:
    """Hours and minutes, seconds where there are any."""
    return f"{value:%H:%M:%S}" if value.second else f"{value:%H:%M}"


def escaped(words: str) -> str:
    """Text of a database is no Markdown."""
    return re.sub(r"([\\`*_\[\]<>|~#])", r"\\\1", words)


def _rounded(value: Decimal) -> Decimal:
    """Half to even where it has more digits than are shown; else as it is, with its zeros behind: 5.00."""
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    places = _DECIMALS
    if value and abs(value) < 1:
        places = max(places, _TELLING_DIGITS - 1 - value.adjusted())
    if -exponent <= min(places, _MOST_DIGITS):
        return value
    with localcontext() as context:
        context.prec = 2 * _MOST_DIGITS
        rounded = value.quantize(Decimal(1).scaleb(-min(places, _MOST_DIGITS)), ROUND_HALF_EVEN)
        return rounded if places == _DECIMALS else rounded.normalize()


def _priced(written: str, currency: str, language: Language) -> str:
    if language == "es":
        return f"{written}\u00a0{currency}"
    return f"−{currency}{written[1:]}" if written.startswith("−") else f"{currency}{written}"


def _folded(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))
