"""Statements that nobody would want to run: queries with hostile parts, honest ones with tokens torn out and put in."""

# ruff: noqa: E501 - a fragment is read on one line

from __future__ import annotations

import re
from collections.abc import Sequence

from hypothesis import strategies as st

from querying.testing.shop import MakeDialect
from tests.querying.attacks import ATTACKS
from tests.querying.honest import EVERYWHERE, OWN

_RESULTS = (
    *(
        "city",
        "c.city",
        "count(*)",
        "*",
        "c.*",
        "1",
        "'x'",
        "max(c.since)",
        "c.region as email",
        "upper(city) as name",
    ),
    *(
        "c.customer_id",
        "count(distinct segment)",
        "city as payroll",
        "row_number() over (order by city) as n",
        "c.city || 'x'",
    ),
    *(
        "(select count(*) from orders o where o.customer_id = c.customer_id) as n",
        "case when city = 'a' then 1 end as k",
    ),
)
_HOSTILE_RESULTS = (
    *("email", "c.email", "name", "c", "customer", "c.*, c.email", "(c).email", "(c.*)::text", "row_to_json(c)", "to_jsonb(c)"),
    *("ctid", "rowid", "_rowid_", "c.xmin", "tableoid", "oid", "(select max(name) from payroll)", "(select email from customer limit 1)"),
    *("(select email) as e", "(select email from (select 1 as one) x) as e", "(select p.name from payroll p, customer c limit 1)"),
    *("nextval('numbers')", "setval('numbers', 99)", "set_config('x.y', 'z', false)", "lo_creat(-1)", "pg_advisory_lock(1)"),
    *("query_to_xml('delete from stock', true, true, '')", "pg_read_file('/etc/hostname')", "pg_sleep(0.01)", "version()"),
    *("current_user", "@@version", "@a := 1", "sleep(0.01)", "get_lock('a', 1)", "load_extension('x')", "last_insert_id(7)"),
    *("'a\\' , (select name from payroll) -- '", "E'\\' , name from payroll -- '", "$$x$$", "U&'\\0061'", "\"email\"", "`email`", "[email]"),
    *("x'41'", "'payroll'::regclass", "customer.email", "public.customer.email", "max(email)", "string_agg(email, ',')"),
    *("count(email)", "email as city", "first_value(email) over (order by city)", "coalesce(null, email)", "array_agg(c)"),
    *("concat(c)", "email(c)", "c.name(c)", "c::text", "'x' 'y'", "((select name from payroll))", "city -- ', email", "city /* */ , email"),
)  # fmt: skip
_SOURCES = (
    *(
        "customer c",
        "customer c",
        "customer as c join orders o using (customer_id)",
        "customer c left join orders o on o.customer_id = c.customer_id",
    ),
    *(
        "(select * from customer) c",
        "(select city, region as email, since, segment, customer_id, region from customer) c",
    ),
    *(
        "customer c, stock s",
        "customer c join (select customer_id as k from orders) x on x.k = c.customer_id",
        "customer as c cross join product payroll",
    ),
)
_HOSTILE_SOURCES = (
    *("payroll", "payroll c", "payroll as customer", "public.payroll c", "main.payroll c", "shop.payroll c", "customer c, payroll p"),
    *("customer c natural join payroll", "customer c natural join customer d", "(select * from payroll) c", "(select email as city from customer) c"),
    *("(select c from customer c) c", "customer c join payroll p on true", "customer c join payroll p using (name)", "customer c join customer d using (email)"),
    *("generate_series(1, 3) c", "pg_authid c", "sqlite_master c", "mysql.user c", "information_schema.columns c", "customer c, lateral (select * from payroll) p"),
    *("customer c, lateral (select c.email as city) p", "(values (1)) c(city)", "(table payroll) c", "(delete from stock returning *) c", "'/etc/passwd' c"),
    *("customer c(a, b, c, d, e)", "only customer c", "customer * c", "customer c tablesample system (50)", "customer as email", "(customer c join payroll p on true)"),
    *("\"customer\" c", "\"Payroll\" c", "customer partition (p0) c", "customer c use index (x)", "json_each('[1]') c", "pragma_table_info('payroll') c"),
    *("unnest(array[1]) c", "dblink('', 'select 1') c(city text)", "customer@x c", "customer c for update", "read_csv('/etc/passwd') c"),
)  # fmt: skip
_CONDITIONS = (
    "1 = 1",
    "city like 'M%'",
    "c.city is not null",
    "c.customer_id < 9",
    "city in ('Madrid', 'Bilbao')",
    "not city = 'x'",
)
_HOSTILE_CONDITIONS = (
    *(
        "email like '%c%'",
        "c.email > 'a'",
        "exists (select 1 from payroll)",
        "city = (select max(name) from payroll)",
        "c is not null",
    ),
    *(
        "city ~ '(a*)*b'",
        "city = 'x'' or email = ''y'",
        "city = 'x\\' or email = \\'y'",
        "city in (select email from customer)",
        "1 = 1 -- ",
    ),
    *(
        "exists (select email from customer)",
        "city = :x",
        "city = ?",
        "1 = 1; delete from stock",
        "city regexp 'a'",
        "current of x",
        "city collate \"C\" = 'x'",
    ),
)
_PREFIXES = (
    "",
    "",
    "",
    "with x as (select 1 as a) ",
    "with c as (select * from customer) ",
    "-- a\n",
    "/* a */ ",
    "(",
)
_HOSTILE_PREFIXES = (
    *("explain analyze ", "with c as (select * from payroll) ", "with payroll as (select * from payroll) ", "with payroll as (select * from customer) "),
    *("with customer as (select * from payroll) ", "with x as (delete from stock returning *) ", "with x as (insert into stock values (1, 'x', 1, null) returning *) "),
    *("with x as (update stock set quantity = 0 returning *) ", "with recursive x as (select 1) ", "set role postgres; ", "begin; ", "delete from stock; "),
    *("/*! delete from stock; */ ", "/*!50000 x */", "create table y as ", "insert into stock ", "copy (", "prepare p as ", "do $$ begin delete from stock; end $$; "),
    *("create view v as ", "with x(a) as materialized (select name from payroll) ", "declare x cursor for ", "explain (analyze) ", "replace into stock ", "truncate stock; "),
)  # fmt: skip
_SUFFIXES = (
    "",
    "",
    "",
    ";",
    " order by 1",
    " limit 3",
    " -- a",
    " group by c.city",
    " union select warehouse from stock",
    ")",
)
_HOSTILE_SUFFIXES = (
    *("; delete from stock", "; update stock set quantity = 0; --", " for update", " for share", " union select name from payroll", " union all select email from customer"),
    *(" order by email", " group by c.email", " group by email", " having max(email) > 'a'", " returning *", " into outfile '/tmp/guard-x'", " into @x", " procedure analyse()"),
    *("\0", "\0; drop table stock", "; drop table stock; --", " /*", " */ delete from stock", " fetch first 1 row with ties", " limit (select 1 from payroll)"),
    *(" order by (select name from payroll limit 1)", " window w as (partition by email)", " lock in share mode", " except select name from payroll", " \\g", "\n;\ndelete from stock\n;"),
    *(" intersect table payroll", " union (select name from payroll)", " union select c.email from customer c order by 1", "; commit; vacuum", "; select setval('numbers', 7)", " option (maxdop 1)"),
)  # fmt: skip
_TOKENS = (
    *("'", '"', "`", "''", "\\", "\\'", "--", "/*", "*/", ";", "(", ")", ",", ".", "*", "::", ":x", "$$", "$1", "@", "@@", "#", "\n", "||", "->", "[", "]", "{", "}"),
    *("email", "name", "payroll", "customer", "c", "c.email", "ctid", "rowid", "delete", "from", "select", "union", "into", "update", "insert", "returning", "for", "all"),
    *("lateral", "as", "with", "recursive", "natural", "using", "join", "on", "limit", "order by", "group by", "over", "filter", "null", "true", "1e309", "-1", "0x1", "\u00a0", "\u200b", "\ufeff"),
    *("public.", "main.", "shop.", "pg_catalog.", "nextval('numbers')", "setval('numbers', 9)", "(select max(name) from payroll)", "(select max(email) from customer)", "drop table stock"),
)  # fmt: skip
_WORDS = re.compile(r"\w+|\s+|.", re.DOTALL)
_HOSTILITY = 5
"""One part in so many is hostile."""


