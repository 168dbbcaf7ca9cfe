"""`python -m ui.texts`: write the sentences where the gateway reads them."""

from __future__ import annotations

from pathlib import Path

from ui.texts import write_files

write_files(Path(__file__).resolve().parents[1] / "page")
