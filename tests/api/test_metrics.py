"""`/metrics`: what is told, of whom it is not told, and that several workers count as one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.parser import text_string_to_metric_families

from appliance.fairness.metrics import GateMetrics
from appliance.fairness.shared_metrics import shared_folder
from appliance.fairness.slots.load_watch import LoadWatch
from inference.testing.fake_engine import FakeEngine
from tests.gateway_harness import Gateway
from tests.supervisor.conftest import wait_until
from tests.whole_box import WITH_ENGINE, WholeBox

QUESTION = {"model": "fake", "messages": [{"role": "user", "content": "How are you?"}]}
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]

_TOLD_BY_TWO = """
import sys
from pathlib import Path
from appliance.fairness.shared_metrics import add_up, share_metrics
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
folder, worker, running = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
share_metrics(folder, worker)
Counter("asked", "-", registry=None).inc(worker)
times = Histogram("took", "-", buckets=(1, 10), registry=None)
for second in range(running):
    times.observe(second)
Gauge("running", "-", ["engine"], registry=None, multiprocess_mode="livesum").labels(f"e{running}").set(running)
registry = CollectorRegistry()
add_up(registry, folder)
print(generate_latest(registry).decode())
"""


def read(page: str) -> Samples:
    """Every sample of a page by its name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def total(samples: Samples, name: str, **labels: str) -> float:
    """The sum over all series of a name that have these labels."""
    return sum(
        value for (found, with_), value in samples.items() if found == name and labels.items() <= set(with_)
    )


@pytest.fixture
def folder() -> Iterator[Path]:
    """For the files of workers."""
    made = Path(tempfile.mkdtemp(prefix="met-", dir="/tmp"))
    yield made / "metrics"
    shutil.rmtree(made)


def scraped(folder: Path, worker: int, running: int) -> Samples:
    """What a process of that number tells after it has counted."""
    words = [sys.executable, "-c", _TOLD_BY_TWO, str(folder), str(worker), str(running)]
    return read(subprocess.run(words, check=True, capture_output=True, text=True, timeout=60).stdout)


def test_processes_that_share_metrics_tell_their_sum(folder: Path) -> None:
    """Counters and histograms added up; what a worker counted stays when it has died, what it had running goes."""
    scraped(folder, worker=1, running=3)
    both = scraped(folder, worker=2, running=4)
    again = scraped(folder, worker=1, running=1)  # the first one, started anew

    assert total(both, "asked_total") == 1 + 2
    assert total(both, "took_count") == 7 and total(both, "took_bucket", le="1.0") == 4
    assert (total(both, "running", engine="e3"), total(both, "running", engine="e4")) == (3, 4)
    assert total(again, "asked_total") == 1 + 2 + 1
    assert (total(again, "running", engine="e3"), total(again, "running", engine="e1")) == (0, 1)
    assert len(list(folder.glob("counter_*.db"))) == 2


def test_a_torn_file_is_given_up(folder: Path) -> None:
    """After a power cut its owner begins from zero; the others' counts stay."""
    scraped(folder, worker=1, running=1)
    scraped(folder, worker=2, running=1)
    torn = folder / "counter_2.db"
    torn.write_bytes(b"\xff\xff\xff\x00" + torn.read_bytes()[4:200])

    assert total(scraped(folder, worker=2, running=1), "asked_total") == 1 + 2


async def test_engines_are_told_as_they_are_found(gateway: Gateway, engine: FakeEngine) -> None:
    """Slots, their limit and whether it is up; nothing that a person could be known by."""
    loads: LoadWatch = gateway.room.gate.loads
    async with gateway.post("chat/completions", QUESTION) as response:
        await response.read()
    await loads.look()

    headers = {"authorization": "Bearer ana"}
    async with gateway.session.get(f"{gateway.base_url}/metrics", headers=headers) as response:
        page = await response.text()

    samples = read(page)
    names = {name for _, labels in samples for name, _ in labels}
    assert total(samples, "appliance_engine_up", engine="local") == 1
    assert total(samples, "appliance_engine_slots", engine="local") == loads.slots("local")
    assert total(samples, "appliance_requests_total", status="completed") == 1
    assert total(samples, "appliance_queue_is_shared") == 1
    assert names <= {
        "route",
        "model",
        "engine",
        "status",
        "kind",
        "counted_by",
        "le",
        "pool",
        "class",
        "rung",
    }
    assert total(samples, "appliance_answers_total", rung="same") == 1
    assert "ana" not in page


