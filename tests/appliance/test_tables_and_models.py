"""How tables are found for a question, shown to a model, and how its SQL is read out of what it says."""

from __future__ import annotations

import string
from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest

from appliance.domain.data import Chart, OfferedSource
from appliance.domain.people import Language
from appliance.pipelines.answer_from_data.asking_model import Told, recent, sql_prompt
from appliance.pipelines.answer_from_data.charting import chart
from appliance.pipelines.answer_from_data.constants import has_written_numbers
from appliance.pipelines.answer_from_data.describing import identifier
from appliance.pipelines.answer_from_data.linking import Linking
from appliance.pipelines.answer_from_data.statement import statement
from appliance.pipelines.answer_from_data.wording import Worded
from appliance.pipelines.data_texts import TEXTS
from appliance.pipelines.fitting import TokenCounts
from inference.types import ChatMessage
from querying.types import Column, ForeignKey, ResultColumn, Rows, Schema, Table, Value, ValueKind
from rag.analysis import Analyzer
from tests.appliance.files_of_a_chat import Answering

LINKING = Linking(Analyzer(("en", "es")))


def table(name: str, columns: str, description: str = "", *keys: tuple[str, str]) -> Table:
    """columns: names. keys: (column, table it points at)."""
    return Table(
        name,
        tuple(Column(one, "text", "text") for one in columns.split()),
        description=description,
        foreign_keys=tuple(ForeignKey((column,), other, ("id",)) for column, other in keys),
    )


BUSINESS = (
    table("INVOICE_HDR", "id cust_id InvoiceDate BillingCountry total", "", ("cust_id", "customer")),
    table(
        "invoiceline", "id invoice_id track_id qty", "", ("invoice_id", "INVOICE_HDR"), ("track_id", "tracks")
    ),
    table("customer", "id first_name country"),
    table("tracks", "id title milliseconds"),
    table("rrhh_emp", "id apellido fecha_alta", "Empleados y su fecha de contratación"),
    table("zz_9", "a b", "Existencias por almacén"),
)


def source(tables: tuple[Table, ...]) -> OfferedSource:
    """Of PostgreSQL."""
    return OfferedSource(uuid4(), "Company", "postgres", Schema("postgres", tables))


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("Total sales by country", {"INVOICE_HDR"}),
        ("¿Cuál es el total facturado por país?", {"INVOICE_HDR"}),
        ("Monthly revenue for 2023", {"INVOICE_HDR"}),
        ("¿Cuántas existencias hay en cada almacén?", {"zz_9"}),
        ("How much stock is in each warehouse?", {"zz_9"}),
        ("When was each employee hired?", {"rrhh_emp"}),
        ("Which customers bought the longest tracks?", {"customer", "tracks", "invoiceline", "INVOICE_HDR"}),
        ("¿Qué clientes compraron las pistas más largas?", {"customer", "invoiceline", "INVOICE_HDR"}),
    ],
)
def test_the_right_tables_stand_first_among_five_hundred(question: str, wanted: set[str]) -> None:
    """By names, descriptions, the other language and what joins them."""
    others = tuple(table(f"log_{n}", f"id code_{n} payload created") for n in range(494))

    (linked,) = LINKING.ranked(question, [source((*others, *BUSINESS))])

    assert wanted <= {one.table.name for one in linked.tables[:6]}


def test_the_source_that_a_question_is_about_comes_first() -> None:
    """Of several."""
    one, other = source(BUSINESS[:4]), source(BUSINESS[4:])

    assert LINKING.ranked("Sales by country", [other, one])[0].source is one
    assert LINKING.ranked("existencias por almacén", [one, other])[0].source is other


