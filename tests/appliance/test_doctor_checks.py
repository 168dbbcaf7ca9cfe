"""The doctor's checks over what was read: each finding where it belongs, with the command that mends it on this box."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

from appliance.services.doctor import gpu, machine, tuning, use
from appliance.services.doctor.findings import Severity
from appliance.services.doctor.sentences import SENTENCES
from appliance.services.doctor.watchdog import SEEN_BY_THE_DOCTOR
from appliance.services.doctor.ways import Ways
from inference.watchdog.findings import Kind
from tests.doctor_cases import CASES, DAY, DISK, GB, NOW, diary_of, no_driver
from tests.doctor_cases_of_clouds import CASES_OF_CLOUDS
from tests.doctor_cases_of_parts import CASES_OF_PARTS, TUNING

BY_HAND = Ways("hand", "/srv/data", "/opt/a/.venv/bin/appliance")
DOCKER = Ways("docker", "/var/lib/appliance", compose="docker-compose.gpu.yml")
ALL = CASES | CASES_OF_PARTS | CASES_OF_CLOUDS


@pytest.mark.parametrize("name", ALL)
def test_what_was_read_is_told_as_it_is(name: str) -> None:
    """Ids, severities and lines of the log, in their order; each sentence and remedy can be written."""
    judge, reading, expected = ALL[name]

    found = list(judge(reading, BY_HAND))

    wanted = [
        (one, Severity.OK, ()) if isinstance(one, str) else (one.id, one.severity, one.lines)
        for one in expected
    ]
    assert [(one.id, one.severity, one.lines) for one in found] == wanted
    for one in found:
        assert one.sentence and "{" not in one.sentence + one.remedy
        assert one.severity is Severity.OK or one.remedy


@pytest.mark.parametrize("ways", [BY_HAND, DOCKER, Ways("systemd", "/var/lib/appliance", "/opt/a/appliance")])
def test_every_trouble_has_a_command_that_a_shell_can_read(ways: Ways) -> None:
    """By hand, as a service and with docker; but for what only hands or other people can mend."""
    for judge, reading, _ in ALL.values():
        for one in judge(reading, ways):
            if one.command:
                assert shlex.split(one.command, comments=True), one
            elif one.severity is not Severity.OK:
                assert one.id in {"data.refused", "memory.limit_near", "memory.killed"}, one


def test_with_docker_the_command_is_run_in_the_container_that_has_the_trouble() -> None:
    """A GPU that was lost: the engine is made anew. A setting: by the gateway, on the volume."""
    (lost,) = gpu.gpu_findings(no_driver("unknown_error", is_container=True), DOCKER)
    (slow,) = tuning.tuning_findings(replace(TUNING, drain_s=0), DOCKER)

    assert (
        lost.command == "docker compose -f docker-compose.gpu.yml up -d --force-recreate engine gpu-metrics"
    )
    assert slow.command == (
        "docker compose -f docker-compose.gpu.yml exec gateway appliance settings --set server.drain_s=20"
        " --data /var/lib/appliance"
    )


def test_the_disk_s_last_day_is_named() -> None:
    """400 GB free, 20 GB a day: twenty days from now; a clean-up in between does not hide the growth."""
    diary = [(at, used - (30 * GB if at > NOW - DAY else 0)) for at, used in diary_of(10, 20.0)]

    _, soon = machine.disk_findings(replace(DISK, diary=diary), BY_HAND)

    assert soon.values["date"] == "2026-12-11"
    assert soon.values["gb_per_day"] == pytest.approx(20, abs=0.5)


def test_ids_are_those_that_the_checks_use() -> None:
    """None is said that has no words, and none has words that is never said."""
    folder = Path(machine.__file__).parent
    sources = [*folder.glob("*.py"), folder.parents[1] / "bootstrap/doctor/examination.py"]
    sources.append(folder.parents[1] / "commands/canaries.py")
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    said = set(re.findall(r'(?:ok|warning|error|say|Finding)\(\s*"([a-z]+\.[a-z_]+)"', code))

    by_kind = {f"watchdog.{kind}" for kind in get_args(Kind) if kind not in SEEN_BY_THE_DOCTOR}
    assert said | by_kind | {f"speed.{part}" for part in use.SLOW_MS} == set(SENTENCES)


def test_places_of_sentences_are_plain_names() -> None:
    """No formats: each language writes numbers its own way."""
    for code, words in SENTENCES.items():
        for _, name, form, conversion in Formatter().parse(words.sentence + words.remedy):
            assert name is None or (name.isidentifier() and not form and not conversion), code
