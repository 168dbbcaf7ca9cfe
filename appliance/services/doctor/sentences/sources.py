"""What the doctor says of the company's databases."""

from __future__ import annotations

from appliance.services.doctor.words import Words

SOURCES = {
    "sources.none": Words("No database is connected."),
    "sources.ok": Words("{count} databases answer."),
    "sources.unanswered": Words(
        "The database {name} does not answer.",
        "Look at its address and its role; when it answers again, read its tables anew.",
    ),
    "sources.open_file": Words(
        "Others on this machine can read the password of the database {name}; it is not asked any more.",
        "Take the file's rights away from everybody but the user of the appliance.",
    ),
    "sources.role_can_write": Words(
        "The role that asks the database {name} can do more than read.",
        "Have a role made that can only read, with the statements that the command shows, and change the source to it.",
    ),
    "sources.drifted": Words(
        "The database {name} has changed in {count} places since its tables were chosen.",
        "Look at what changed and choose its tables again, in Administration › Data or with `appliance source choose`.",
    ),
}
