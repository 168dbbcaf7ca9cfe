"""How many questions a running appliance answers with the rows that their checked SQL brings.

    python scripts/eval_sql.py QUESTIONS.jsonl --source NAME [--url URL] [--key-file FILE] [--model answer-from-data]
                               [--save FILE] [--only en|es] [--show]

A line of QUESTIONS: {"id", "lang", "question", "gold_sql", "answerable", "ordered"}. Each question is asked as an API
client asks it; the checked SQL is run at the same source, as the same person, through the same guard. Rows are equal as
multisets, whatever the order of columns; numbers to one in a million; order counts where a line says `"ordered": true`.
A question that no table answers is right when no rows come. Whichever way the appliance answers is measured: by a
saved question where one fits, else by the model that it uses. `--save FILE` keeps every answer as a line of JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice, permutations
from pathlib import Path
from typing import Any

import httpx

Row = tuple[Any, ...]
_NEAR = 1e-6
_MOST_WAYS = 5040  # orders of columns that are tried


@dataclass
class Answer:
    """What came of one question. why: a code where no rows came."""

    id: str
    lang: str
    question: str
    is_answerable: bool
    is_right: bool
    is_refused: bool
    was_saved: bool
    was_repaired: bool
    seconds: float
    prompt_tokens: int
    sql: str
    why: str


def same_rows(gold: Sequence[Row], got: Sequence[Row], *, ordered: bool = False) -> bool:
    """Whether the rows are equal, in some order of the columns."""
    if len(gold) != len(got):
        return False
    if not gold:
        return True
    if len(gold[0]) != len(got[0]):
        return False
    return any(_equal(gold, [tuple(row[n] for n in way) for row in got], ordered) for way in _ways(gold, got))


def _ways(gold: Sequence[Row], got: Sequence[Row]) -> Iterator[tuple[int, ...]]:
    """Orders of got's columns in which each holds what gold's does."""
    width = len(gold[0])
    known = [_column(gold, n) for n in range(width)]
    fits = [[m for m in range(width) if _column(got, m) == known[n]] for n in range(width)]
    for way in islice(permutations(range(width)), _MOST_WAYS):
        if all(m in fits[n] for n, m in enumerate(way)):
            yield way


def _column(rows: Sequence[Row], n: int) -> Counter[str]:
    return Counter(_key(row[n]) for row in rows)


def _equal(gold: Sequence[Row], got: Sequence[Row], ordered: bool) -> bool:
    if not ordered:
        gold, got = sorted(gold, key=_row_key), sorted(got, key=_row_key)
    return all(
        _alike(one, other)
        for row, same in zip(gold, got, strict=True)
        for one, other in zip(row, same, strict=True)
    )


def _row_key(row: Row) -> list[str]:
    return [_key(cell) for cell in row]


def _key(cell: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    """Cells that are equal for us have the same; a few that are nearly equal have not, and count as different."""
    number = _number(cell)
    return str(cell) if number is None else f"{number:.5g}"


def _alike(one: Any, other: Any) -> bool:  # noqa: ANN401
    first, second = _number(one), _number(other)
    if first is None or second is None:
        return bool(one == other)
    return math.isclose(first, second, rel_tol=_NEAR, abs_tol=_NEAR)


def _number(cell: Any) -> float | None:  # noqa: ANN401
    """Decimals come as strings."""
    if isinstance(cell, bool) or cell is None:
        return None
    try:
        return float(cell)
    except (TypeError, ValueError):
        return None


class Asker:
    """One person at one appliance."""

    def __init__(self, http: httpx.Client, model: str) -> None:
        self._http = http
        self._model = model

    def source(self, name: str) -> str:
        """The id of a source. Raises SystemExit that lists what may be asked."""
        offered = self._json("GET", "/api/data/offered")["data"]
        found = [one for one in offered if name in (one["name"], one["id"])]
        if not found:
            raise SystemExit(
                f"There is no source {name!r}. There are: {', '.join(one['name'] for one in offered)}."
            )
        return str(found[0]["id"])

    def gold(self, source_id: str, sql: str) -> list[Row] | str:
        """What the checked SQL brings; why it does not run here."""
        response = self._http.post(f"/api/data/sources/{source_id}/query", json={"sql": sql})
        if response.status_code >= 400:
            return str(response.json()["error"]["message"])
        return _rows(response.json())

    def answer(self, question: dict[str, Any], gold: Sequence[Row] | None) -> Answer:
        """gold None: no table answers it."""
        began = time.perf_counter()
        body = {"model": self._model, "messages": [{"role": "user", "content": question["question"]}]}
        answered = self._json("POST", "/v1/chat/completions", body)
        seconds = time.perf_counter() - began
        told, notes = answered["choices"][0]["message"].get("data", []), answered["appliance"]["notes"]
        rows = _rows(told[0]) if told else None
        is_right = (
            rows is None
            if gold is None
            else rows is not None and same_rows(gold, rows, ordered=bool(question.get("ordered")))
        )
        return Answer(
            str(question["id"]),
            question.get("lang", ""),
            question["question"],
            gold is not None,
            is_right,
            rows is None,
            "saved_question" in notes,
            "repaired" in notes,
            seconds,
            answered["usage"]["prompt_tokens"],
            told[0]["sql"] if told else "",
            "" if told else ", ".join(notes),
        )

    def _json(self, method: str, path: str, body: Any = None) -> Any:  # noqa: ANN401
        response = self._http.request(method, path, json=body)
        if response.status_code >= 400:
            raise SystemExit(f"{method} {path}: {response.status_code} {response.text[:500]}")
        return response.json()


def _rows(table: dict[str, Any]) -> list[Row]:
    """Those that an answer carries; a result of more than 200 rows is compared by its first ones, in their order."""
    return [
        tuple(json.dumps(cell) if isinstance(cell, dict) else cell for cell in row) for row in table["rows"]
    ]


def report(answers: Sequence[Answer]) -> str:
    """A table in Markdown, by language."""
    lines = [
        "| | questions | right rows | refused rightly | answered where nothing fits | refused where it could | "
        "by a saved question | mended | s, median | s, slowest |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for lang in [*sorted({one.lang for one in answers}), "all"]:
        of = [one for one in answers if lang in (one.lang, "all")]
        can, cannot = [one for one in of if one.is_answerable], [one for one in of if not one.is_answerable]
        seconds = [one.seconds for one in of]
        cells = [
            lang,
            str(len(of)),
            _share(sum(one.is_right for one in can), len(can)),
            _share(sum(one.is_refused for one in cannot), len(cannot)),
            str(sum(not one.is_refused for one in cannot)),
            str(sum(one.is_refused for one in can)),
            str(sum(one.was_saved for one in of)),
            _share(sum(one.was_repaired for one in of), len(of)),
            f"{statistics.median(seconds):.2f}",
            f"{max(seconds):.2f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole}" if whole else "–"


def main() -> None:
    """Ask them all, one after the other."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("questions", type=Path)
    parser.add_argument(
        "--source", required=True, help="name or id of the source that the checked SQL is for"
    )
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--key-file", type=Path, help="a file with an API key")
    parser.add_argument("--model", default="answer-from-data")
    parser.add_argument("--only", choices=("en", "es"))
    parser.add_argument("--save", type=Path, help="every answer, as a line of JSON")
    parser.add_argument(
        "--show", action="store_true", help="print the questions that were not answered rightly"
    )
    options = parser.parse_args()
    headers = {}
    if options.key_file:
        headers["Authorization"] = f"Bearer {options.key_file.read_text(encoding='utf-8').strip()}"
    questions = [
        json.loads(line) for line in options.questions.read_text(encoding="utf-8").splitlines() if line
    ]
    questions = [one for one in questions if options.only in (None, one.get("lang"))]
    answers: list[Answer] = []
    with httpx.Client(base_url=options.url, headers=headers, timeout=600, trust_env=False) as http:
        asker = Asker(http, options.model)
        source_id = asker.source(options.source)
        for question in questions:
            gold = asker.gold(source_id, question["gold_sql"]) if question["answerable"] else None
            if isinstance(gold, str):
                sys.stderr.write(
                    f"\n{question['id']} is left out: its checked SQL does not run here. {gold}\n"
                )
                continue
            answers.append(asker.answer(question, gold))
            sys.stderr.write("." if answers[-1].is_right else "x")
            sys.stderr.flush()
    sys.stderr.write("\n")
    if not answers:
        raise SystemExit("Not one question could be asked.")
    sys.stdout.write(report(answers) + "\n")
    if options.show:
        for one in answers:
            if not one.is_right:
                sys.stdout.write(f"\n{one.id} {one.question}\n  {one.why or one.sql}\n")
    if options.save:
        lines = [json.dumps(asdict(one), ensure_ascii=False) for one in answers]
        options.save.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
