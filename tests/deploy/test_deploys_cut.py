"""The connection is cut while a release is brought: somebody always answers afterwards, and a second run ends it.

Every ssh session is gone at once, and every second time the laptop with them. What has begun on the server goes on
there. `--battery` cuts twenty times instead of three; the seed is printed.
"""

from __future__ import annotations

import functools
import os
import random
import signal
import subprocess
import time
from collections import Counter
from contextlib import suppress

import pytest

from tests.deploy.deploy_server import PATIENCE_S, Server, server, wait_for

__all__ = ["server"]

SEED = int(os.environ.get("DEPLOY_SEED", "20261122"))


def is_settled(server: Server, versions: tuple[str, str]) -> bool:
    """Nothing is being deployed, and the one that `current` leads to answers."""
    current = server.current()
    answers = server.answering()
    return (
        not server.deploy_goes_on()
        and answers in versions
        and current == server.current()
        and current.startswith(f"release-{answers}-")
    )


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "cuts", [pytest.param(3, id="few"), pytest.param(20, id="many", marks=pytest.mark.battery)]
)
def test_a_connection_cut_at_any_moment_leaves_a_working_box(server: Server, cuts: int) -> None:
    """The one from before or the new one answers, as `current` says; the same command again brings the new one."""
    print(f"seed {SEED}")  # noqa: T201
    chosen = random.Random(SEED)
    begun = time.monotonic()
    first = server.deploy_release("0")
    assert first[0] == 0, first[1]
    lasts_s = time.monotonic() - begun
    found: Counter[str] = Counter()

    for number in range(1, cuts + 1):
        before, version = server.answering(), str(number)
        words = ("--profile", "run", "--release", str(server.release(version)))
        client = server.begin(*words)
        moment_s = chosen.uniform(0, lasts_s)
        with suppress(subprocess.TimeoutExpired):
            client.wait(moment_s)
        laptop_too = number % 2 == 1
        server.cut_sessions()
        if laptop_too and client.poll() is None:
            os.killpg(client.pid, signal.SIGKILL)
        code = client.wait(PATIENCE_S)
        # The last command may have arrived in the moment of the cut, and begin after it.
        settled = functools.partial(is_settled, server, (before, version))
        wait_for(settled, f"it is one or the other (cut after {moment_s} s: {server.said(client)})")

        answers = server.answering()
        if not laptop_too and code == 0:
            assert answers == version, server.said(client)
        found["new" if answers == version else "old"] += 1

        again = server.deploy(*words)
        assert again[0] == 0, (moment_s, again[1])
        assert server.answering() == version
    print(f"after {cuts} cuts: {dict(found)}")  # noqa: T201


@pytest.mark.slow
def test_who_is_cut_off_while_it_is_switched_finds_its_way_back(server: Server) -> None:
    """The client goes on reading where it had stopped: each line once, and the end as if nothing had been."""
    slow = server.release("slow")
    (slow / "setup.sh").write_text(
        (slow / "setup.sh").read_text(encoding="utf-8").replace("install)", "install) cat <gate; "),
        encoding="utf-8",
    )
    gate = server.folder / "gate"
    os.mkfifo(gate)
    (slow / "gate").symlink_to(gate)
    client = server.begin("--profile", "run", "--release", str(slow))
    wait_for(lambda: "preparing release-slow-" in server.said(client), "it is being prepared")

    server.cut_sessions()
    wait_for(lambda: "the connection is lost" in server.said(client), "the client has noticed")
    gate.write_text("go on")

    assert client.wait(PATIENCE_S) == 0, server.said(client)
    said = server.said(client)
    assert said.count("preparing release-slow-") == said.count("switching to release-slow-") == 1
    assert server.answering() == "slow"


@pytest.mark.slow
def test_a_deploy_that_was_killed_on_the_server_is_taken_up_again(server: Server) -> None:
    """Its power failed in the middle of the installation: nothing holds the lock, and the same command ends it."""
    slow = server.release("one")
    script = (slow / "setup.sh").read_text(encoding="utf-8")
    # The first installation hangs, the second finds that mark and does not.
    (slow / "setup.sh").write_text(
        script.replace("install)", "install) [ -e tried ] || { touch tried; exec sleep 1000; }; "),
        encoding="utf-8",
    )
    words = ("--profile", "run", "--release", str(slow))
    client = server.begin(*words)
    state = server.place / ".deploy"
    wait_for(lambda: list(server.place.glob("releases/release-one-*/tried")) != [], "it is being installed")
    os.killpg(int((state / "under_way").read_text().split()[0]), signal.SIGKILL)

    lost = client.wait(PATIENCE_S)
    said, seen = server.said(client), server.answering()
    again = server.deploy(*words)

    assert (lost, seen) == (5, "") and "was killed" in said, said
    assert again[0] == 0, again[1]
    assert server.answering() == "one"
