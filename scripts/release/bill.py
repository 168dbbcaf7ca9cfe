"""The bill of materials of a release: CycloneDX, from the wheels that were packed and the images of the compose files.

python -m scripts.release.bill --wheels DIR --code DIR --version 1.2.3 --time ISO --bill FILE --report FILE

Runs with tools of its own (tools.lock), which are no part of the product. The same input gives the same bytes.
Ends with 1, and names them, when something has a licence that licences.toml does not allow.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from scripts.release.licences import Licences, Verdict

_COMPOSE = ("docker-compose.gpu.yml", "docker-compose.cpu.yml")
_IMAGE = re.compile(r"^ *image: *(\S+)", re.MULTILINE)
_BASE = re.compile(r"^FROM (\S+:\S+)", re.MULTILINE)
_licences = LicenseFactory()


@dataclass(frozen=True, slots=True)
class Part:
    """A package or an image. needs: names of packages that it asks for, in their canonical form."""

    component: Component
    verdict: Verdict
    needs: frozenset[str] = frozenset()


def metadata_of(wheel: Path) -> Message:
    """METADATA of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(
            one for one in archive.namelist() if one.endswith(".dist-info/METADATA") and one.count("/") == 1
        )
        return HeaderParser().parsestr(archive.read(name).decode())


def packages(folder: Path, rules: Licences) -> Iterator[Part]:
    """Every wheel of a folder, with what it carries inside."""
    for wheel in sorted(folder.glob("*.whl")):
        name, version = (str(one) for one in parse_wheel_filename(wheel.name)[:2])
        metadata = metadata_of(wheel)
        verdict = rules.of_package(name, metadata)
        yield Part(
            Component(
                name=name,
                version=version,
                bom_ref=f"pkg:pypi/{name}@{version}",
                purl=PackageURL("pypi", None, name, version),
                hashes=[
                    HashType(
                        alg=HashAlgorithm.SHA_256, content=hashlib.sha256(wheel.read_bytes()).hexdigest()
                    )
                ],
                licenses=[_licences.make_from_string(verdict.licence)],
                description=metadata.get("Summary"),
                components=[
                    Component(
                        name=program,
                        bom_ref=f"pkg:pypi/{name}@{version}#{program}",
                        licenses=[_licences.make_from_string(licence)],
                    )
                    for program, licence in rules.inside(name)
                ],
            ),
            verdict,
            frozenset(_needed(metadata)),
        )


def _needed(metadata: Message) -> Iterator[str]:
    for words in metadata.get_all("Requires-Dist") or []:
        requirement = Requirement(words)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield canonicalize_name(requirement.name)


def images(code: Path, rules: Licences) -> Iterator[Part]:
    """Of the compose files, and what our own image is made of."""
    text = "".join((code / name).read_text(encoding="utf-8") for name in _COMPOSE)
    base = (code / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    named = {one for one in _IMAGE.findall(text) if not one.startswith("llm-appliance")}
    for image in sorted(named | set(_BASE.findall(base))):
        reference, _, digest = image.partition("@")
        name, _, tag = reference.rpartition(":")
        owner, _, short = name.rpartition("/")
        verdict = rules.of_image(image)
        sums = [HashType(alg=HashAlgorithm.SHA_256, content=digest.removeprefix("sha256:"))] if digest else []
        yield Part(
            Component(
                name=name,
                version=tag,
                type=ComponentType.CONTAINER,
                bom_ref=f"image:{reference}",
                purl=PackageURL("docker", owner or None, short, tag),
                hashes=sums,
                licenses=[_licences.make_from_string(verdict.licence)],
            ),
            verdict,
        )


def bill(parts: Iterable[Part], version: str, made_at: datetime) -> str:
    """The CycloneDX document. Raises ValueError when it would not be a valid one."""
    parts = list(parts)
    product = Component(
        name="llm-appliance",
        version=version,
        type=ComponentType.APPLICATION,
        bom_ref="llm-appliance",
        licenses=[_licences.make_from_string("Apache-2.0")],
    )
    seed = "\n".join(f"{part.component.bom_ref.value} {part.component.version}" for part in parts)
    document = Bom(
        components=[part.component for part in parts],
        metadata=BomMetaData(component=product, timestamp=made_at),
        serial_number=uuid5(NAMESPACE_URL, f"llm-appliance {version}\n{seed}"),
    )
    by_name = {part.component.name: part.component for part in parts}
    document.register_dependency(product, by_name.values())
    for part in parts:
        document.register_dependency(
            part.component, [by_name[name] for name in sorted(part.needs & by_name.keys())]
        )
    text = str(JsonV1Dot6(document).output_as_string(indent=2))
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong is not None:
        raise ValueError(f"the bill is no CycloneDX 1.6: {wrong}")
    return text + "\n"


def report(parts: Iterable[Part], version: str) -> str:
    """Licences, for people: what is beyond the list first, then how often each, then everything."""
    parts = sorted(parts, key=lambda part: (part.component.type.value, part.component.name))
    counted: dict[str, int] = {}
    for part in parts:
        counted[part.verdict.licence] = counted.get(part.verdict.licence, 0) + 1
    beyond = [part for part in parts if part.verdict.reason]
    lines = [
        f"# Licences in LLM appliance {version}",
        "",
        "## Beyond the list",
        "",
        "| what | licence | why |",
        "|---|---|---|",
    ]
    lines += [f"| {_name(part)} | {part.verdict.licence} | {_why(part.verdict)} |" for part in beyond]
    lines += ["", "## How often", "", "| licence | parts |", "|---|---|"]
    lines += [
        f"| {licence} | {count} |"
        for licence, count in sorted(counted.items(), key=lambda one: (-one[1], one[0]))
    ]
    lines += ["", "## Everything", "", "| what | licence |", "|---|---|"]
    lines += [f"| {_name(part)} | {part.verdict.licence} |" for part in parts]
    lines += [
        "",
        "Packages are taken at their word. An image counts by the program it is there for; what its base system",
    ]
    lines += ["holds beside it is told by its maker.", ""]
    return "\n".join(lines)


def _why(verdict: Verdict) -> str:
    return verdict.reason if verdict.is_allowed else f"NOT ALLOWED: {verdict.reason}"


def _name(part: Part) -> str:
    kind = "image " if part.component.type is ComponentType.CONTAINER else ""
    return f"{kind}{part.component.name} {part.component.version}"


def main(words: list[str]) -> int:
    """Writes both files; 1 when a licence is not allowed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("wheels", "code", "bill", "report"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--time", type=datetime.fromisoformat, required=True)
    given = parser.parse_args(words)
    rules = Licences.read(given.code / "scripts" / "release" / "licences.toml")
    parts = [*packages(given.wheels, rules), *images(given.code, rules)]
    given.bill.write_text(bill(parts, given.version, given.time), encoding="utf-8")
    given.report.write_text(report(parts, given.version), encoding="utf-8")
    refused = [part for part in parts if not part.verdict.is_allowed]
    for part in refused:
        print(f"bill: {_name(part)}: {part.verdict.licence}: {part.verdict.reason}.", file=sys.stderr)
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
