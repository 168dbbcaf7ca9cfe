"""Names for tables and columns that can be said and written in SQL without quotation marks."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable

LONGEST = 60
_BRACKETS = re.compile(r"\s*[(\[]([^()\[\]]{1,20})[)\]]\s*\Z")
_UNITS = frozenset(
    [
        "€",
        "$",
        "£",
        "¥",
        "%",
        "‰",
        "eur",
        "usd",
        "gbp",
        "euro",
        "euros",
        "kg",
        "g",
        "t",
        "tm",
        "ton",
        "l",
        "ml",
        "hl",
        "m",
        "cm",
        "mm",
        "km",
        "m2",
        "m²",
        "m3",
        "m³",
        "ha",
        "h",
        "hs",
        "hora",
        "horas",
        "min",
        "s",
        "kw",
        "kwh",
        "mwh",
        "w",
        "v",
        "ºc",
        "°c",
        "c",
        "ud",
        "uds",
        "un",
        "u.",
        "unidades",
        "units",
        "pcs",
        "pza",
        "pzas",
        "miles",
        "millones",
        "k",
        "mm€",
        "m€",
        "k€",
        "miles€",
        "dias",
        "días",
        "days",
    ]
)
# Words that DuckDB and other dialects keep for themselves (`duckdb_keywords()`, those that are reserved).
_KEPT = frozenset(
    [
        "all",
        "analyse",
        "analyze",
        "and",
        "any",
        "array",
        "as",
        "asc",
        "asymmetric",
        "between",
        "both",
        "by",
        "case",
        "cast",
        "check",
        "collate",
        "column",
        "constraint",
        "create",
        "current_date",
        "current_time",
        "current_timestamp",
        "current_user",
        "default",
        "deferrable",
        "desc",
        "describe",
        "distinct",
        "do",
        "else",
        "end",
        "except",
        "false",
        "fetch",
        "filter",
        "for",
        "foreign",
        "from",
        "glob",
        "grant",
        "group",
        "having",
        "ilike",
        "in",
        "initially",
        "intersect",
        "into",
        "is",
        "isnull",
        "join",
        "key",
        "lambda",
        "lateral",
        "leading",
        "left",
        "like",
        "limit",
        "natural",
        "not",
        "notnull",
        "null",
        "offset",
        "on",
        "only",
        "or",
        "order",
        "over",
        "partition",
        "pivot",
        "placing",
        "primary",
        "qualify",
        "references",
        "returning",
        "right",
        "row",
        "rows",
        "select",
        "set",
        "show",
        "similar",
        "some",
        "summarize",
        "symmetric",
        "table",
        "then",
        "to",
        "top",
        "trailing",
        "true",
        "union",
        "unique",
        "unpivot",
        "user",
        "using",
        "values",
        "variadic",
        "view",
        "when",
        "where",
        "window",
        "with",
        "within",
    ]
)


def unit_of(label: str) -> str:
    """What stands in brackets behind a header, where it is a unit."""
    match = _BRACKETS.search(label)
    if match is None:
        return ""
    inside = match[1].strip()
    return inside if inside.casefold().replace(" ", "") in _UNITS else ""


def is_unit(text: str) -> bool:
    """A cell below a header that says in what its column counts."""
    bare = text.strip().strip("()[]").casefold().replace(" ", "")
    return bare in _UNITS


def speakable(label: str, fallback: str, *, digits_prefix: str = "n") -> str:
    """Lower case letters, digits and underscores; letters lose their accents, `ñ` becomes n.

    A name that begins with a year begins with y (`y2024_q1`), with another number with digits_prefix.
    """
    unit = unit_of(label)
    if unit:
        label = _BRACKETS.sub("", label)
    label = label.replace("%", " pct ").replace("€", " eur ").replace("&", " y ").replace("#", " num ")
    folded = unicodedata.normalize(
        "NFKD", label.casefold().replace("º", "").replace("ª", "").replace("ß", "ss")
    )
    letters = "".join(one for one in folded if not unicodedata.combining(one))
    name = re.sub(r"_+", "_", "".join(one if one.isalnum() else "_" for one in letters)).strip("_")
    name = name[:LONGEST].strip("_") or fallback
    if name[0].isdigit():
        name = ("y" if re.match(r"(?:19|20)\d\d(?:_|\Z)", name) else f"{digits_prefix}_") + name
    return f"{name}_" if name in _KEPT else name


def made_unique(names: Iterable[str], taken: Collection[str] = ()) -> list[str]:
    """The second of a name gets _2, the third _3."""
    used = set(taken)
    found = []
    for name in names:
        chosen, count = name, 1
        while chosen in used:
            count += 1
            chosen = f"{name[: LONGEST - 4]}_{count}"
        used.add(chosen)
        found.append(chosen)
    return found