def hostile_statements(dialect: MakeDialect) -> st.SearchStrategy[str]:
    """Text of one or more statements, most of them hostile somewhere, some of them honest."""
    honest = st.sampled_from([*EVERYWHERE, *OWN[dialect]])
    attacks = st.sampled_from([sql for of, sql, _ in ATTACKS if of in ("all", dialect) and len(sql) < 2_000])
    return st.one_of(
        _composed(), _composed(), _spliced(st.one_of(_composed(), honest, honest, attacks)), attacks
    )


def _mostly(honest: Sequence[str], hostile: Sequence[str]) -> st.SearchStrategy[str]:
    return st.integers(0, _HOSTILITY).flatmap(lambda n: st.sampled_from(hostile if n == 0 else honest))


@st.composite
def _composed(draw: st.DrawFn) -> str:
    results = draw(st.lists(_mostly(_RESULTS, _HOSTILE_RESULTS), min_size=1, max_size=3))
    source = draw(_mostly(_SOURCES, _HOSTILE_SOURCES))
    condition = draw(_mostly(_CONDITIONS, _HOSTILE_CONDITIONS))
    before = draw(_mostly(_PREFIXES, _HOSTILE_PREFIXES))
    after = draw(_mostly(_SUFFIXES, _HOSTILE_SUFFIXES))
    return f"{before}select {', '.join(results)} from {source} where {condition}{after}"


@st.composite
def _spliced(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> str:
    parts = _WORDS.findall(draw(texts))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(parts)))
        gone = draw(st.integers(0, 2))
        parts[place : place + gone] = [draw(st.sampled_from(_TOKENS))]
    return "".join(parts)
