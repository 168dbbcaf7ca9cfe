"""`appliance transcribe FILE`: what is said in a recording, as text or subtitles."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from appliance.commands.client import ApiClient, find_address, talk
from appliance.commands.failures import CommandFailed
from appliance.commands.options import DataOption, JsonOption, KeyOption, UrlOption


class Shape(StrEnum):
    """What is written."""

    TEXT = "text"
    SRT = "srt"
    VTT = "vtt"
    JSON = "json"


def transcribe(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A recording in any usual format, or a video.")
    ],
    language: Annotated[
        str, typer.Option(metavar="CODE", help="What is spoken, such as es; without it, it is found out.")
    ] = "",
    shape: Annotated[
        Shape, typer.Option("--format", help="Text, subtitles with times, or JSON with times of words.")
    ] = Shape.TEXT,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="PATH", help="Write there instead of the terminal.")
    ] = None,
    translate: Annotated[bool, typer.Option("--translate", help="Into English.")] = False,
    prompt: Annotated[
        str, typer.Option(help="Names and terms that occur in it, so that they are spelled right.")
    ] = "",
    model: Annotated[
        str, typer.Option(metavar="NAME", help="Which one hears; default: the first there is.")
    ] = "",
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Write down what is said in a recording. Many, or hours: `appliance ingest`, which goes on after a stop."""
    wants_json = as_json or shape is Shape.JSON
    fields = {"response_format": "verbose_json" if wants_json else shape.value, "prompt": prompt}
    if wants_json:
        fields["timestamp_granularities[]"] = "word"
    if language and not translate:
        fields["language"] = language
    route = "translations" if translate else "transcriptions"

    async def heard(api: ApiClient) -> str:
        fields["model"] = model or await _first_model(api)
        return await api.upload_for_text(f"/v1/audio/{route}", file, fields)

    written = talk(find_address(url, key, data), heard)
    if wants_json:
        written = json.dumps(json.loads(written), ensure_ascii=False) + "\n"
    if out is None:
        typer.echo(written, nl=False)
        return
    try:
        out.write_text(written, encoding="utf-8")
    except OSError as error:
        raise CommandFailed(f"{out} cannot be written: {error.strerror}.") from error
    typer.echo(f"Written to {out}.", err=True)


async def _first_model(api: ApiClient) -> str:
    models = (await api.get("/v1/models"))["data"]
    for model in models:
        if model["kind"] == "transcription":
            return str(model["id"])
    raise CommandFailed(
        "No model here hears recordings. Install the extra `speech` and name a model with `model` in [speech]."
    )