@pytest.fixture(scope="module")
def two_workers() -> Iterator[WholeBox]:
    """A box with two gateway processes and a real engine, without documents."""
    room = Path(tempfile.mkdtemp(prefix="box-", dir="/tmp"))
    room.chmod(0o755)
    configuration = f"[server]\nworkers = 2\n{WITH_ENGINE}"
    box = WholeBox(room / "data", {"APPLIANCE_SERVER__RUN_PAGE": "false"}, configuration=configuration)
    try:
        box.start("--no-sample")
        wait_until(
            lambda: all(box.child_is(f"gateway-{number}", "ready") for number in (1, 2)), "two workers"
        )
        wait_until(lambda: box.part_is("tiny"), "the engine is ready")
        yield box
    finally:
        if box.process is not None and box.process.poll() is None:
            box.stop()
        for pid in box.processes():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(room, ignore_errors=True)


def counted_by(box: WholeBox, worker: int) -> float:
    """Requests in the files of one worker."""
    path = box.data / "metrics" / f"counter_{worker}.db"
    if not path.exists():
        return 0.0
    families = MultiProcessCollector.merge([str(path)])  # type: ignore[no-untyped-call]
    return float(sum(s.value for f in families for s in f.samples if s.name == "appliance_requests_total"))


def ask_once(box: WholeBox) -> None:
    """Over a connection of its own, so that either worker may get it."""
    message = {"role": "user", "content": "Count to sixty."}
    box.post_json("/v1/chat/completions", {"model": "tiny", "messages": [message], "max_tokens": 40})


def told(page: Samples) -> tuple[float, float, float]:
    """Requests that ended well, their times, and what runs."""
    return (
        total(page, "appliance_requests_total", model="tiny", status="completed"),
        total(page, "appliance_request_seconds_count", model="tiny"),
        total(page, "appliance_running_requests"),
    )


def scrape(box: WholeBox) -> Samples:
    """Over a new connection."""
    with box.client() as client:
        return read(client.get("/metrics").raise_for_status().text)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_any_worker_tells_the_sum_over_all(two_workers: WholeBox) -> None:
    """Whoever is scraped; and a worker that is killed takes nothing that it had counted along."""
    box, asked = two_workers, 0
    with ThreadPoolExecutor(8) as clients:
        while not (counted_by(box, 1) and counted_by(box, 2)):
            list(clients.map(ask_once, [box] * 16))
            asked += 16
            assert asked < 320, "one worker got everything"
    wait_until(lambda: told(scrape(box)) == (asked, asked, 0), "the last answers are counted")
    pages = [scrape(box) for _ in range(12)]
    victim = box.pid_of("gateway-1")
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: box.child_is("gateway-1", "ready") and box.pid_of("gateway-1") != victim, "it is back")
    ask_once(box)

    assert [told(page) for page in pages] == [(asked, asked, 0)] * 12
    wait_until(lambda: told(scrape(box)) == (asked + 1, asked + 1, 0), "one more, and none lost")


def test_nothing_is_shared_by_a_process_that_is_alone() -> None:
    """One worker counts in its own memory."""
    registry = CollectorRegistry()
    GateMetrics(registry, shared_folder())

    assert shared_folder() is None
    assert registry.get_sample_value("appliance_queue_is_shared") is not None


async def test_how_evenly_people_are_served_is_told_by_pool(gateway: Gateway) -> None:
    """Labelled by the pool alone; gone when nobody has waited lately."""
    registry = CollectorRegistry()
    metrics = GateMetrics(registry)
    metrics.watch(gateway.room.gate)

    metrics.show_fairness({"local": 0.97})
    shown = read(generate_latest(registry).decode())
    metrics.show_fairness({})
    later = read(generate_latest(registry).decode())

    assert shown["appliance_queue_fairness", frozenset({("pool", "local")})] == 0.97
    assert not [name for name, _ in later if name == "appliance_queue_fairness"]
