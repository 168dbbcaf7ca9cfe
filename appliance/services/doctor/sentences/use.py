"""Backups, queue, speed, settings that hurt: what each finding says, and what to do about it."""

from __future__ import annotations

from appliance.services.doctor.words import Words

USE = {
    "backup.ok": Words(
        "The last good one is {hours} hours old: {folder}.",
    ),
    "backup.tried": Words(
        "A trial restore had every row, last on {date}.",
    ),
    "backup.untried": Words(
        "The last good one has not been restored on trial (last tried: {date}): nobody knows whether it "
        "opens.",
        "Make one that is tried, or set backup.verify.",
    ),
    "backup.none": Words(
        "None has been made, and none is made by itself.",
        "Set backup.folder and backup.passphrase_file, and start it again.",
    ),
    "backup.first": Words(
        "There is none yet; the first one is made by itself.",
        "This makes one now.",
    ),
    "backup.failed": Words(
        "The last attempt failed on {date}: {detail}",
        "Remedy that, then make one.",
    ),
    "backup.old": Words(
        "The last good one is {hours} hours old, more than {most}: {folder}.",
        "Make one now.",
    ),
    "backup.same_disk": Words(
        "Backups lie on the same disk as the data: both are lost together.",
        "Set backup.folder to another disk, or to ssh://user@host/path.",
    ),
    "queue.ok": Words(
        "Running: {running}, waiting: {waiting}; in the last quarter of an hour one request in twenty "
        "waited longer than {wait_s} s.",
    ),
    "queue.idle": Words(
        "The queue is kept by the appliance, which is stopped.",
    ),
    "queue.waiting": Words(
        "Requests that wait for {pool}: {waiting} ({who}).",
        "Long jobs belong to batch keys; else more slots, a smaller model or a second engine.",
    ),
    "queue.slow": Words(
        "In the last quarter of an hour one request in twenty waited longer than {wait_s} s for its turn.",
        "Long jobs belong to batch keys; else more slots, a smaller model or a second engine.",
    ),
    "queue.refused": Words(
        "Requests refused in the last hour: {count} ({why}).",
        "Limits or the queue's bounds are too tight, or somebody's script is too eager; this shows the "
        "limits.",
    ),
    "queue.failed": Words(
        "Requests that failed in the last hour: {count} of {total} ({why}).",
        "The engine's own log says why.",
    ),
    "queue.alone": Words(
        "The queue could not be looked at: {detail}.",
        "See valkey.",
    ),
    "speed.ok": Words(
        "For a trifle: {figures}.",
    ),
    "speed.idle": Words(
        "Nothing can be measured while the appliance is stopped.",
    ),
    "speed.postgres": Words(
        "PostgreSQL takes {ms} ms for a trifle: every page and search waits for it.",
        "This shows what it is busy with.",
    ),
    "speed.valkey": Words(
        "Valkey takes {ms} ms for a trifle: every turn waits for it.",
        "This shows what it was slow with.",
    ),
    "speed.embedder": Words(
        "The embedding process takes {ms} ms for a short question: every search waits for it.",
        "Is the processor busy with reading? Lower knowledge.ingestion_jobs.",
    ),
    "speed.engine": Words(
        "{name} takes {ms} ms to list its models: it is overloaded or far away.",
        "See its log.",
    ),
    "speed.first_word": Words(
        "In the last quarter of an hour one answer in twenty began only after {seconds} s, the wait for "
        "a turn left out.",
        "Long prompts, a card that slows down, an engine on the processor: see gpu and engines.",
    ),
    "speed.search": Words(
        "In the last quarter of an hour one search in twenty took longer than {seconds} s, most of it in "
        "the step “{step}”.",
        "The runbook SearchSlow in docs/operating.md says what each step wants.",
    ),
    "tuning.ok": Words(
        "No setting was found that hurts.",
    ),
    "tuning.workers": Words(
        "server.workers is {wanted}, the machine has {cores} cores: they take turns and nobody is faster.",
        "Set it to the number of cores at most, and start again.",
    ),
    "tuning.no_limits": Words(
        "People of the whole network come in and nobody has a limit: one script can keep everybody waiting.",
        "Set one for everybody; people, groups and keys may get others.",
    ),
    "tuning.no_drain": Words(
        "server.drain_s is 0: every restart cuts answers off.",
        "Give them 20 seconds.",
    ),
    "tuning.no_reserve": Words(
        "gate.reserved_slots is 0 and {people} people use the box: newcomers wait behind one person's "
        "many requests.",
        "Keep one slot at least.",
    ),
    "tuning.no_queue": Words(
        "gate.max_queue is {most}: with {people} people most are refused instead of waiting.",
        "1000 is usual.",
    ),
    "tuning.reading": Words(
        "{setting} is {wanted}, the machine has {cores} cores: reading documents takes the processor "
        "from searches and pages.",
        "Set it to the number of cores at most, and start again.",
    ),
    "tuning.recognition": Words(
        "parsing.ocr_dpi is {dpi} on {cores} cores: a scanned page takes a minute, and the rest of the "
        "box with it.",
        "200 reads as well, four times as fast.",
    ),
    "tuning.no_room": Words(
        "knowledge.min_free_mib is {mib}: uploads may fill the disk until PostgreSQL stops.",
        "Keep 256 MiB free.",
    ),
}
