"""People from a CSV file: email, name, role, groups. Each good line becomes an account and an invitation link.

A line that is wrong is told with its number and stops nobody else; importing the same file again adds nobody twice.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from appliance.domain.people import Caller, Role
from appliance.domain.refusals import Told
from appliance.errors import ApplianceError, Conflict, InvalidRequest, PartUnavailable
from appliance.services.accounts.links import Links, OneTimeLink
from appliance.services.accounts.people import People, require_admin

COLUMNS = ("email", "name", "role", "groups")
MOST_LINES = 5_000


@dataclass(frozen=True, slots=True)
class ImportedLine:
    """line: its number in the file. link: None when the line was refused, error says why."""

    line: int
    email: str
    link: OneTimeLink | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    values: dict[str, str]


async def import_users(
    caller: Caller | None, text: str, people: People, links: Links
) -> Sequence[ImportedLine]:
    """text: CSV with a header line; separated by comma or semicolon; groups separated by `|`. Missing groups are made.

    Raises InvalidRequest when the file as a whole cannot be read.
    """
    require_admin(caller)
    lines = []
    for row in list(_rows(text)):
        email = row.values["email"]
        try:
            lines.append(ImportedLine(row.line, email, await _import(caller, row.values, people, links)))
        except PartUnavailable:
            raise
        except Conflict:
            lines.append(ImportedLine(row.line, email, error="This account exists already."))
        except ApplianceError as error:
            lines.append(ImportedLine(row.line, email, error=str(error)))
    return lines


async def _import(caller: Caller | None, values: dict[str, str], people: People, links: Links) -> OneTimeLink:
    try:
        role = Role(values["role"].lower() or Role.USER)
    except ValueError:
        known = ", ".join(Role)
        raise InvalidRequest(f"`role` is {values['role']!r}; known are {known}.", param="role") from None
    if await people.by_email(values["email"]) is not None:
        raise Conflict
    names = [name.strip() for name in values["groups"].split("|") if name.strip()]
    group_ids = await people.group_ids(caller, names, create=True)
    user = await people.add(caller, values["email"], name=values["name"], role=role, group_ids=group_ids)
    return await links.make(caller, "invitation", user.id)


def _rows(text: str) -> Iterator[_Row]:
    text = text.removeprefix("\ufeff")  # Excel begins its files with it
    header = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in header else ",", strict=True)
    try:
        columns = [column.strip().lower() for column in next(reader, [])]
        if "email" not in columns or not set(columns) <= set(COLUMNS) or len(set(columns)) < len(columns):
            raise InvalidRequest(
                f"The first line must name the columns: {', '.join(COLUMNS)} (email is needed, each once).",
                param="file",
            )
        for count, cells in enumerate(reader, start=1):
            if count > MOST_LINES:
                raise InvalidRequest(Told("lines_most", most=MOST_LINES), param="file")
            if not any(cell.strip() for cell in cells):
                continue
            values = dict.fromkeys(COLUMNS, "") | dict(zip(columns, (c.strip() for c in cells), strict=False))
            yield _Row(reader.line_num, values)
    except csv.Error as error:
        raise InvalidRequest(f"Line {reader.line_num} is not CSV: {error}.", param="file") from error
