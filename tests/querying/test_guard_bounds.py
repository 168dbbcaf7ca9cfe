"""What a checked query tells of itself, how many rows it can bring, and what stands for `*`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from querying.errors import QueryRefused
from querying.guard.checking import check
from querying.testing.shop import shop_schema
from querying.types import Caps, Dialect, Schema, Table


def _sql(dialect: Dialect, sql: str, rows: int = 100) -> str:
    return check(sql, shop_schema(dialect), Caps(rows=rows)).sql


@pytest.mark.parametrize(
    ("sql", "end"),
    [
        ("SELECT quantity FROM stock", "LIMIT 101"),
        ("SELECT quantity FROM stock LIMIT 5", "LIMIT 5"),
        ("SELECT quantity FROM stock LIMIT 101", "LIMIT 101"),
        ("SELECT quantity FROM stock LIMIT 1000000", "LIMIT 101"),
        ("SELECT quantity FROM stock LIMIT 500 OFFSET 7", "LIMIT 101 OFFSET 7"),
        ("SELECT quantity FROM stock FETCH FIRST 500 ROWS ONLY", "LIMIT 101"),
        ("SELECT quantity FROM stock FETCH FIRST 5 ROWS ONLY", "LIMIT 5"),
        ("SELECT quantity FROM stock FETCH FIRST ROW ONLY", "LIMIT 1"),
        ("SELECT city FROM customer UNION SELECT warehouse FROM stock", "LIMIT 101"),
        ("(SELECT quantity FROM stock LIMIT 500)", "LIMIT 101"),
        ("SELECT * FROM (SELECT quantity FROM stock LIMIT 500) AS x", "LIMIT 101"),
    ],
)
def test_the_outermost_query_brings_one_row_more_than_allowed(sql: str, end: str) -> None:
    """Its own limit is lowered, never raised; one more row tells that there are more."""
    assert _sql("postgres", sql).endswith(end)


@pytest.mark.parametrize(
    ("sql", "bound"),
    [
        ("SELECT quantity FROM stock", "SELECT TOP 101 "),
        ("SELECT DISTINCT quantity FROM stock", "SELECT DISTINCT TOP 101 "),
        ("SELECT TOP 5 quantity FROM stock", "SELECT TOP 5 "),
        ("SELECT TOP (5000) quantity FROM stock ORDER BY quantity", "SELECT TOP 101 "),
        (
            "SELECT quantity FROM stock ORDER BY quantity OFFSET 3 ROWS",
            "OFFSET 3 ROWS FETCH NEXT 101 ROWS ONLY",
        ),
        (
            "SELECT quantity FROM stock ORDER BY quantity OFFSET 3 ROWS FETCH NEXT 500 ROWS ONLY",
            "OFFSET 3 ROWS FETCH NEXT 101 ROWS ONLY",
        ),
        (
            "SELECT city FROM customer UNION ALL SELECT warehouse FROM stock",
            "ORDER BY 1 OFFSET 0 ROWS FETCH NEXT 101 ROWS ONLY",
        ),
        ("WITH x AS (SELECT city FROM customer) SELECT city FROM x", ") SELECT TOP 101 "),
    ],
)
def test_sql_server_is_bounded_in_its_own_words(sql: str, bound: str) -> None:
    """TOP, or OFFSET … FETCH where there is an offset or more than one SELECT."""
    assert bound in _sql("tsql", sql)


def test_an_offset_without_order_is_refused_by_sql_server() -> None:
    """It could not be bounded there."""
    with pytest.raises(QueryRefused):
        _sql("tsql", "SELECT quantity FROM stock OFFSET 3 ROWS")


def test_what_is_read_is_told() -> None:
    """Tables by full name and columns by table, also from inside subqueries, CTEs, USING and ORDER BY."""
    checked = check(
        "WITH r AS (SELECT customer_id FROM customer WHERE city = 'Madrid') SELECT o.status, (SELECT max(price)"
        " FROM product) AS p FROM orders o JOIN r USING (customer_id)"
        " JOIN order_line l USING (order_id) ORDER BY l.quantity",
        shop_schema("postgres"),
        Caps(),
    )
    assert checked.tables == {"public.customer", "public.orders", "public.order_line", "public.product"}
    assert checked.columns == {
        ("public.customer", "customer_id"),
        ("public.customer", "city"),
        ("public.orders", "customer_id"),
        ("public.orders", "order_id"),
        ("public.orders", "status"),
        ("public.order_line", "order_id"),
        ("public.order_line", "quantity"),
        ("public.product", "price"),
    }


@pytest.mark.parametrize("is_offered", [True, False], ids=["left out", "marked"])
def test_a_star_stands_for_what_may_be_read(is_offered: bool) -> None:
    """Whether personal columns are left out of the schema or marked in it."""
    schema = shop_schema("postgres", is_offered=is_offered)
    for sql in (
        "SELECT * FROM customer",
        "SELECT c.* FROM customer c",
        "SELECT * FROM (SELECT * FROM customer) AS c",
    ):
        checked = check(sql, schema, Caps())
        assert {column for _, column in checked.columns} == {
            "customer_id",
            "city",
            "region",
            "segment",
            "since",
        }
        assert '"email"' not in checked.sql
    with pytest.raises(QueryRefused) as refused:
        check("SELECT email FROM customer", schema, Caps())
    assert refused.value.reason == "column_unknown"
    assert "email" not in str(refused.value.detail).partition("There are")[2]


def test_a_name_that_the_database_would_trace_elsewhere_is_written_out() -> None:
    """The inner query has a column that nobody may read; by the outer one's name it is not reached."""
    sql = _sql(
        "postgres",
        "SELECT (SELECT email FROM customer LIMIT 1) AS e FROM (SELECT city AS email FROM customer) AS x",
    )
    assert '(SELECT "x"."email" FROM "public"."customer" AS "customer" LIMIT 1)' in sql


