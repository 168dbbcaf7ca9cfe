"""pip's settings as shell lines for uv, which reads none of pip's configuration.

stdin: the output of `pip config list`; stdout: `export NAME=value` lines. What is set for uv already stays. Options of
the environment come before those of `[install]`, and these before `[global]`, as in pip.
"""

from __future__ import annotations

import ast
import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping

_SECTIONS = ("global", "install", ":env:")  # the later one counts
# pip's option: uv's variable, and what stands between several values there.
_VARIABLES = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_EXTRA_INDEX_URL", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "cert": ("SSL_CERT_FILE", " "),
    "client-cert": ("SSL_CLIENT_CERT", " "),
    "proxy": ("ALL_PROXY", " "),
    "no-index": ("UV_NO_INDEX", " "),
    "timeout": ("UV_HTTP_TIMEOUT", " "),
    "default-timeout": ("UV_HTTP_TIMEOUT", " "),
}


def settings(lines: Iterable[str]) -> dict[str, str]:
    """Option → value, from lines such as `global.index-url='https://…'`."""
    found: dict[tuple[int, str], str] = {}
    for line in lines:
        name, separator, quoted = line.strip().partition("=")
        section, _, option = name.rpartition(".")
        if separator and section in _SECTIONS:
            try:
                found[_SECTIONS.index(section), option] = str(ast.literal_eval(quoted))
            except (ValueError, SyntaxError):
                continue
    return {option: found[key] for key in sorted(found) for option in [key[1]]}


def exports(options: Mapping[str, str], environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """uv's variables. The lock file's hashes decide what is taken, so every index may be asked, as pip does."""
    yield "UV_INDEX_STRATEGY", "unsafe-best-match"
    for option, (variable, between) in _VARIABLES.items():
        values = options.get(option, "").split()
        if not values or environment.get(variable):
            continue
        if option == "no-index" and values[0].lower() not in ("1", "true", "yes", "on"):
            continue
        yield variable, between.join(values)


if __name__ == "__main__":
    for variable, value in exports(settings(sys.stdin), os.environ):
        sys.stdout.write(f"export {variable}={shlex.quote(value)}\n")