@pytest.mark.parametrize("context", [2048, 4096, 8192])
async def test_a_prompt_fits_whatever_the_schema(context: int) -> None:
    """Of five hundred tables those that count go in, with room for the answer."""
    others = tuple(
        replace(table(f"log_{n}", " ".join(f"column_{m}" for m in range(90))), rows=n) for n in range(494)
    )
    (linked,) = LINKING.ranked("Total sales by country", [source((*others, *BUSINESS))])
    engine = Answering(lambda _: "", context)
    told = Told(TEXTS["en"]["sql"], linked, (), [], "Total sales by country", "en", date(2026, 11, 22))

    prompt = await sql_prompt(told, context, TokenCounts(engine, 10**6))

    system = prompt.messages[0].content
    assert (
        prompt.tokens <= context - min(700, context // 3) and prompt.tables >= 1 and "INVOICE_HDR" in system
    )
    assert "more tables are not shown" in system


def test_what_was_said_before_is_cut_but_its_query_stays() -> None:
    """And a conversation starts with a person."""
    said = [ChatMessage("assistant", "x"), ChatMessage("user", "y" * 5000)]
    said += [ChatMessage("assistant", f"{'z' * 5000}\n\n```sql\nSELECT 1\n```")]

    kept = recent(said)

    assert [one.role for one in kept] == ["user", "assistant"] and all(
        len(one.content) < 1300 for one in kept
    )
    assert kept[1].content.endswith("```sql\nSELECT 1\n```")


def test_names_are_shown_as_they_must_be_written() -> None:
    """A model copies what it sees."""
    assert identifier("invoice", "postgres") == "invoice"
    assert identifier("Invoice", "postgres") == '"Invoice"' and identifier("Invoice", "sqlite") == "Invoice"
    assert identifier("order", "mysql") == "`order`" and identifier("Año fiscal", "tsql") == "[Año fiscal]"


@pytest.mark.parametrize(
    ("said", "sql"),
    [
        ("SELECT 1;", "SELECT 1"),
        ("```sql\nSELECT a\nFROM b;\n```\nThis tells you…", "SELECT a\nFROM b"),
        (
            "<think>SELECT bad</think>\nSo:\n\nSELECT x FROM y WHERE z = 'a;b'\n\nThis counts.",
            "SELECT x FROM y WHERE z = 'a;b'",
        ),
        (
            "I think\n\nWITH a AS (SELECT 1 AS n)\n\nSELECT n FROM a;\nDone",
            "WITH a AS (SELECT 1 AS n)\n\nSELECT n FROM a",
        ),
        ('{"sql": "SELECT 2"}', "SELECT 2"),
        ("With this in mind:\n```\nSELECT 3\n```", "SELECT 3"),
        ("Thoughts</think>SELECT 4", "SELECT 4"),
        ("SELECT 1; DROP TABLE x", "SELECT 1; DROP TABLE x"),
        ("```sql\nDROP TABLE x\n```", "DROP TABLE x"),
        ("I cannot do that.", ""),
    ],
)
def test_sql_is_found_in_whatever_a_model_says(said: str, sql: str) -> None:
    """Fences, thoughts, prose around it; several statements stay several, for the guard to refuse."""
    assert statement(said).sql == sql and not statement(said).is_refusal


def test_a_refusal_is_told_from_sql() -> None:
    """With its reason."""
    said = statement("<think>no</think>NO_TABLE_FITS: there is no weather.")
    assert said.is_refusal and said.reason == "there is no weather." and said.sql == ""


@pytest.mark.parametrize(
    ("sql", "is_written"),
    [
        ("SELECT 999 AS total", True),
        ("SELECT sum(a), 999 FROM t", True),
        ("SELECT a FROM t UNION SELECT 5", True),
        ("SELECT 2 * 3 FROM t", True),
        ("SELECT count(*) FROM t", False),
        ("SELECT 'Total' AS label, sum(a) / 100 FROM t LIMIT 5", False),
        ("SELECT (SELECT max(a) FROM t) AS m", False),
    ],
)
def test_a_number_written_into_a_query_is_none_of_a_table(sql: str, is_written: bool) -> None:
    """Whoever asked for it."""
    assert has_written_numbers(sql, "postgres") is is_written


# Charts and words ----------------------------------------------------------------------------------------


def rows(kinds: str, *values: tuple[Value, ...], names: str = "") -> Rows:
    """kinds, names: one for each column."""
    known: dict[str, ValueKind] = {"t": "text", "i": "integer", "d": "decimal", "D": "date"}
    called = names.split() or ["name", "total", "more", "again"]
    return Rows(
        tuple(ResultColumn(name, known[kind]) for name, kind in zip(called, kinds, strict=False)), values
    )


@pytest.mark.parametrize(
    ("result", "drawn"),
    [
        (rows("ti", ("a", 1), ("b", 2)), Chart("bar", 0, (1,))),
        (rows("Dd", *((date(2024, n, 1), Decimal(n)) for n in (1, 2, 3))), Chart("line", 0, (1,))),
        (rows("ii", (2021, 5), (2022, 6), (2023, 7), names="year total"), Chart("line", 0, (1,))),
        (rows("ti", *((f"2024-{n:02}", n) for n in (1, 2, 3))), Chart("line", 0, (1,))),
        (rows("ti", ("a", 1)), None),
        (rows("ti", ("a", None), ("b", 2)), None),
        (rows("ti", ("a", 1), ("a", 2)), None),
        (rows("ti", *((str(n), n) for n in range(31))), None),
        (rows("ti", ("a", 7), ("b", 8), names="name customer_id"), None),
        (rows("tt", ("a", "x"), ("b", "y")), None),
        (rows("ii", (1, 5), (2, 6)), None),
    ],
)
def test_a_picture_is_drawn_where_it_helps(result: Rows, drawn: Chart | None) -> None:
    """Bars of a few names, a line through time; nothing of one row, of keys, of too many, of holes."""
    assert chart(result) == drawn


@pytest.mark.parametrize(
    ("language", "result", "said"),
    [
        ("es", rows("d", (Decimal("1234.5"),), names="total_ventas"), "Total ventas: **1.234,50**."),
        ("en", rows("d", (Decimal("1234.5"),), names="total_sales"), "Total sales: **1,234.50**."),
        (
            "en",
            rows("d", (None,), names="total"),
            "Total: no value. The query found nothing to compute it from.",
        ),
        ("es", rows("ti"), "Ninguna fila: nada en las tablas responde a lo que se pregunta."),
        ("en", rows("ti", ("[a](b)", 2024), names="artist year"), "artist: **\\[a\\](b)**; year: **2024**."),
        (
            "es",
            rows("td", ("2024-03", Decimal(5)), names="mes total"),
            "mes: **marzo de 2024**; total: **5**.",
        ),
        ("es", rows("ti", ("a", 1200), ("b", 3)), "2 filas (name, total):\n\n- a: **1.200**\n- b: **3**"),
    ],
)
def test_a_result_is_told_in_our_own_words(language: Language, result: Rows, said: str) -> None:
    """In the asker's language, with its marks; years are not grouped, and names are no Markdown."""
    assert Worded(result, language).text() == said


def test_a_series_is_told_by_its_ends_and_extremes() -> None:
    """All four are values of the rows."""
    result = rows("Dd", *((date(2024, n, 1), Decimal(n * n)) for n in (1, 2, 3)), names="mes total")

    said = Worded(result, "es", {"total": "€"}).text()

    assert "la primera, 1 de enero de 2024: **1\u00a0€**" in said
    assert "la más alta, 1 de marzo de 2024: **9\u00a0€**" in said


def test_months_as_numbers_are_told_with_their_column_and_amounts_with_their_cents() -> None:
    """Nobody reads "the first, 1: 2.5" as money of January."""
    values = ((1, Decimal("27328.52")), (2, Decimal("23521.6")), (3, Decimal(9)))

    said = Worded(rows("id", *values, names="mes total"), "es").text()

    assert "la primera, mes 1: **27.328,52**" in said and "la última, mes 3: **9,00**" in said


def test_a_result_that_was_cut_is_called_so() -> None:
    """Nobody takes it for all."""
    result = replace(rows("ti", ("a", 1), ("b", 2)), cut="rows")
    assert "Only the first 2 rows were read" in Worded(result, "en").text() and chart(result) is None


def test_both_languages_have_every_sentence_with_the_same_gaps() -> None:
    """No answer is half in another language."""

    def gaps(text: str) -> set[str | None]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    assert TEXTS["en"].keys() == TEXTS["es"].keys()
    assert all(gaps(TEXTS["en"][name]) == gaps(TEXTS["es"][name]) for name in TEXTS["en"])
