"""The function that Valkey runs for the queue: its text, its name, where its state lies, and its constants."""

from __future__ import annotations

import hashlib
import re
from importlib import resources

import orjson

from appliance.fairness.admission import FairRules
from appliance.fairness.queue.worker_leases import patience_us

PREFIX = "{gate}:"
LOST_CHANNEL = f"{PREFIX}lost"
"""Where all workers hear that Valkey may have lost something: each puts back what it holds."""
_QUEUE = (
    "queue_records",
    "queue_rules",
    "fair_queue",
    "queue_operations",
    "queue_survey",
    "queue_audit",
)
_SETTLE_MS = 2500  # a worker is connected again within a second, and trusts Valkey again half a second later
_SILENCE_US = 500_000  # a worker that has not called for so long may be alone

_RECORDS = re.compile(
    r"^local function (?:pack_|unpack_|new_request\b)\w*\(.*?^end$|^local (?:ENGINE|NODE|POOL)\b[^\n]*$",
    re.DOTALL | re.MULTILINE,
)
_KEYS = re.compile(r"(?:'(?:SET|HSET|HINCRBY|SADD|ZADD|RPUSH)', )?prefix \.\. '\w+:?'")
_FIELDS = re.compile(r"\brequest\.\w+(?=(?:, request\.\w+)* = )")


def library_of(*texts: str) -> tuple[str, str]:
    """(name, library) of the one function that changes the queue. The name tells versions apart: both can run."""
    code = f"local LAYOUT = '{layout_of(*texts)}'\n" + "\n".join(texts)
    name = f"gate_{hashlib.sha256(code.encode()).hexdigest()[:12]}"
    return name, f"#!lua name={name}\n" + code.replace(
        "register_function(NAME", f"register_function('{name}'"
    )


def layout_of(*texts: str) -> str:
    """A digest of how the state is written: the keys, the packed records and the fields of a request.

    It stands in front of all keys of the state, so a record that is written otherwise is never met. Versions whose code
    differs only in rules share one queue while one replaces the other. Those whose records differ have a queue each,
    and for that moment each gives out all slots: engines keep the surplus in their own queue.
    """
    code = re.sub(r"--[^\n]*", "", "\n".join(texts))
    records = [" ".join(record.split()) for record in _RECORDS.findall(code)]
    names = sorted({*_KEYS.findall(code), *_FIELDS.findall(code)})
    return "q" + hashlib.sha256("\n".join([*records, *names]).encode()).hexdigest()[:8]


def state_prefix() -> str:
    """What stands before all keys of the state, until it has to begin anew: then an epoch follows."""
    return f"{PREFIX}{layout_of(*lua_texts())}:"


def lua_texts() -> tuple[str, str]:
    """The limits, and the queue that asks them."""
    limits = resources.files("appliance.fairness.limits") / "limits.lua"
    room = resources.files("appliance.fairness.queue")
    queue = [(room / f"{name}.lua").read_text(encoding="utf-8") for name in _QUEUE]
    return limits.read_text(encoding="utf-8"), "\n".join(queue)


def grants_channel(worker: str) -> str:
    """Where a worker hears of slots for its requests; `unpack_grants` reads a message."""
    return f"{PREFIX}worker:{worker}"


def packed_rules(worker: str, rules: FairRules, run: str = "", has_called: bool = False) -> bytes:
    """The function's first argument: who calls, and the constants.

    run: Valkey's present life; has_called: whether this worker has something to lose.
    """
    return orjson.dumps(
        {
            "worker": worker,
            "run": run,
            "has_called": has_called,
            "settle_ms": _SETTLE_MS,
            "silence_us": _SILENCE_US,
            "max_queue": rules.max_queue,
            "max_queue_per_user": rules.max_queue_per_user,
            "reserved": -1 if rules.reserved is None else rules.reserved,
            "prefill_tokens": rules.prefill_tokens,
            "prompt_weight": rules.prompt_weight,
            "completion_weight": rules.completion_weight,
            "cached_weight": rules.cached_weight,
            "max_running": rules.max_running_per_user or -1,
            "promoted_after_us": int(rules.batch_promoted_after_s * 1e6),
            "default_completion_tokens": rules.default_completion_tokens,
            "spread": rules.spread,
            "patience_us": patience_us(rules.lease_s),
        }
    )
