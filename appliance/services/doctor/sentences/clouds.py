"""Clouds: what each finding says, and what to do about it."""

from __future__ import annotations

from appliance.services.doctor.words import Words

CLOUDS = {
    "clouds.none": Words("No cloud is set: nothing is answered elsewhere."),
    "clouds.ok": Words("[engines.{name}] is {provider}'s, with {models}; nothing was sent to try it."),
    "clouds.never": Words("Clouds are set, and leaving.when is never: nothing goes to them."),
    "clouds.no_key": Words(
        "[engines.{name}] has no key: {provider} answers nobody without one.",
        "Write the key into a file that only the appliance can read, and name it.",
    ),
    "clouds.key_open": Words(
        "Others on this machine can read {path}, which holds a cloud's key.",
        "Take their rights away; if others work here, get a new key.",
    ),
    "clouds.no_way": Words(
        "[engines.{name}]: nothing can go to {url}: {detail}",
        "Correct base_url; for a server of your own network name it in egress.inside.",
    ),
    "clouds.misnamed": Words(
        "[engines.{name}] stands in for {alias}, which is another name for {model}: it is never asked.",
        "Name the model itself in model_map.",
    ),
    "clouds.unpriced": Words(
        "Nobody knows what {models} of [engines.{name}] costs: nothing is counted, and a budget keeps it closed.",
        "Give a price, per million tokens.",
    ),
    "clouds.at_par": Words(
        "What clouds cost is published in dollars, and a dollar counts as one {currency} here.",
        "Set what a dollar costs.",
    ),
}
