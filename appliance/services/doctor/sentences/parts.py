"""Data, processes, databases, embedding: what each finding says, and what to do about it."""

from __future__ import annotations

from appliance.services.doctor.words import Words

PARTS = {
    "data.ok": Words(
        "The data folder is {folder}.",
    ),
    "data.missing": Words(
        "{folder} is not the data folder of an appliance.",
        "Name it with --data, or start one there.",
    ),
    "data.refused": Words(
        "{detail}",
        "Start that version, or choose another folder.",
    ),
    "data.closed": Words(
        "{folder} may not be read by this user.",
        "Run the doctor as its owner.",
    ),
    "settings.ok": Words(
        "Every setting is valid.",
    ),
    "settings.wrong": Words(
        "{detail}",
        "Correct that, then run the doctor again.",
    ),
    "doctor.blind": Words(
        "The check {check} could not look: {detail}.",
        "Run it alone; if it stays, tell us.",
    ),
    "processes.ok": Words(
        "These run: {names}.",
    ),
    "processes.containers": Words(
        "It runs in containers, each looked after by docker.",
    ),
    "processes.stopped": Words(
        "The appliance does not run here; it was stopped on {date}.",
        "Start it.",
    ),
    "processes.never": Words(
        "The appliance does not run here.",
        "Start it.",
    ),
    "processes.broken": Words(
        "The appliance ended without being stopped; it last ran {date}.",
        "Its last lines say why; start it again.",
    ),
    "processes.down": Words(
        "{name} is down and is started again and again: {restarts} times so far{exit}.",
        "Its last lines say why.",
    ),
    "processes.restarted": Words(
        "{name} runs, but was restarted {restarts} times{exit}.",
        "Its last lines say why.",
    ),
    "port.ok": Words(
        "{url}/readyz answers: every part is ready.",
    ),
    "port.free": Words(
        "{host} port {port} is free.",
    ),
    "port.taken": Words(
        "{host} port {port} is taken: {detail}.",
        "Stop the program that has it, or choose another one: server.port.",
    ),
    "port.unready": Words(
        "{url}/readyz says that this is not ready: {parts}.",
        "The check of that part says more; its log has the reason.",
    ),
    "port.silent": Words(
        "{url} does not answer: {detail}.",
        "Is it behind a proxy? Then server.public_url has to be reachable from here. Its log says more.",
    ),
    "postgres.ok": Words(
        "PostgreSQL {version} answers with all its migrations ({migrations}).",
    ),
    "postgres.idle": Words(
        "PostgreSQL runs with the appliance, which is stopped.",
    ),
    "postgres.down": Words(
        "PostgreSQL does not answer: {detail}",
        "Start it, or correct database.url.",
    ),
    "postgres.migrations": Words(
        "Migrations that are missing: {count}. This version of the programs has not prepared the database.",
        "Start the appliance again; it applies them by itself.",
    ),
    "postgres.old": Words(
        "PostgreSQL {version} with pgvector {vector}: 18 and 0.8.4 are the least.",
        "Upgrade that server.",
    ),
    "postgres.buffers_small": Words(
        "shared_buffers is {mb} MB: the index does not stay in memory and searches wait for the disk.",
        "A quarter of that server's memory is usual; then restart it.",
    ),
    "postgres.buffers_large": Words(
        "shared_buffers is {mb} MB, more than the {cache_mb} MB that effective_cache_size says there "
        "are: both cannot be right.",
        "A quarter of that server's memory is usual for shared_buffers, half or more for "
        "effective_cache_size.",
    ),
    "postgres.unsafe": Words(
        "{setting} is off: a power cut can destroy the database.",
        "Turn it on.",
    ),
    "postgres.connections": Words(
        "{wanted} connections may be wanted, {most} are allowed: some requests will get a 503.",
        "Raise max_connections there, or lower database.pool_size or server.workers here.",
    ),
    "valkey.ok": Words(
        "Valkey answers, {used_mb} MB in use.",
    ),
    "valkey.idle": Words(
        "Valkey runs with the appliance, which is stopped.",
    ),
    "valkey.down": Words(
        "Valkey does not answer: {detail}. Each gateway process keeps a line of its own meanwhile.",
        "Start it, or correct valkey.url.",
    ),
    "valkey.evicts": Words(
        "Valkey throws entries away when it is full ({policy}): the queue may lose its place.",
        "Let it refuse instead.",
    ),
    "valkey.full": Words(
        "Valkey uses {used_mb} of {most_mb} MB.",
        "Raise its maxmemory.",
    ),
    "embedder.ok": Words(
        "The embedding process serves {model}.",
    ),
    "embedder.idle": Words(
        "The embedding process runs with the appliance, which is stopped.",
    ),
    "embedder.down": Words(
        "The embedding process does not answer: search finds words only{detail}.",
        "It is started again by itself; its log says why.",
    ),
    "embedder.problem": Words(
        "{model}: {detail}",
        "Correct the section [embedding], or start that engine.",
    ),
    "index.ok": Words(
        "Search is by the vectors of {model}.",
    ),
    "index.waits": Words(
        "The vectors of {model} wait: {detail}",
        "This shows how far they are.",
    ),
    "index.making": Words(
        "The vectors of {model} are being made: {done} of {count}.",
    ),
    "canaries.never": Words(
        "Nobody has tried yet whether people reach what is not theirs.",
        "It is tried every night; this tries it now.",
    ),
    "canaries.ok": Words(
        "Nobody reached what is not theirs: {probes} tries on {date}.",
    ),
    "canaries.hit": Words(
        "People reach what is not theirs: {hits} of {probes} tries on {date}.",
        "Take the appliance off the network and report this; the log has a line for each.",
    ),
    "canaries.open": Words(
        "Somebody reaches what is not theirs: {count} times {probe}, as {role}.",
        "Take the appliance off the network and report this; the log has a line for each.",
    ),
    "canaries.void": Words(
        "The tries prove nothing: {detail}.",
        "Does search work? See embedder and index.",
    ),
    "canaries.unanswered": Words(
        "{count} of {probes} tries were not answered.",
        "Try again when the box is less busy.",
    ),
    "canaries.broken": Words(
        "It could not be tried: {detail}",
        "See what else is the matter.",
    ),
    "sandbox.ok": Words(
        "Documents are read without network and without other files.",
    ),
    "sandbox.weak": Words(
        "{detail}",
        "A newer kernel closes it (docs/security.md).",
    ),
}
