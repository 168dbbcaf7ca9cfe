"""Log lines: JSON with the request's id for machines, one short line for people on a terminal.

Every process calls `configure_logging` once; the request id travels in a context variable, so a line written deep
inside a use case carries it without being told. Knows nothing about HTTP; the door sets the id.
"""

from __future__ import annotations

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import orjson
from pydantic import BaseModel, ConfigDict, Field

request_id: ContextVar[str] = ContextVar("request_id", default="")
traceparent: ContextVar[str] = ContextVar("traceparent", default="")
"""The span of what is done here, as a W3C Trace Context header; empty where nothing is traced."""

_SAMPLED = 1  # of the header's flags

REQUESTS = "appliance.requests"
"""The logger of the requests' own lines: for files and machines, not for a terminal."""

LogFormat = Literal["auto", "json", "text"]
LogLevel = Literal["debug", "info", "warning", "error"]

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "request_id"}
# Libraries that log every request they make; their warnings are kept.
_TALKATIVE = (
    "uvicorn.error",
    "httpx",
    "httpx2",
    "httpcore",
    "urllib3",
    "asyncio",
    "procrastinate",
    "uvicorn.access",
)


class Lines(tuple[dict[str, Any], ...]):
    """A message that is many lines: the fields of each, its own time among them."""


class LoggingSettings(BaseModel):
    """What the processes write about themselves."""

    model_config = ConfigDict(extra="forbid")

    level: LogLevel = Field("info", description="Least serious lines that are written.")
    format: LogFormat = Field(
        "auto", description="json, text, or auto: text on a terminal, JSON everywhere else."
    )
    requests: bool = Field(
        True,
        description="A line for every request to an engine: its id, who, engine, times, tokens; never what was said.",
    )


class TracingSettings(BaseModel):
    """OpenTelemetry traces, off unless a collector is named."""

    model_config = ConfigDict(extra="forbid")

    endpoint: str = Field(
        "", description="OTLP over HTTP, such as http://127.0.0.1:4318/v1/traces; empty: no traces."
    )
    share: float = Field(
        1.0, ge=0, le=1, description="Share of the traces that begin here and are kept; 1: all of them."
    )


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, process, logger, message, request_id and whatever `extra` brought."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        if isinstance(record.msg, Lines):
            head = {"level": record.levelname.lower(), "process": self._process, "logger": record.name}
            return b"\n".join(orjson.dumps(head | line) for line in record.msg).decode()
        return json.dumps(_fields(record, self._process), ensure_ascii=False, default=str)


class TextFormatter(logging.Formatter):
    """`12:00:00 WARNING gateway: sentence [request id]`, with a colour for what is serious on a terminal."""

    def __init__(self, process: str, *, colours: bool) -> None:
        super().__init__()
        self._process = process
        self._colours = colours

    def format(self, record: logging.LogRecord) -> str:
        return render_text(_fields(record, self._process), colours=self._colours)


def configure_logging(
    process: str, settings: LoggingSettings | None = None, stream: TextIO | None = None
) -> None:
    """Send everything this process logs to stream (default: standard error), once; calling again replaces it."""
    settings = settings or LoggingSettings()
    target = sys.stderr if stream is None else stream
    is_terminal = target.isatty()
    as_text = settings.format == "text" or (settings.format == "auto" and is_terminal)
    handler = logging.StreamHandler(target)
    handler.setFormatter(TextFormatter(process, colours=is_terminal) if as_text else JsonFormatter(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger(REQUESTS).disabled = as_text or not settings.requests
    logging.captureWarnings(True)


def render_text(fields: dict[str, Any], *, colours: bool = False) -> str:
    """The line people read, from the fields of a JSON line."""
    level = str(fields.get("level", "info")).upper()
    time = _local_time(str(fields.get("time", "")))
    text = f"{time} {level:<7} {fields.get('process', '?')}: {fields.get('message', '')}"
    if fields.get("request_id"):
        text += f" [{fields['request_id']}]"
    if fields.get("error"):
        text += "\n" + str(fields["error"]).rstrip()
    if colours and level in ("WARNING", "ERROR", "CRITICAL"):
        shade = "33" if level == "WARNING" else "31"
        text = f"\x1b[{shade}m{text}\x1b[0m"
    return text


def trace_id() -> str | None:
    """Of the trace that this belongs to, as a collector shows it; None where none is kept (`tracing.share`)."""
    parts = traceparent.get().split("-")
    return parts[1] if len(parts) == 4 and int(parts[3], 16) & _SAMPLED else None


def now() -> str:
    """The time as every JSON line writes it: UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fields(record: logging.LogRecord, process: str) -> dict[str, Any]:
    moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    fields: dict[str, Any] = {
        "time": moment.replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "process": process,
        "logger": record.name,
        "message": record.getMessage(),
    }
    current = getattr(record, "request_id", "") or request_id.get()
    if current:
        fields["request_id"] = current
    fields.update({name: value for name, value in vars(record).items() if name not in _STANDARD})
    if record.exc_info:
        fields["error"] = logging.Formatter().formatException(record.exc_info)
    return fields


def _local_time(moment: str) -> str:
    try:
        return datetime.fromisoformat(moment).astimezone().strftime("%H:%M:%S")
    except ValueError:
        return datetime.now().astimezone().strftime("%H:%M:%S")
