"""Reads the ledger of what left: pages of it, sums, and whether its chain is whole. Holds no more than a line."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from appliance.domain.egress import ChainReport, EgressPage, EgressQuery, EgressTotal
from appliance.storage.egress_ledger import CLOSED, CURRENT, chain_of, closed_at, parted

_MOST_PROBLEMS = 20


class EgressReader:
    """folder: the ledger's. All methods block for the disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def page(self, query: EgressQuery, limit: int) -> EgressPage:
        """Newest first."""
        found: list[Mapping[str, Any]] = []
        for told in self.lines(query):
            if len(found) == limit:
                return EgressPage(found, has_more=True)
            found.append(told)
        return EgressPage(found, has_more=False)

    def lines(self, query: EgressQuery) -> Iterator[Mapping[str, Any]]:
        """Newest first."""
        for path in reversed(self._files()):
            if query.since is not None and path.name != CURRENT and closed_at(path) < query.since:
                return
            for line in _backwards(path):
                told = _told(line)
                if told is not None and _fits(told, query):
                    yield told

    def totals(self, query: EgressQuery) -> list[EgressTotal]:
        """The most bytes first; what was refused before anything left counts apart."""
        sums: dict[tuple[str, str], EgressTotal] = {}
        for told in self.lines(replace(query, happened=("ended", "refused"), before=None)):
            key = str(told.get("host", "")), str(told.get("purpose", ""))
            one = sums.get(key) or EgressTotal(*key)
            is_refused = told.get("happened") == "refused"
            sums[key] = replace(
                one,
                departures=one.departures + (not is_refused),
                refused=one.refused + is_refused,
                sent_bytes=one.sent_bytes + int(told.get("sent_bytes", 0)),
                received_bytes=one.received_bytes + int(told.get("received_bytes", 0)),
            )
        return sorted(sums.values(), key=lambda one: (-one.sent_bytes, -one.departures, one.host))

    def verified(self) -> ChainReport:
        """Every line's number and hash. The oldest line that is kept is believed: those before it were removed."""
        count = first = last = torn = 0
        before, problems = "", []
        for path in self._files():
            for line in path.open("rb"):
                found = parted(line)
                if found is None:
                    torn += _told(line) is None  # else: of a release that numbered nothing
                    continue
                told, body, chain = found
                count, number = count + 1, told["n"]
                if before and number != last + 1:
                    problems.append(f"{path.name}: line {number} follows line {last}.")
                elif before and chain != chain_of(before, body):
                    problems.append(f"{path.name}: line {number} is not what was written.")
                first, last, before = first or number, number, chain
        return ChainReport(count, first, last, before, torn, problems[:_MOST_PROBLEMS])

    def _files(self) -> list[Path]:
        """Oldest first."""
        current = self._folder / CURRENT
        return [*sorted(self._folder.glob(CLOSED)), *([current] if current.is_file() else [])]


def _fits(told: Mapping[str, Any], query: EgressQuery) -> bool:
    if query.before is not None and int(told.get("n", 0)) >= query.before:
        return False
    if query.happened and told.get("happened") not in query.happened:
        return False
    if query.purpose and told.get("purpose") != query.purpose:
        return False
    for name, wanted in (("actor", query.actor), ("host", query.host)):
        if wanted and wanted.casefold() not in str(told.get(name, "")).casefold():
            return False
    if query.since is None and query.until is None:
        return True
    at = datetime.fromisoformat(str(told["at"]))
    return (query.since is None or at >= query.since) and (query.until is None or at < query.until)


def _told(line: bytes) -> dict[str, Any] | None:
    """Without the hash; None for what a dying process left unfinished."""
    try:
        told = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(told, dict) or "at" not in told:
        return None
    told.pop("chain", None)
    return told


def _backwards(path: Path) -> Iterator[bytes]:
    """Lines, the last one first."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            end = len(text)
            while end > 0:
                start = text.rfind(b"\n", 0, end - 1) + 1
                if line := text[start:end].strip():
                    yield line
                end = start
