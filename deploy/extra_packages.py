"""The requirements of the named extras of pyproject.toml, one a line: python deploy/extra_packages.py speech,faiss."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

if __name__ == "__main__":
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    names = [name.strip() for name in sys.argv[1].split(",") if name.strip()]
    unknown = [name for name in names if name not in extras]
    if unknown:
        sys.exit(f"setup: there is no extra {unknown[0]!r}. There are: {', '.join(sorted(extras))}.")
    for name in names:
        for requirement in extras[name]:
            sys.stdout.write(f"{requirement}\n")
