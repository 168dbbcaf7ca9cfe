"""A real vLLM with the small trained model: for the battery, where VLLM_BIN names the command of one.

    VLLM_BIN=/opt/vllm/bin/vllm ./setup.sh test --battery vllm

The model is the one that llama.cpp serves, written in Hugging Face's form.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.testing.vllm_process import ON_THE_CPU, vllm_process
from tests.ports import free_port

__all__ = ["CONTEXT_TOKENS", "SLOTS", "vllm_url"]

ROOT = Path(__file__).resolve().parent.parent
CONTEXT_TOKENS = 4096
SLOTS = 8
_ARGUMENTS = (
    *("--dtype", "float32", "--max-model-len", str(CONTEXT_TOKENS), "--max-num-seqs", str(SLOTS)),
    *("--enforce-eager", "--scheduling-policy", "priority", "--enable-prefix-caching"),
    *("--enable-auto-tool-choice", "--tool-call-parser", "hermes"),
    "--enable-prompt-tokens-details",
)


@pytest.fixture(scope="session")
def vllm_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of one that serves `tiny`, ending in /v1; started once for all tests of this process."""
    if given := os.environ.get("APPLIANCE_TEST_VLLM_URL"):
        yield given
        return
    if not (command := os.environ.get("VLLM_BIN")):
        pytest.skip("VLLM_BIN: no vLLM is named")
    model = tmp_path_factory.mktemp("vllm") / "tiny-llama"
    convert = [sys.executable, str(ROOT / "scripts" / "gguf_to_transformers.py")]
    subprocess.run(
        [*convert, str(ROOT / "tests" / "models" / "tiny-llama.gguf"), str(model)], check=True, timeout=300
    )
    with vllm_process(
        Path(command), model, free_port(), name="tiny", arguments=_ARGUMENTS, environment=ON_THE_CPU
    ) as url:
        yield url