def test_a_table_of_another_namespace_is_named_with_it() -> None:
    """The default one alone may be left out; without a default a name must be the only one."""
    stock = shop_schema("postgres").tables[4]
    other = replace(stock, namespace="archivo")
    schema = Schema("postgres", (stock, other), "public")
    assert '"public"."stock"' in check("SELECT quantity FROM stock", schema, Caps()).sql
    assert '"archivo"."stock"' in check("SELECT quantity FROM archivo.stock", schema, Caps()).sql
    assert (
        '"archivo"."stock" AS "stock"'
        in check("SELECT archivo.stock.quantity FROM archivo.stock", schema, Caps()).sql
    )
    with pytest.raises(QueryRefused):
        check("SELECT public.stock.quantity FROM archivo.stock", schema, Caps())
    with pytest.raises(QueryRefused):
        check("SELECT quantity FROM stock", replace(schema, default_namespace=""), Caps())


def test_names_are_compared_as_the_database_compares_them() -> None:
    """PostgreSQL folds what is not quoted; MySQL keeps the case of tables; SQLite, SQL Server and DuckDB keep none."""
    mixed = Schema(
        "postgres", (Table("Ventas", shop_schema("postgres").tables[4].columns, "public"),), "public"
    )
    assert '"public"."Ventas" AS "v"' in check('SELECT v.Quantity FROM "Ventas" V', mixed, Caps()).sql
    for sql in ("SELECT quantity FROM Ventas", 'SELECT "Quantity" FROM "Ventas"'):
        with pytest.raises(QueryRefused) as refused:
            check(sql, mixed, Caps())
        assert "There are: " in str(refused.value)
    for dialect in ("sqlite", "tsql", "duckdb"):
        assert "quantity" in _sql(dialect, "SELECT S.QUANTITY FROM STOCK s")
    assert "`stock`.`quantity`" in _sql("mysql", "SELECT QUANTITY FROM stock")


def test_comments_do_not_reach_the_database() -> None:
    """Neither those that are one nor those that a string only looks like."""
    sql = _sql("postgres", "SELECT /* a */ city -- b\n FROM customer WHERE city <> '-- /* c */' /* d */")
    assert "'-- /* c */'" in sql
    assert not any(word in sql for word in ("/* a */", "-- b", "/* d */"))


def test_a_column_of_using_is_written_with_its_table() -> None:
    """A bare name could be taken from a hidden column of another table: SQLite takes the first that has one."""
    sql = _sql(
        "sqlite",
        "SELECT email FROM customer c JOIN (SELECT 'z' AS email) y ON 1 = 1 JOIN (SELECT 'z' AS email) z USING (email)",
    )
    assert sql.startswith('SELECT "y"."email" FROM')
    assert 'ON "y"."email" = "z"."email"' in sql
    assert "USING" not in sql


@pytest.mark.parametrize(
    ("join", "shown"),
    [
        ("JOIN", '"o"."order_id"'),
        ("LEFT JOIN", '"o"."order_id"'),
        ("RIGHT JOIN", '"l"."order_id"'),
        ("FULL JOIN", 'coalesce("o"."order_id", "l"."order_id") AS "order_id"'),
    ],
)
def test_a_column_of_using_is_that_of_the_side_that_is_kept(join: str, shown: str) -> None:
    """As the standard says; by name of a table each stays its own."""
    sql = _sql(
        "postgres", f"SELECT order_id, l.order_id AS b FROM orders o {join} order_line l USING (order_id)"
    )
    assert sql.startswith(f'SELECT {shown}, "l"."order_id" AS "b" FROM')


def test_what_is_ordered_by_is_the_result_of_that_name() -> None:
    """Two tables have such a column; the database would take the result too."""
    sql = _sql(
        "postgres",
        "SELECT o.customer_id FROM orders o JOIN customer c ON c.customer_id = o.customer_id ORDER BY customer_id",
    )
    assert 'ORDER BY "o"."customer_id"' in sql


def test_a_comma_becomes_a_join_so_that_on_sees_what_stands_before_it() -> None:
    """In most databases it would not, and a name in ON could be found outside of the query instead."""
    sql = _sql(
        "mysql", "SELECT o.order_id FROM orders o, stock s JOIN product p ON p.product_id = o.order_id"
    )
    assert "FROM `shop`.`orders` AS `o` CROSS JOIN `shop`.`stock` AS `s` JOIN" in sql
