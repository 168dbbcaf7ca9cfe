"""In which currency a result's columns are, where somebody wrote that down. Pure."""

from __future__ import annotations

from appliance.domain.data import OfferedSource, QueryRun
from appliance.pipelines.answer_from_data.formatting import currency_in
from querying.types import ResultColumn

_NUMBERS = ("integer", "decimal", "float")


def currencies(run: QueryRun, source: OfferedSource) -> dict[str, str]:
    """Column's name -> its sign: by its own name, or by the description of a column of that name in the tables read."""
    return {
        column.name: sign
        for column in run.rows.columns
        if column.kind in _NUMBERS and (sign := _sign(column, run, source))
    }


def _sign(column: ResultColumn, run: QueryRun, source: OfferedSource) -> str:
    if sign := currency_in([column.name]):
        return sign
    told = [
        one.description
        for table in source.schema.tables
        if table.full_name in run.tables
        for one in table.columns
        if one.name.casefold() == column.name.casefold()
    ]
    return currency_in(told)
