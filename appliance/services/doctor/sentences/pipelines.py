"""What the doctor says of declared pipelines."""

from __future__ import annotations

from appliance.services.doctor.words import Words

PIPELINES = {
    "pipelines.none": Words("No pipeline is declared here."),
    "pipelines.ok": Words("{count} files of pipelines are right."),
    "pipelines.refused": Words(
        "The file of the pipeline {name} has faults, so that its last good version serves, or none.",
        "Correct the lines that are named; the file is read again by itself.",
    ),
}
