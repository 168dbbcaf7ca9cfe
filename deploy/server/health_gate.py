"""Is the appliance that answers here well? What ssh_deploy.sh asks of a new release before it keeps it.

All parts ready, the models listed, a question answered, in this order, again and again until all is or the time is up.
Python's standard library only, any version from 3.9: it also runs inside the containers, read from standard input.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

PIPELINE = "answer-with-sources"
QUESTION = "Which documents are there?"
PAUSE_S = 0.2


class NotWell(Exception):
    """What is wrong, for the log."""


def request(url: str, key: str, body: object, timeout_s: float) -> tuple[int, object]:
    """Returns status and body, a refusal's too. Raises NotWell when nobody answers."""
    headers = {"content-type": "application/json"}
    if key:
        headers["authorization"] = f"Bearer {key}"
    data = None if body is None else json.dumps(body).encode()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    asked = urllib.request.Request(url, data, headers)  # noqa: S310 - the address is the operator's own
    try:
        with opener.open(asked, timeout=timeout_s) as response:
            status, text = response.status, response.read()
    except urllib.error.HTTPError as refusal:
        status, text = refusal.code, refusal.read()
    except (OSError, ValueError) as error:
        raise NotWell(f"nobody answers ({getattr(error, 'reason', error)})") from error
    try:
        return status, json.loads(text)
    except ValueError:
        return status, {}


def look_at_parts(url: str) -> None:
    """/readyz says which part is not there yet."""
    status, body = request(f"{url}/readyz", "", None, 10)
    if status != 200:
        parts = body.get("parts", {}) if isinstance(body, dict) else {}
        away = ", ".join(f"{name}: {state}" for name, state in parts.items() if state != "ready")
        raise NotWell(f"/readyz says {status}{' (' + away + ')' if away else ''}")


def listed_models(url: str, key: str) -> list[str]:
    """Empty without a key: then a 401 shows that the door is kept."""
    status, body = request(f"{url}/v1/models", key, None, 30)
    if status == 401:
        return []
    if status != 200 or not isinstance(body, dict):
        raise NotWell(f"/v1/models says {status}")
    return [str(model.get("id")) for model in body.get("data", [])]


def ask(url: str, key: str, timeout_s: float) -> None:
    """One question through the gate, the index and, where there is one, the engine."""
    body = {"model": PIPELINE, "messages": [{"role": "user", "content": QUESTION}], "max_tokens": 64}
    status, answer = request(f"{url}/v1/chat/completions", key, body, timeout_s)
    if status != 200:
        error = answer.get("error") if isinstance(answer, dict) else None
        reason = error.get("message", "") if isinstance(error, dict) else ""
        raise NotWell(f"a question was refused: {status} {reason}".strip())


def has_ended(pid: int) -> bool:
    """Also when it only waits for its parent to notice. pid 0: nobody's."""
    if not pid:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except OSError:
        return True


def keeps_falling(unit: str) -> bool:
    """systemd has started it again twice since it was told to start it."""
    if not unit:
        return False
    command = ["systemctl", "show", "--property=NRestarts", "--value", unit]
    shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return shown.isdecimal() and int(shown) >= 2


def look(options: argparse.Namespace, timeout_s: float) -> str:
    """Once. Returns what was seen; raises NotWell."""
    try:
        kept = json.loads(Path(options.credentials).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        kept = {}
    url = (options.url or kept.get("url") or options.otherwise).rstrip("/")
    look_at_parts(url)
    models = listed_models(url, kept.get("api_key", ""))
    seen = f"all parts ready, {len(models)} models"
    if PIPELINE not in models:
        return seen
    try:
        ask(url, kept["api_key"], timeout_s)
    except NotWell as error:
        if options.question == "must":
            raise
        return f"{seen}, but {error}"
    return f"{seen}, a question answered"


def say(line: str) -> None:
    """Into the deploy's log, at once."""
    sys.stdout.write(f"    {line}\n")
    sys.stdout.flush()


def main() -> int:
    """Exit code 0: well; 1: not within the time, or what was started has ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="", help="empty: as the credentials file says")
    parser.add_argument("--otherwise", default="http://127.0.0.1:8080", help="while that file is not there")
    parser.add_argument("--credentials", default="", help="the appliance's credentials.json")
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--pid", type=int, default=0, help="give up when this process has ended")
    parser.add_argument("--unit", default="", help="give up when systemd keeps starting it again")
    parser.add_argument(
        "--question", choices=("must", "may"), default="must", help="has to be answered, or may"
    )
    options = parser.parse_args()
    begun, said = time.monotonic(), ""
    while True:
        left = options.seconds - (time.monotonic() - begun)
        ended = has_ended(options.pid) or keeps_falling(options.unit)
        try:
            seen = look(options, max(left, 5.0))
        except NotWell as error:
            reason = str(error)
        else:
            say(f"well after {options.seconds - left:.1f} s: {seen}")
            return 0
        if ended:
            say(f"not well: it has ended, {reason}")
            return 1
        if left <= 0:
            say(f"not well after {options.seconds:.0f} s: {reason}")
            return 1
        if reason != said:
            say(f"{options.seconds - left:5.1f} s: {reason}")
            said = reason
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    sys.exit(main())
