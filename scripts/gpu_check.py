"""What this machine's GPU gives, with models made on the spot: one command, one table.

    python scripts/gpu_check.py                        # everything, models of 1B and 8B; about 25 minutes
    python scripts/gpu_check.py --quick --part speed   # one part, shorter
    python scripts/gpu_check.py --device cpu --size tiny --quick --torch-python /opt/train/bin/python

Needs PyTorch, safetensors, tokenizers and transformers, and what the gateway needs; a machine without a package index
gets the latter as wheels (`python -m scripts.gpu_check.pack DIR` elsewhere, `--wheels DIR` there). docs/performance.md
says what is measured. The parts live in scripts/gpu_check/.
"""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    runpy.run_module("scripts.gpu_check", run_name="__main__", alter_sys=True)
