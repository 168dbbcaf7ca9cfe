"""Log lines: JSON for programs, a line for people, one sink for every child."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.supervisor.log_sink import LogSink
from appliance.telemetry import LoggingSettings, configure_logging, request_id


@pytest.fixture
def kept_handlers() -> Iterator[None]:
    """The test's own logging is put back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)


@pytest.mark.usefixtures("kept_handlers")
def test_a_line_carries_the_request_it_belongs_to() -> None:
    """JSON lines have the request's id, what `extra` brought, and the trace of an error."""
    stream = io.StringIO()
    configure_logging("gateway", LoggingSettings(), stream)
    token = request_id.set("req-1")
    try:
        raise ValueError("boom")
    except ValueError:
        logging.getLogger("appliance.x").exception("it failed: %s", "here", extra={"engine": "local"})
    finally:
        request_id.reset(token)

    line = json.loads(stream.getvalue())

    assert (line["process"], line["level"], line["message"]) == ("gateway", "error", "it failed: here")
    assert (line["request_id"], line["engine"]) == ("req-1", "local")
    assert "ValueError: boom" in line["error"]
    assert line["time"].endswith("Z")


@pytest.mark.usefixtures("kept_handlers")
def test_the_level_is_a_setting() -> None:
    """Lines below the level are not written; text is one short line with the process's name."""
    stream = io.StringIO()
    configure_logging("worker", LoggingSettings(level="warning", format="text"), stream)

    logging.getLogger("appliance.x").info("unheard")
    logging.getLogger("appliance.x").warning("heard")

    assert stream.getvalue().count("\n") == 1
    assert "WARNING worker: heard" in stream.getvalue()


@pytest.mark.parametrize(
    ("child", "written", "level", "message"),
    [
        ("gateway", '{"level": "warning", "message": "m", "request_id": "r"}', "warning", "m"),
        (
            "postgres",
            "2026-11-21 08:08:10 UTC [1] ERROR:  relation does not exist",
            "error",
            "relation does not exist",
        ),
        (
            "valkey",
            "7:M 21 Nov 2026 08:08:22.264 # Can't save: error on disk",
            "error",
            "Can't save: error on disk",
        ),
        ("ui", "Traceback (most recent call last):", "error", "Traceback (most recent call last):"),
        ("ui", "100% {not json", "info", "100% {not json"),
    ],
)
def test_every_childs_lines_become_one_kind(
    tmp_path: Path, child: str, written: str, level: str, message: str
) -> None:
    """Our JSON, PostgreSQL's and Valkey's lines, and plain text: in the file each has name, level and message."""
    sink = LogSink(tmp_path, LoggingSettings())
    sink.child_line(child, written)
    sink.close()

    line = json.loads(sink.path.read_text(encoding="utf-8"))

    assert (line["process"], line["level"], line["message"]) == (child, level, message)


def test_what_postgresql_says_at_every_start_is_not_worth_a_line(tmp_path: Path) -> None:
    """Its refusals while it starts are usual and would only frighten."""
    sink = LogSink(tmp_path, LoggingSettings())
    sink.child_line("postgres", "2026-11-21 [1] FATAL:  the database system is starting up")
    sink.child_line("postgres", "2026-11-21 [1] LOG:  database system is ready to accept connections")
    sink.close()

    assert sink.path.read_text(encoding="utf-8") == ""
