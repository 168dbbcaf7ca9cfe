"""The commands that mend, as they are written on this box: under docker compose, as a service, or by hand."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Literal

Deployment = Literal["docker", "systemd", "hand"]


@dataclass(frozen=True, slots=True)
class Ways:
    """program: the path of our command line. data: the data folder. compose: the compose file, with docker."""

    deployment: Deployment = "hand"
    data: str = "data"
    program: str = "appliance"
    compose: str = "docker-compose.gpu.yml"

    def appliance(self, words: str) -> str:
        """One of our own commands, for this box's data."""
        if self.deployment == "docker":
            return f"{self._compose} exec gateway appliance {words} --data {shlex.quote(self.data)}"
        sudo = "sudo " if self.deployment == "systemd" else ""
        return f"{sudo}{shlex.quote(self.program)} {words} --data {shlex.quote(self.data)}"

    def set(self, key: str, value: str) -> str:
        """Change a setting; the appliance has to be started again afterwards. value: as TOML writes it."""
        return self.appliance(f"settings --set {shlex.quote(f'{key}={value}')}")

    def start(self, service: str = "") -> str:
        """Start the appliance (again). service: a compose service's name; without docker all of it."""
        if self.deployment == "docker":
            return f"{self._compose} up -d --force-recreate {service}".rstrip()
        if self.deployment == "systemd":
            return "sudo systemctl restart appliance"
        return self.appliance("up")

    def log(self, service: str = "gateway") -> str:
        """The last lines of a part's log."""
        if self.deployment == "docker":
            return f"{self._compose} logs --tail 100 {service}"
        if self.deployment == "systemd":
            return "sudo journalctl -u appliance -n 100"
        return f"tail -n 100 {shlex.quote(self.data)}/logs/appliance.log"

    def inside(self, service: str, words: str) -> str:
        """A command within a compose service; without docker the command itself."""
        return f"{self._compose} exec {service} {words}" if self.deployment == "docker" else words

    @property
    def _compose(self) -> str:
        return f"docker compose -f {self.compose}"
