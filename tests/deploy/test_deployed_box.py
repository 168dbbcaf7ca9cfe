"""The appliance itself, deployed over itself while people stream answers: each answer that began ends."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.deploy.deploy_server import Server, machine, wait_for
from tests.faults.engine_process import engine_process
from tests.whole_box import ROOT, empty_data

BODY = {"model": "fake", "messages": [{"role": "user", "content": "How are you?"}], "stream": True}


@dataclass
class People:
    """Somebody who looks ten times a second whether it answers, and two who stream one answer after the other."""

    url: str
    key: str
    ends: list[str] = field(default_factory=list)
    looks: list[tuple[float, bool]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        while not self.over.wait(0.1):
            try:
                answers = httpx.get(f"{self.url}/v1/models", headers=self._headers, timeout=10).is_success
            except httpx.HTTPError:
                answers = False
            self.looks.append((time.monotonic(), answers))

    def stream(self) -> None:
        while not self.over.wait(0.05):
            last = (
                ""  # nothing has begun: who comes meanwhile is refused, or thrown out of the line at the port
            )
            try:
                with httpx.stream(
                    "POST", f"{self.url}/v1/chat/completions", json=BODY, headers=self._headers, timeout=120
                ) as answer:
                    if answer.is_success:
                        last = "begun"
                        for line in answer.iter_lines():
                            last = line or last
            except httpx.HTTPError as error:
                last = last and f"{error!r} after {last!r}"
            if last:
                self.ends.append(last)

    @property
    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}"}

    @property
    def gap_s(self) -> float:
        """The longest time without an answer, from the last before to the first after."""
        longest, last = 0.0, self.looks[0][0]
        for moment, answers in self.looks:
            if answers:
                longest, last = max(longest, moment - last), moment
        return longest

    @contextmanager
    def at_work(self) -> Iterator[None]:
        threads = [threading.Thread(target=work) for work in (self.look, self.stream, self.stream)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.over.set()
            for thread in threads:
                thread.join(240)


def release_of_this_checkout(server: Server, version: str) -> Path:
    """Its environment is the tests' own, so nothing is installed; starting it is `./setup.sh run`'s last line."""
    folder = server.release(version)
    (folder / "setup.sh").write_text(
        "#!/bin/sh\n[ $1 != run ] || exec "
        f'"{sys.executable}" -P -c "import sys; sys.path.insert(0, {str(ROOT)!r});'
        " from appliance.__main__ import main; sys.argv[1:] = ['up', '--no-sample']; main()\"\n",
        encoding="utf-8",
    )
    return folder


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_answers_that_began_end_while_a_release_replaces_another() -> None:
    """No stream is broken off; a question is asked of the new one before it is kept; the gap is printed, not judged.

    On loopback: the stand-in for an engine listens there.
    """
    with engine_process("--tokens", "40", "--pace-ms", "40") as engine, machine(on_loopback=True) as server:
        data = server.folder / "data"
        subprocess.run(["cp", "-a", str(empty_data()), str(data)], check=True)
        (data / "appliance.toml").write_text(
            "[server]\ndrain_s = 100\n[knowledge]\nsample = false\n"
            f'[engines.fake]\nengine = "openai_compatible"\nbase_url = "{engine.base_url}"\n',
            encoding="utf-8",
        )
        (server.place / ".env").write_text(
            f"APPLIANCE_SERVER__PORT={server.http_port}\nAPPLIANCE_SERVER__RUN_PAGE=false\n", encoding="utf-8"
        )
        key = json.loads((data / "credentials.json").read_text(encoding="utf-8"))["api_key"]
        words = ("--profile", "run", "--url", f"http://127.0.0.1:{server.http_port}", "--release")

        first = server.deploy(*words, str(release_of_this_checkout(server, "one")))
        assert first[0] == 0, first[1] + output_of(server)
        people = People(f"http://127.0.0.1:{server.http_port}", key)
        with people.at_work():
            wait_for(lambda: len(people.ends) >= 2, "answers are streamed")
            before = len(people.ends)
            second = server.deploy(*words, str(release_of_this_checkout(server, "two")))
            seen = len(people.ends)
            wait_for(lambda: len(people.ends) >= seen + 2, "answers are streamed by the new one")

    assert second[0] == 0, second[1] + output_of(server)
    assert "a question answered" in second[1]
    assert before < seen and set(people.ends) == {"data: [DONE]"}
    assert not all(answers for _, answers in people.looks)  # they were looking while it was exchanged
    print(f"nobody answered for {people.gap_s:.1f} s; {second[1].splitlines()[-3]}")  # noqa: T201


def output_of(server: Server) -> str:
    """What the releases have printed."""
    path = server.place / "deploys" / "output.txt"
    return path.read_text(encoding="utf-8") if path.exists() else ""
