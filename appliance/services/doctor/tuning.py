"""Settings that are valid and hurt all the same, seen together with the machine and with how many people there are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from appliance.services.doctor.findings import Finding, error, ok, warning
from appliance.services.doctor.ways import Ways

MANY_PEOPLE = 10
FINE_DPI = 300


@dataclass(frozen=True, slots=True)
class TuningReading:
    """people, limits: None where the database could not be asked. is_open: others than this machine reach the box."""

    cores: int
    workers: int = 1
    drain_s: float = 20.0
    reserved_slots: int | None = None
    max_queue: int = 1000
    ingestion_jobs: int = 2
    reading_children: int = 2
    embedding_threads: int = 1
    ocr_dpi: int = 200
    has_ocr: bool = True
    min_free_mib: int = 256
    is_open: bool = False
    people: int | None = None
    limits: int | None = None


@dataclass(frozen=True, slots=True)
class HttpsReading:
    """is_plain: passwords may be sent over plain HTTP from other machines."""

    host: str
    is_plain: bool


def tuning_findings(seen: TuningReading, ways: Ways) -> Iterator[Finding]:
    """Each with the command that sets something better."""
    found = [*_processor(seen, ways), *_people(seen, ways), *_rest(seen, ways)]
    yield from found or [ok("tuning.ok")]


def _processor(seen: TuningReading, ways: Ways) -> Iterator[Finding]:
    most = str(seen.cores)
    if seen.workers > seen.cores:
        yield warning(
            "tuning.workers", ways.set("server.workers", most), wanted=seen.workers, cores=seen.cores
        )
    for setting, wanted in (
        ("knowledge.ingestion_jobs", seen.ingestion_jobs),
        ("parsing.concurrent", seen.reading_children),
        ("embedding.threads", seen.embedding_threads),
    ):
        if wanted > max(seen.cores, 2):  # two is the default, and does no harm on one core
            yield warning("tuning.reading", ways.set(setting, most), setting=setting, wanted=wanted,
                          cores=seen.cores)  # fmt: skip
    if seen.has_ocr and seen.ocr_dpi > FINE_DPI and seen.cores <= 4:
        command = ways.set("parsing.ocr_dpi", "200")
        yield warning("tuning.recognition", command, dpi=seen.ocr_dpi, cores=seen.cores)


def _people(seen: TuningReading, ways: Ways) -> Iterator[Finding]:
    if seen.people is None:
        return
    is_busy = seen.people >= MANY_PEOPLE
    if seen.is_open and seen.limits == 0:
        yield warning("tuning.no_limits", ways.appliance("limit set tokens-per-day 2000000"))
    if is_busy and seen.reserved_slots == 0:
        yield warning("tuning.no_reserve", ways.set("gate.reserved_slots", "1"), people=seen.people)
    if is_busy and seen.max_queue < seen.people:
        command = ways.set("gate.max_queue", "1000")
        yield warning("tuning.no_queue", command, most=seen.max_queue, people=seen.people)


def _rest(seen: TuningReading, ways: Ways) -> Iterator[Finding]:
    if not seen.drain_s:
        yield warning("tuning.no_drain", ways.set("server.drain_s", "20"))
    if seen.min_free_mib < 64:
        yield warning("tuning.no_room", ways.set("knowledge.min_free_mib", "256"), mib=seen.min_free_mib)


def https_findings(seen: HttpsReading, ways: Ways) -> Iterator[Finding]:
    """Passwords on the network."""
    if seen.is_plain:
        yield error("https.plain", ways.set("server.allow_plain_http", "false"), host=seen.host)
    else:
        yield ok("https.ok")
