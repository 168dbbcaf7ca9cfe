"""Readings of the sections of clouds, and what the doctor has to say of each."""

from __future__ import annotations

from dataclasses import replace

from appliance.services.doctor import clouds, pipelines, sources
from appliance.services.doctor.findings import error, warning
from tests.doctor_cases import Case

CLOUD = clouds.CloudReading("far", "OpenAI", "https://api.openai.com/v1", ("gpt-4o-mini",), is_published=True)
CLOUDS = clouds.CloudsReading((CLOUD,), may_leave=True)

CASES_OF_CLOUDS: dict[str, Case] = {
    "clouds: none": (clouds.cloud_findings, clouds.CloudsReading(is_at_par=True), ["clouds.none"]),
    "clouds: well": (clouds.cloud_findings, CLOUDS, ["clouds.ok"]),
    "clouds: set, and nothing may leave": (
        clouds.cloud_findings,
        replace(CLOUDS, may_leave=False),
        ["clouds.ok", "clouds.never"],
    ),
    "clouds: no key, no way": (
        clouds.cloud_findings,
        replace(CLOUDS, clouds=(replace(CLOUD, has_key=False, way="It is not an address of the web."),)),
        [error("clouds.no_key"), error("clouds.no_way"), "clouds.ok"],
    ),
    "clouds: a company's own without a key": (
        clouds.cloud_findings,
        replace(CLOUDS, clouds=(replace(CLOUD, has_key=False, needs_key=False),)),
        ["clouds.ok"],
    ),
    "clouds: a key for everybody": (
        clouds.cloud_findings,
        replace(CLOUDS, clouds=(replace(CLOUD, key_file="/k", is_key_open=True),)),
        [error("clouds.key_open"), "clouds.ok"],
    ),
    "clouds: an alias, no price": (
        clouds.cloud_findings,
        replace(CLOUDS, clouds=(replace(CLOUD, misnamed=("fast", "llama"), unpriced=("gpt-x",)),)),
        [warning("clouds.misnamed"), warning("clouds.unpriced"), "clouds.ok"],
    ),
    "pipelines: none": (pipelines.pipeline_findings, (), ["pipelines.none"]),
    "pipelines: one right, one with a fault": (
        pipelines.pipeline_findings,
        (
            pipelines.PipelineReading("letter", "/d/letter.yaml"),
            pipelines.PipelineReading("minutes", "/d/minutes.yaml", ("minutes.yaml:3:1: `en` is missing.",)),
        ),
        [warning("pipelines.refused", lines=("minutes.yaml:3:1: `en` is missing.",)), "pipelines.ok"],
    ),
    "sources: none": (sources.source_findings, (), ["sources.none"]),
    "sources: well": (sources.source_findings, (sources.SourceReading("Sales"),), ["sources.ok"]),
    "sources: away, its password open, a role that writes, drift": (
        sources.source_findings,
        (
            sources.SourceReading("Sales", problem="refused"),
            sources.SourceReading("Stock", problem="open", open_file="/k"),
            sources.SourceReading("Old", writes=("superuser",), drift=("table_gone public.a",)),
        ),
        [
            warning("sources.unanswered", lines=("refused",)),
            error("sources.open_file"),
            warning("sources.role_can_write", lines=("superuser",)),
            warning("sources.drifted", lines=("table_gone public.a",)),
            "sources.ok",
        ],
    ),
    "clouds: dollars at par": (
        clouds.cloud_findings,
        replace(CLOUDS, is_at_par=True),
        ["clouds.ok", warning("clouds.at_par")],
    ),
}
