"""onnxruntime's own reports to its maker are off, wherever it is used."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
ROOMS = ("appliance", "inference", "querying", "rag", "scripts", "ui")
OPEN_A_SESSION = """
import onnx
from onnx import TensorProto, helper
from {module} import onnxruntime
line = helper.make_tensor_value_info
graph = helper.make_graph(
    [helper.make_node("Identity", ["x"], ["y"])], "g",
    [line("x", TensorProto.FLOAT, [1])], [line("y", TensorProto.FLOAT, [1])],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
print(session.run(None, {{"x": [2.0]}})[0][0])
"""


def test_a_session_leaves_no_identifier_behind(tmp_path: Path) -> None:
    """The library writes one to the home folder as soon as it may report, at its first session. That it is let alone in
    CI by itself must not hide it: the environment is a server's."""
    done = subprocess.run(
        [sys.executable, "-c", OPEN_A_SESSION.format(module="inference.onnx_runtime")],
        cwd=ROOT,
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert done.stdout == "2.0\n", done.stderr
    assert list(tmp_path.rglob("*")) == []


def test_it_is_imported_in_one_place_only() -> None:
    """Whoever imported it first, and directly, would switch the reports on for the whole process."""
    direct = re.compile(r"^\s*(import onnxruntime\b|from onnxruntime\b)", re.MULTILINE)
    found = [
        str(file.relative_to(ROOT))
        for room in ROOMS
        for file in sorted((ROOT / room).rglob("*.py"))
        if direct.search(file.read_text(encoding="utf-8"))
    ]

    assert found == ["inference/onnx_runtime.py"]
