"""The one SQL statement in what a model said, whatever it put around it; or that no table fits. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

NO_TABLE_FITS: Final = "NO_TABLE_FITS"
_THOUGHT = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|$)", re.DOTALL | re.IGNORECASE)
_THOUGHT_END = re.compile(r"^.*</(?:think|thinking|reasoning)>", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"(?:```|~~~)[ \t]*([\w-]*)[^\n]*\n(.*?)(?:```|~~~|$)", re.DOTALL)
_BEGINS = re.compile(
    r"^[ \t>*-]*(?:sql[:\s]+)?("
    r"(?:with\s+(?:recursive\s+)?[\w\"`\[\]]+\s*(?:\([^)]*\)\s*)?as\b|select\s).*)",
    re.IGNORECASE | re.DOTALL | re.MULTILINE,
)
_REFUSAL = re.compile(rf"{NO_TABLE_FITS}\W*([^\n]*)")
_ENDS = re.compile(r";[ \t]*(?:\n|$)|\n\s*\n(?=\s*(?:[A-ZÁÉÍÓÚÑ¿¡*#][^\n]*[a-záéíóúñ] [a-záéíóúñ]))")
_SQL = re.compile(
    r"(?:--[^\n]*\n|/\*.*?\*/|\s)*\(?\s*(?:select|with|values|table|insert|update|delete|drop|alter|create|truncate|"
    r"grant|copy|set|explain|call|merge|attach|pragma)\b",
    re.IGNORECASE | re.DOTALL,
)
_LONGEST = 20_000
_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Said:
    """sql empty: no table fits, for this reason, or there was no SQL at all."""

    sql: str = ""
    reason: str = ""
    is_refusal: bool = False


def statement(text: str) -> Said:
    """Several statements are left together: whoever checks them refuses that, and says so."""
    text = _THOUGHT_END.sub("", _THOUGHT.sub("", text)).strip()[:_LONGEST]
    if (found := _in_json(text)) is not None:
        text = found
    fenced = [match[2].strip() for match in _FENCE.finditer(text)]
    for block in fenced:
        if _BEGINS.match(block) or _looks_like_sql(block):
            return Said(_unended(block))
    refusal = _REFUSAL.search(text)
    begun = _BEGINS.search(text)
    if refusal is not None and (begun is None or refusal.start() < begun.start()):
        return Said(reason=" ".join(refusal[1].split())[:_LONGEST_REASON], is_refusal=True)
    if begun is not None:
        body = begun[1]
        end = _ENDS.search(body)
        return Said(_unended(body[: end.start()] if end else body))
    if _looks_like_sql(text):
        return Said(_unended(text))
    return Said()


def _looks_like_sql(text: str) -> bool:
    """Also what may not run: it is refused by name, which tells more than "no SQL"."""
    return _SQL.match(text) is not None


def _unended(sql: str) -> str:
    return sql.strip().rstrip(";").strip()


def _in_json(text: str) -> str | None:
    """`{"sql": "SELECT …"}`, as models write that like structure."""
    if not text.startswith("{"):
        return None
    try:
        read = json.loads(text)
    except ValueError:
        return None
    for name in ("sql", "query", "statement"):
        if isinstance(read, dict) and isinstance(read.get(name), str):
            return str(read[name])
    return None
