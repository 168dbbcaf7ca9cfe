"""Every number of an answer stands in its result: sentences are held against random rows, in Spanish and English."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.domain.people import Language
from appliance.pipelines.answer_from_data.evidence import Evidence, evidence
from appliance.pipelines.answer_from_data.formatting import number, shown
from appliance.pipelines.answer_from_data.numerals import figure_at, words_at
from appliance.pipelines.answer_from_data.stating import is_supported
from appliance.pipelines.answer_from_data.telling import told
from appliance.pipelines.answer_from_data.wording import Worded
from querying.types import Blob, ResultColumn, Rows, Value, ValueKind
from rag.analysis import Analyzer

ANALYZER = Analyzer(("en", "es"))
LANGUAGES: tuple[Language, ...] = ("en", "es")
SQL = "SELECT x FROM t WHERE d >= '2024-03-01' AND n > 100 AND año = 2024 LIMIT 5"
ROWS = Rows(
    (
        ResultColumn("month", "date"),
        ResultColumn("artist", "text"),
        ResultColumn("total", "decimal"),
        ResultColumn("share", "float"),
        ResultColumn("n", "integer"),
    ),
    (
        (date(2024, 3, 1), "Blink 182", Decimal("1234.56"), 0.125, 12),
        (date(2024, 4, 1), "AC/DC", Decimal(3240000), 0.875, 3000),
        (date(2024, 5, 1), "One Love", Decimal("-7.5"), 0.0, 77),
    ),
)
HELD = evidence(ROWS, SQL, "postgres", "ventas de marzo", ["€"])


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("es", "Las ventas de marzo de 2024 fueron 1.234,56 €."),
        ("es", "Blink 182 vendió 1.235 € y AC/DC 3,24 millones de euros."),
        ("es", "El 12,5 % es de Blink 182, el 87,5 por ciento de AC/DC."),
        ("es", "Hay tres mil de AC/DC, doce de Blink 182 y setenta y siete de One Love."),
        ("es", "La tercera fila tiene −7,5; son tres filas en total."),
        ("es", "Entre el 1 de marzo de 2024 y el 1 de mayo de 2024, los 5 primeros de 2024."),
        ("es", "1) Blink 182: 1.234,56"),
        ("en", "Blink 182 sold 1,234.56 and AC/DC sold 3.24 million, 87.5% of it."),
        ("en", "The second is AC/DC with 3,240,000, or €3.24M, or 3k units."),
        ("en", "In March 2024 it was 1,234.56, in May −7.5; more than 100 in 2024."),
        ("en", "There are twelve and seventy-seven and three thousand of them."),
        ("en", "Between 1 March 2024 and 05/01/2024 there were 3 rows."),
        ("en", "Blink 182 was the first, in Q1 2024."),
    ],
)
def test_what_stands_in_the_result_may_be_said(language: Language, sentence: str) -> None:
    """As it is, rounded as it is written, as per cent, as days, as places, and what the query asked for."""
    assert is_supported(sentence, HELD, language)


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("es", "Las ventas fueron 1,234.57 €."),
        ("es", "Vendió 1.234."),  # not rounded but cut
        ("es", "Fueron 1,234 unidades."),  # a reader of Spanish sees little more than one
        ("es", "Es el doble que en abril."),
        ("es", "En junio de 2024 subió."),
        ("es", "Hubo dos mil."),
        ("es", "Veintiuno en total."),
        ("es", "Miles de clientes."),
        ("es", "La mitad es de AC/DC."),
        ("es", "Fueron 1.234,56 dólares."),
        ("en", "It sold 3 million."),  # 3,24 is too far from it
        ("en", "Half of them."),
        ("en", "It sold ١٢٣ units."),
        ("en", "It is ½ of it, or Ⅻ, or 十."),
        ("en", "It sold 7.5."),
        ("en", "There are 4 rows."),
        ("en", "The fourth is AC/DC."),
        ("en", "Blink 182 million."),
        ("en", "The total is 1,247.06."),
        ("en", "Three million and a half."),
        ("en", "In the third quarter."),
        ("en", "AC/DC sold 9x as much."),
        ("en", "12 300 units."),
        ("en", "At 14:05."),
        ("en", "It is &#57;, or 9**9**, or 9\u200b9."),
        ("en", "It is 1e6."),
        ("en", "On 2 March 2024."),
        ("en", "XIV of them."),
        ("en", "See https://example.org/12."),
        ("en", "It is $\\frac{1}{2}$."),
        ("en", "Eleven hundred."),
        ("en", "An increase of 15 %."),
    ],
)
def test_what_does_not_stand_there_is_not_supported(language: Language, sentence: str) -> None:
    """Sums, shares, halves, other months, other scripts, other currencies."""
    assert not is_supported(sentence, HELD, language)


# Properties -----------------------------------------------------------------------------------------------

_TEXTS = st.one_of(
    st.sampled_from(
        ["Café", "AC/DC", "Blink 182", "2024-03", "007", "1.234,56", "Q1", "[x](y)", "**9**", "Dos Hermanas"]
    ),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12),
)
_VALUES: dict[ValueKind, st.SearchStrategy[Value]] = {
    "integer": st.integers(-(10**12), 10**12),
    "decimal": st.decimals(-(10**9), 10**9, places=2, allow_nan=False),
    "float": st.floats(allow_nan=True, allow_infinity=True),
    "text": _TEXTS,
    "date": st.dates(date(1900, 1, 1), date(2100, 1, 1)),
    "timestamp": st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),
    "time": st.times(),
    "boolean": st.booleans(),
    "binary": st.builds(Blob, st.integers(0, 10**9)),
}
_NAMES = st.sampled_from(
    ["total", "ventas", "year", "mes", "id", "share_pct", "top_5", "importe_eur", "nombre", "count(*)", ""]
)


@st.composite
def results(draw: st.DrawFn) -> Rows:
    """Up to twelve rows of up to four columns of any kinds."""
    kinds = draw(st.lists(st.sampled_from(sorted(_VALUES)), min_size=1, max_size=4))
    columns = tuple(ResultColumn(draw(_NAMES), kind) for kind in kinds)
    row = st.tuples(*(st.one_of(st.none(), _VALUES[kind]) for kind in kinds))
    rows = draw(st.lists(row, max_size=12))
    return Rows(columns, tuple(rows), draw(st.sampled_from([None, None, "rows"])))


def figures(rows: Rows, language: Language) -> Evidence:
    """What the rows alone hold; the query has no number."""
    return evidence(rows, "SELECT x FROM t", "postgres", "", ["€"])


@settings(max_examples=200, deadline=None)
@given(results(), st.sampled_from(LANGUAGES))
def test_our_own_words_state_only_what_stands_in_the_result(rows: Rows, language: Language) -> None:
    """Each value that a template writes reads back as a value of the rows, or as how many there are."""
    worded = Worded(rows, language)
    written = set()

    class Noting(Worded):
        def cell(self, value: Value, column: int) -> str:
            said = super().cell(value, column)
            written.add((said, value, self.rows.columns[column].name))
            return said

    text = Noting(rows, language).text()

    assert text == worded.text()
    for said, value, name in written:
        assert value in [cell for row in rows.rows for cell in row] or value != value
        is_number = isinstance(value, int | Decimal | float) and not isinstance(value, bool)
        if is_number and said not in ("—", "…"):
            assert is_supported(said, figures(rows, language), language), (said, value, name)
    labels = [Worded(Rows((column,), ()), language)._label(0) for column in rows.columns]
    known = [number(len(rows.rows), language), *labels, *(one[:1].upper() + one[1:] for one in labels)]
    rest = text
    for piece in sorted([*known, *(said for said, _, _ in written)], key=lambda one: -len(one)):
        rest = rest.replace(piece, "")
    assert not any(character.isdigit() for character in rest), rest


@settings(max_examples=200, deadline=None)
@given(
    st.decimals(-(10**9), 10**9, places=2, allow_nan=False),
    st.integers(-(10**7), 10**7),
    st.sampled_from(LANGUAGES),
)
def test_one_number_is_read_in_a_sentence_exactly_where_it_stands(
    value: Decimal, other: int, language: Language
) -> None:
    """As we write it, it holds; another one does not."""
    held = figures(Rows((ResultColumn("total", "decimal"),), ((value,),)), language)

    frame = {"en": "The total is {} today.", "es": "El total es {} hoy."}[language]
    assert is_supported(frame.format(shown(value, language)), held, language)
    stated = Decimal(other)
    is_there = (
        stated == value
        or stated == 1
        or (
            stated
            and abs(stated - value) <= Decimal("0.5")
            and abs(stated - value) <= abs(value) * Decimal("0.05")
        )
    )
    assert is_supported(frame.format(shown(other, language)), held, language) == bool(is_there)


@settings(max_examples=150, deadline=None)
@given(st.integers(2, 9_999_999), st.sampled_from(LANGUAGES))
def test_numbers_in_words_are_read_as_they_were_written(value: int, language: Language) -> None:
    """Up to ten million, in both languages."""
    words = IN_WORDS[language](value)
    read = words_at(words, 0, language)

    assert read is not None and read.value == value and read.end == len(words), words
    held = figures(Rows((ResultColumn("total", "integer"),), ((value,),)), language)
    assert is_supported(
        f"El total es {words}." if language == "es" else f"The total is {words}.", held, language
    )
    other = figures(Rows((ResultColumn("total", "integer"),), ((value + 1 + value // 10,),)), language)
    assert not is_supported(
        f"El total es {words}." if language == "es" else f"The total is {words}.", other, language
    )


@settings(max_examples=200, deadline=None)
@given(results(), st.lists(st.integers(2, 10**7), min_size=1, max_size=3), st.sampled_from(LANGUAGES))
def test_what_a_model_adds_never_gets_into_an_answer(
    rows: Rows, numbers: list[int], language: Language
) -> None:
    """Of its sentences those stay whose numbers stand in the rows; the rest is our own words."""
    held = figures(rows, language)
    sentences = [
        {"en": "Sales were {} in all.", "es": "Las ventas fueron {} en total."}[language].format(
            shown(n, language)
        )
        for n in numbers
    ]

    answer = told(" ".join(sentences), Worded(rows, language), held, ANALYZER)

    for n, sentence in zip(numbers, sentences, strict=True):
        if sentence in answer.text:
            at = sentence.index(next(c for c in sentence if c.isdigit()))
            figure = figure_at(sentence.casefold(), at, language)
            assert figure is not None and figure.value == n and held.supports(figure)
    assert answer.left_out == sum(not is_supported(one, held, language) for one in sentences)


# How people write numbers in words: written here anew, so that the reader is not held against itself ---------

_EN = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()  # noqa: E501, SIM905
_EN_TENS = "x x twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905
_ES_WORDS = (
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete "
    "dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete "
    "veintiocho veintinueve"
)
_ES = _ES_WORDS.split()
_ES_TENS = "x x veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa".split()  # noqa: SIM905
_HUNDREDS_WORDS = (
    "x ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos"
)
_ES_HUNDREDS = _HUNDREDS_WORDS.split()


def in_english(value: int) -> str:
    """Such as "two million three hundred and five"."""
    for scale, name in ((1_000_000, "million"), (1_000, "thousand")):
        if value >= scale:
            rest = f" {in_english(value % scale)}" if value % scale else ""
            return f"{in_english(value // scale)} {name}{rest}"
    if value >= 100:
        rest = f" and {in_english(value % 100)}" if value % 100 else ""
        return f"{_EN[value // 100]} hundred{rest}"
    if value >= 20:
        return _EN_TENS[value // 10] + (f"-{_EN[value % 10]}" if value % 10 else "")
    return _EN[value]


def in_spanish(value: int) -> str:
    """Such as "dos millones trescientos cinco"."""
    return _plain(_spanish(value))


def _spanish(value: int) -> str:
    if value >= 1_000_000:
        head = "un millón" if value < 2_000_000 else f"{_shortened(value // 1_000_000)} millones"
        return f"{head} {_spanish(value % 1_000_000)}" if value % 1_000_000 else head
    if value >= 1_000:
        head = "mil" if value < 2_000 else f"{_shortened(value // 1_000)} mil"
        return f"{head} {_spanish(value % 1_000)}" if value % 1_000 else head
    if value >= 100:
        if value == 100:
            return "cien"
        return _ES_HUNDREDS[value // 100] + (f" {_spanish(value % 100)}" if value % 100 else "")
    if value >= 30:
        return _ES_TENS[value // 10] + (f" y {_ES[value % 10]}" if value % 10 else "")
    return _ES[value]


def _shortened(value: int) -> str:
    """Before another word: veintiún mil, treinta y un mil."""
    said = _spanish(value)
    return said[:-3] + "un" if said.endswith("uno") else said


def _plain(words: str) -> str:
    return words.translate(str.maketrans("áéíóú", "aeiou"))


IN_WORDS = {"en": in_english, "es": in_spanish}


def test_times_of_day_are_held_too() -> None:
    """14:05 and 2:05 pm are one."""
    held = evidence(Rows((ResultColumn("at", "time"),), ((time(14, 5),),)), "", "postgres")

    assert is_supported("At 14:05, or 2:05 pm.", held, "en") and not is_supported("At 15:05.", held, "en")
