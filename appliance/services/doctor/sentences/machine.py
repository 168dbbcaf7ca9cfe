"""Disk, memory, files, clock, certificate: what each finding says, and what to do about it."""

from __future__ import annotations

from appliance.services.doctor.words import Words

MACHINE = {
    "disk.ok": Words(
        "{free_gb} GB of {size_gb} GB are free.",
    ),
    "disk.lasts": Words(
        "At the pace of the last {days} days ({gb_per_day} GB a day) the disk is full on {date}.",
    ),
    "disk.full_soon": Words(
        "At the pace of the last {days} days ({gb_per_day} GB a day) the disk is full on {date}.",
        "Enlarge the disk, or move backups and old models away; this shows what takes the room.",
    ),
    "disk.short": Words(
        "{free_gb} GB of {size_gb} GB are free: uploads stop below {stop_gb} GB.",
        "Make room, or move the data to a larger disk.",
    ),
    "disk.full": Words(
        "{free_gb} GB are free: the appliance does not start below 0.5 GB.",
        "Make room now.",
    ),
    "disk.inodes": Words(
        "Only {percent} % of the disk's file entries are free; then nothing can be written, however much "
        "room there is.",
        "Remove small files, or make the file system anew with more entries.",
    ),
    "memory.ok": Words(
        "{available_gb} GB of {size_gb} GB are available.",
    ),
    "memory.short": Words(
        "{available_gb} GB of {size_gb} GB are available: the kernel may end a process.",
        "Stop other programs, or give the machine more memory; this shows who has it.",
    ),
    "memory.swapping": Words(
        "{used_gb} GB of swap are in use while memory is short: everything waits for the disk.",
        "Give it more memory, or a smaller model; this shows who swaps.",
    ),
    "memory.limit_near": Words(
        "{used_gb} GB of the {limit_gb} GB that this service may use are taken.",
        "Raise its bound: APPLIANCE_MEMORY in .env with docker, MemoryMax with systemd.",
    ),
    "memory.killed": Words(
        "Processes of this service that the kernel has ended for want of memory: {count}.",
        "Raise its bound: APPLIANCE_MEMORY in .env with docker, MemoryMax with systemd.",
    ),
    "files.ok": Words(
        "{most} files and connections may be open at once.",
    ),
    "files.few": Words(
        "Only {most} files and connections may be open at once: people beyond that are refused.",
        "Raise the limit to 65536 and start it again.",
    ),
    "files.near": Words(
        "{used} of {most} files and connections are open: soon nobody else gets in.",
        "Raise the limit to 65536 and start it again.",
    ),
    "clock.ok": Words(
        "The clock agrees with {others}.",
    ),
    "clock.alone": Words(
        "Nobody is there to compare the clock with.",
    ),
    "clock.differs": Words(
        "The clock differs from {other} by {seconds} s: sign-ins, certificates and budgets go by it.",
        "Let a time server keep it on both machines.",
    ),
    "clock.unkept": Words(
        "No time server keeps the clock: it will drift.",
        "Turn it on; in a closed network name your own server in /etc/systemd/timesyncd.conf.",
    ),
    "clock.drifts": Words(
        "The time server says that the clock is off by {seconds} s.",
        "Set it at once.",
    ),
    "certificate.unused": Words(
        "There is no HTTPS address here: server.public_url does not begin with https.",
    ),
    "certificate.ok": Words(
        "{where} is valid until {date} ({days} days), signed by {issuer}.",
    ),
    "certificate.internal": Words(
        "{where} is of the box's own authority, and people install its root once; {days} days are left.",
    ),
    "certificate.soon": Words(
        "{where} ends on {date}, in {days} days, and should have been renewed by now.",
        "See why Caddy could not renew it, or put a new file in place.",
    ),
    "certificate.expired": Words(
        "{where} ended on {date}: browsers refuse the page.",
        "See why Caddy could not renew it, or put a new file in place.",
    ),
    "certificate.not_yet": Words(
        "{where} is only valid from {date}: the clock is wrong, or the file is.",
        "Look at both dates.",
    ),
    "certificate.name": Words(
        "{where} is for {names}, not for {name}: browsers warn.",
        "Order it for that name, or correct server.public_url.",
    ),
    "certificate.chain": Words(
        "{where} is not trusted: {detail}.",
        "Add the intermediate certificates to the file, the server's own first.",
    ),
    "certificate.root_soon": Words(
        "The root of the box's own authority ends on {date}, in {days} days; then everybody has to "
        "install a new one.",
        "Move the old authority away, start Caddy again and hand the new root out.",
    ),
    "certificate.file_unreadable": Words(
        "{path} cannot be read as a certificate: {detail}.",
        "Put a PEM file there that this user can read.",
    ),
    "certificate.unreachable": Words(
        "The certificate of {name} could not be looked at from here: {detail}.",
        "Look from a desk: does the page open there?",
    ),
}
