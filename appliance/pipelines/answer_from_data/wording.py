"""A result in a sentence or two of our own: every number in them is a value of the result, or how many rows it has.

Deterministic, in the asker's language, and always to be had: with a model as without one. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from appliance.domain.people import Language
from appliance.pipelines.answer_from_data.charting import NUMBERS, is_in_time
from appliance.pipelines.answer_from_data.formatting import is_name, label, number, places_of, shown
from appliance.pipelines.data_texts import data_text
from querying.types import ResultColumn, Rows, Value

_MOST_LISTED = 5
_MOST_NAMED = 6  # columns
_LOOKED_AT = 200  # rows, for how many decimals amounts have


@dataclass(frozen=True, slots=True)
class Worded:
    """currencies: column's name -> its sign, where somebody wrote it down."""

    rows: Rows
    language: Language
    currencies: Mapping[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """Markdown."""
        count = len(self.rows.rows)
        if count == 0:
            said = data_text(self.language, "no_rows")
        elif count == 1 and len(self.rows.columns) == 1:
            said = self._one_value()
        elif count == 1:
            said = self._one_row()
        elif (series := self._series()) is not None:
            said = self._through_time(*series)
        else:
            said = self._listed()
        return f"{said}\n\n{self._cut()}" if self.rows.cut else said

    def cell(self, value: Value, column: int) -> str:
        """A value as it stands in a sentence."""
        name = self.rows.columns[column].name
        return shown(value, self.language, name, self.currencies.get(name, ""), self._places(column))

    def _places(self, column: int) -> int:
        return places_of(row[column] for row in self.rows.rows[:_LOOKED_AT])

    def _one_value(self) -> str:
        value, name = self.rows.rows[0][0], self._label(0)
        if value is None:
            return data_text(self.language, "no_value", name=_begun(name))
        return data_text(self.language, "one_value", name=_begun(name), value=self.cell(value, 0))

    def _one_row(self) -> str:
        return f"{self._pairs(self.rows.rows[0])}."

    def _pairs(self, row: Sequence[Value]) -> str:
        return "; ".join(
            f"{self._label(n)}: **{self.cell(value, n)}**" for n, value in enumerate(row[:_MOST_NAMED])
        )

    def _series(self) -> tuple[int, int] | None:
        """The column of moments and the one that is measured, where the rows are nothing but that."""
        columns = self.rows.columns
        moments = [n for n, _ in enumerate(columns) if is_in_time(self.rows, n)]
        if len(moments) != 1 or len(columns) != 2 or len(self.rows.rows) < 3:
            return None
        measured = 1 - moments[0]
        if columns[measured].kind not in NUMBERS or any(row[measured] is None for row in self.rows.rows):
            return None
        return moments[0], measured

    def _through_time(self, moment: int, measured: int) -> str:
        def at(row: Sequence[Value]) -> dict[str, str]:
            return {"when": self._moment(row[moment], moment), "value": self.cell(row[measured], measured)}

        rows = self.rows.rows
        ends = [at(rows[0]), at(rows[-1])]
        highest = at(max(rows, key=lambda row: row[measured]))  # type: ignore[arg-type, return-value]
        lowest = at(min(rows, key=lambda row: row[measured]))  # type: ignore[arg-type, return-value]
        sentences = [
            data_text(self.language, "series", name=_begun(self._label(measured)), rows=self._count()),
            data_text(self.language, "first", **ends[0]),
            data_text(self.language, "last", **ends[1]),
            data_text(self.language, "highest", **highest),
            data_text(self.language, "lowest", **lowest),
        ]
        return f"{sentences[0]}\n\n" + "\n".join(f"- {line}" for line in sentences[1:])

    def _moment(self, value: Value, column: int) -> str:
        """ "mes 3": a bare number says nothing; a year does."""
        said = self.cell(value, column)
        is_bare = isinstance(value, int) and not is_name(self.rows.columns[column].name)
        return f"{self._label(column)} {said}" if is_bare else said

    def _listed(self) -> str:
        rows = self.rows.rows
        lines = [f"- {self._line(row)}" for row in rows[:_MOST_LISTED]]
        named = ", ".join(self._label(n) for n in range(min(len(self.rows.columns), _MOST_NAMED)))
        key = "rows" if len(rows) <= _MOST_LISTED else "rows_first"
        head = data_text(self.language, key, rows=self._count(), columns=named)
        return f"{head}\n\n" + "\n".join(lines)

    def _line(self, row: Sequence[Value]) -> str:
        """`name: value` where there is one of each, else every value with its column."""
        kinds = [column.kind for column in self.rows.columns]
        if len(row) == 2 and kinds[0] not in NUMBERS:
            return f"{self.cell(row[0], 0)}: **{self.cell(row[1], 1)}**"
        if len(row) == 1:
            return self.cell(row[0], 0)
        return self._pairs(row)

    def _cut(self) -> str:
        return data_text(self.language, f"cut_{self.rows.cut}", rows=self._count())

    def _count(self) -> str:
        return number(len(self.rows.rows), self.language)

    def _label(self, column: int) -> str:
        return _label(self.rows.columns[column], column)


def _begun(name: str) -> str:
    """As a sentence begins."""
    return name[:1].upper() + name[1:]


def _label(column: ResultColumn, position: int) -> str:
    """A column without a name, or with a formula for one, is called by neither."""
    name = column.name.strip()
    is_formula = not name or name.startswith("?") or "(" in name
    return "·" if is_formula and position else "=" if is_formula else label(name)
