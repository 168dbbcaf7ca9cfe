# What a developer types; `just check` runs what CI runs.

default:
    @just --list

# Everything, as CI does it
check:
    ./setup.sh test

# The tests that take under three minutes
quick:
    ./setup.sh test --quick

# Style and format, mended where they can be
fix:
    .venv/bin/ruff check --fix .
    .venv/bin/ruff format .

# Versions of requirements*.lock from pyproject.toml
lock:
    uv pip compile --universal --generate-hashes --python-version 3.11 pyproject.toml -o requirements.lock
    uv pip compile --universal --generate-hashes --python-version 3.11 --extra test pyproject.toml -o requirements-test.lock

# Generated pages
docs:
    .venv/bin/appliance settings --markdown > docs/settings.md
    .venv/bin/appliance settings --toml > deploy/appliance.example.toml
