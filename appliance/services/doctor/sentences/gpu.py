"""The GPU: what each finding says, and what to do about it."""

from __future__ import annotations

from appliance.services.doctor.words import Words

GPU = {
    "gpu.none": Words(
        "There is no NVIDIA GPU in this machine.",
    ),
    "gpu.elsewhere": Words(
        "No GPU is given to this container; the engine's has it.",
        "This looks at it from there.",
    ),
    "gpu.ok": Words(
        "{name}: driver {driver}, {used_gb} of {size_gb} GB in use, {temperature} °C.",
    ),
    "gpu.lost": Words(
        "This container has lost its GPU (Failed to initialize NVML: Unknown Error): a systemd "
        "daemon-reload took the device away.",
        'Start it again; against its return set "exec-opts": ["native.cgroupdriver=cgroupfs"] in '
        "/etc/docker/daemon.json, or use CDI.",
    ),
    "gpu.driver_missing": Words(
        "An NVIDIA card is in the machine, but its driver is not loaded: {detail}.",
        "Install the driver and restart the machine.",
    ),
    "gpu.mismatch": Words(
        "The driver was upgraded and its old half is still loaded: {detail}.",
        "Restart the machine.",
    ),
    "gpu.silent": Words(
        "The NVIDIA driver does not answer: {detail}.",
        "See what it says in the kernel's log; then restart the machine.",
    ),
    "gpu.fell_off": Words(
        "GPUs that do not answer any more: {count}; they have fallen off the bus.",
        "Restart the machine; if it comes back, check seat and power.",
    ),
    "gpu.driver_old": Words(
        "Driver {driver} knows CUDA {has} at most, {engine} needs {needs}: the engine cannot start or "
        "runs on the processor.",
        "Install a newer driver and restart the machine.",
    ),
    "gpu.ecc": Words(
        "{name} has had memory errors that could not be corrected since the driver was loaded: {count}. "
        "Answers may be wrong.",
        "Restart the machine; if they come back, have the card replaced.",
    ),
    "gpu.remapping": Words(
        "{name} has a bad memory row that is only replaced after a reset.",
        "Restart the machine when it suits.",
    ),
    "gpu.worn": Words(
        "{name} could not replace a bad memory row: it has no spare ones left.",
        "Have the card replaced.",
    ),
    "gpu.throttled": Words(
        "{name} slows itself down ({why}) at {temperature} °C.",
        "See to air and power; this shows the reasons.",
    ),
    "gpu.hot": Words(
        "{name} has {temperature} °C.",
        "Air flow, dust, a neighbour's exhaust; this lowers what it may draw.",
    ),
    "gpu.not_persistent": Words(
        "{name} is not in persistence mode: the driver unloads when nobody uses the card, and the next "
        "start waits for it.",
        "Turn it on.",
    ),
}
