"""`appliance insights`: errors, questions that found nothing, slow and bad answers of a day, a week or a month."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table

from appliance.commands.client import find_address, talk
from appliance.commands.options import DataOption, JsonOption, KeyOption, UrlOption
from appliance.commands.plain_table import plain_table


class Period(StrEnum):
    """Up to now."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def insights(
    period: Annotated[Period, typer.Option(help="Up to now, against as long before.")] = Period.WEEK,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Show what went wrong, found nothing, was slow or disliked; for administrators and auditors."""
    address = find_address(url, key, data)
    told: dict[str, Any] = talk(address, lambda api: api.get("/api/insights", {"period": period.value}))
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        Console().print(insights_screen(told))


def insights_screen(told: Mapping[str, Any]) -> RenderableType:
    """What `/api/insights` tells, for people."""
    errors, unanswered, disliked = told["errors"], told["unanswered"], told["disliked"]
    sums = ((errors, "errors"), (unanswered, "questions that found nothing"), (disliked, "bad answers"))
    said = ", ".join(_against(part, what) for part, what in sums)
    parts: list[RenderableType] = [f"The last {told['period']}: {said}."]
    if errors["data"]:
        parts.append(_errors(errors["data"]))
    if unanswered["places"]:
        parts.append(_places(unanswered["places"]))
    if unanswered["questions"]:
        parts.append(_questions(unanswered["questions"]))
    elif unanswered["count"]:
        parts.append("Their words are private; what people shared with a rating would stand here.")
    if told["slow"]["models"]:
        parts += [_models(told["slow"]["models"]), _slowest(told["slow"]["answers"])]
    return Group(*parts)


def _against(part: Mapping[str, Any], what: str) -> str:
    return f"{part['count']:,} {what} ({part['before']:,} before)"


def _errors(groups: list[dict[str, Any]]) -> Table:
    table = plain_table(
        "Errors", "code", "where", "times>", "before>", "people>", "last (UTC)", "in the logs"
    )
    for one in groups:
        figures = (str(one[name]) for name in ("count", "before", "people"))
        table.add_row(
            one["code"], escape(one["route"]), *figures, _moment(one["last_at"]), escape(one["lookup"])
        )
    return table


def _places(places: list[dict[str, Any]]) -> Table:
    table = plain_table("Nothing was found in", "language", "times>", "different>", "people>", "last (UTC)")
    for one in places:
        name = "(not yours to see)" if one["private"] else one["collection"] or "everything they may see"
        figures = (str(one[name]) for name in ("count", "wordings", "people"))
        table.add_row(escape(name), one["language"] or "", *figures, _moment(one["last_at"]))
    return table


def _questions(questions: list[dict[str, Any]]) -> Table:
    table = plain_table("Asked in similar words", "times>", "people>", "last (UTC)")
    for one in questions:
        table.add_row(escape(one["question"]), str(one["count"]), str(one["people"]), _moment(one["last_at"]))
    return table


def _models(models: list[dict[str, Any]]) -> Table:
    table = plain_table(
        "Answers by model", "answers>", "first word, 95 %>", "whole, 95 %>", "before>", "queue, 95 %>"
    )
    for one in models:
        names = ("first_p95", "total_p95", "before_total_p95", "queue_p95")
        table.add_row(escape(one["model"]), f"{one['answers']:,}", *(_seconds(one[name]) for name in names))
    return table


def _slowest(answers: list[dict[str, Any]]) -> Table:
    table = plain_table(
        "The slowest", "took>", "queue>", "documents>", "engine>", "when (UTC)", "in the logs"
    )
    for one in answers:
        times = (_seconds(one[name]) for name in ("total_ms", "queue_ms", "documents_ms", "engine_ms"))
        table.add_row(escape(one["model"]), *times, _moment(one["started_at"]), escape(one["request_id"]))
    return table


def _seconds(ms: float | None) -> str:
    return "" if ms is None else f"{ms / 1000:.1f} s"


def _moment(iso: str) -> str:
    return iso[:16].replace("T", " ")
