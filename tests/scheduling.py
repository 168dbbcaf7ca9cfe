"""Which test process runs which files, and what happens when one dies."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler.loadfile import LoadFileScheduling
from xdist.workermanage import WorkerController

ROOT = Path(__file__).resolve().parent.parent


class BoxesTogether(LoadFileScheduling):  # type: ignore[misc]
    """A file stays in one process, and so do all files that share a box, so that it is started once a run."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)

    def remove_node(self, node: WorkerController) -> str | None:
        """A test whose process died has failed. By itself xdist begins it a dozen times, then leaves out the rest."""
        for unit in self.assigned_work[node].values():
            for nodeid, is_done in unit.items():
                if not is_done:
                    unit[nodeid] = True
                    super().remove_node(node)
                    return str(nodeid)
        super().remove_node(node)
        return None


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> BoxesTogether | None:
    """Instead of `--dist loadfile`; xdist's own groups are lost with pytest 9.2 (pytest-xdist issue 1386)."""
    return BoxesTogether(config, log) if config.getvalue("dist") == "loadfile" else None


def group(nodeid: str) -> str:
    """The tests that run in one process, one after the other: by file, or by a shared box."""
    file = nodeid.partition("::")[0]
    return "the boxes of the sample" if _shares_a_box(file) else file


@cache
def _shares_a_box(file: str) -> bool:
    path = ROOT / file
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return any(box in text for box in ("quoting_box", "writing_box"))
