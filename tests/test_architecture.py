"""The house stays the house: layers hold, every table's row loads, files stay small."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.pipelines import PIPELINES
from inference.engines import ENGINES
from querying.connectors import CONNECTORS
from rag.parsers import PARSERS
from rag.stores import STORES

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("appliance", "inference", "querying", "rag", "ui")
LONGEST_FILE = 420

ROWS = [row for table in (PIPELINES, ENGINES, PARSERS, STORES, CONNECTORS) for row in table.values()]


def test_the_import_contracts_hold() -> None:
    """`.importlinter` describes the layers; nothing points up and nothing goes in circles."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]

    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("row", sorted(set(ROWS)))
def test_every_row_of_a_table_loads(row: str) -> None:
    """Strings in tables are invisible to the import checker, so each is loaded here."""
    module, _, name = row.partition(":")

    assert isinstance(getattr(importlib.import_module(module), name), type)


def test_no_file_outgrows_a_reader() -> None:
    """A file longer than about 400 lines is two files."""
    long = [
        f"{path.relative_to(ROOT)}: {lines}"
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST_FILE
    ]

    assert long == []
