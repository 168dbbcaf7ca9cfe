"""What the worker does, by the name of the job. A door: it translates, nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from appliance.ports import INGEST_JOB, JobHandler
from appliance.services.knowledge.ingestion import Ingestion


def handlers(ingestion: Ingestion) -> Mapping[str, JobHandler]:
    """Bound handlers for the worker; nothing here keeps state."""
    return {INGEST_JOB: ingestion.ingest}
