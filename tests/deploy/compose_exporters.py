"""The exporters of others with the compose files' own flags and variables, as far as Debian has their programs."""

from __future__ import annotations

import re
import shutil

from tests.deploy.compose_stack import Stack
from tests.ports import free_port

EXPORTERS = {
    "node": ("node-exporter", "prometheus-node-exporter", "node_"),
    "postgres": ("postgres-exporter", "prometheus-postgres-exporter", "pg_"),
    "valkey": ("valkey-exporter", "prometheus-redis-exporter", "redis_"),
}
"""By Prometheus' job: the service, Debian's program, and how its figures' names begin."""


def missing() -> dict[str, str]:
    """The programs that are not installed here, by how their figures' names begin."""
    return {prefix: program for _, program, prefix in EXPORTERS.values() if shutil.which(program) is None}


def figures_of(query: str) -> set[str]:
    """The names in a PromQL that exporters of others tell."""
    prefixes = "|".join(prefix for *_, prefix in EXPORTERS.values())
    return set(re.findall(rf"\b(?:{prefixes})\w+", query))


def start_exporters(stack: Stack) -> dict[str, int]:
    """Those that are installed. Returns the port of each, by Prometheus' job; `stop_exporters` ends them."""
    ports = {job: free_port() for job, (_, program, _) in EXPORTERS.items() if shutil.which(program)}
    for job, port in ports.items():
        service, program, _ = EXPORTERS[job]
        words = [_on_host(stack, word) for word in stack.services[service].get("command", [])]
        given = stack.services[service].get("environment", {})
        environment = {name: _on_host(stack, value) for name, value in given.items()}
        stack.start(
            f"exporter of {job}", [program, *words, f"--web.listen-address=127.0.0.1:{port}"], **environment
        )
    return ports


def stop_exporters(stack: Stack, ports: dict[str, int]) -> None:
    """Before the servers that they ask."""
    for job in ports:
        stack.stop(f"exporter of {job}")


def _on_host(stack: Stack, word: str) -> str:
    return re.sub(r"/host/?", "/", stack.on_this_machine(word))
