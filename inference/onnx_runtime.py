"""onnxruntime, told before its first import to report to nobody; import it from here.

From 1.29 on its Linux builds send events about models and sessions to their maker, keep an identifier in the home
folder, and are on by default (https://github.com/microsoft/onnxruntime/pull/27379). The variable is read once.
"""

from __future__ import annotations

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

__all__ = ["onnxruntime"]
