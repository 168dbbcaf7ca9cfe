"""What the doctor says of what leaves."""

from __future__ import annotations

from appliance.services.doctor.words import Words

EGRESS = {
    "egress.nothing": Words("Nothing left this box in the last 30 days."),
    "egress.some": Words("{departures} requests left in the last 30 days, {refused} were refused."),
    "egress.off": Words("Nothing leaves: egress.stopped is true."),
    "egress.stopped": Words("Nothing leaves: {who} stopped it {hours} hours ago."),
    "egress.forgotten": Words(
        "Nothing has left for {hours} hours, because {who} stopped it.",
        "Let it go on when the reason is gone; clouds, models and sign-ins by a provider wait for it.",
    ),
    "egress.broken": Words(
        "The ledger of what left is not whole: lines are missing or changed.",
        "Compare it with the last export or backup, and find out who can write the data folder.",
    ),
    "egress.closed": Words(
        "The ledger of what left cannot be written, so nothing leaves.",
        "Make room on the disk, or give the folder DATA/egress to the user of the appliance.",
    ),
}
