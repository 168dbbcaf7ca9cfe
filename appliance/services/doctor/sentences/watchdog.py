"""What the watchdog has found: what each finding says, and what to do about it."""

from __future__ import annotations

from appliance.services.doctor.words import Words

WATCHDOG = {
    "watchdog.ok": Words("Engines get on as usual."),
    "watchdog.idle": Words("The watchdog runs with the appliance, which is stopped."),
    "watchdog.blind": Words(
        "The watchdog has not looked at GPUs and engines lately.", "Its log says why; start it again."
    ),
    "watchdog.engine_on_cpu": Words(
        "{subject} runs on the processor instead of the GPU since {since}.",
        "Start the engine again; if it comes back, something else has taken the GPU's memory.",
    ),
    "watchdog.engine_hung": Words(
        "{subject} has requests and makes no progress since {since}.",
        "Start the engine again; its log says what it was doing.",
    ),
    "watchdog.engine_slow": Words(
        "{subject} writes at less than a fifth of its usual pace since {since}.",
        "Look for another process on the GPU, and for a power limit that was lowered.",
    ),
    "watchdog.restart_loop": Words(
        "{subject} ends again and again since {since}.", "Its last lines say why."
    ),
    "watchdog.disk_filling": Words(
        "The disk of the {subject} is nearly full since {since}.", "Remove models that nobody uses."
    ),
}
