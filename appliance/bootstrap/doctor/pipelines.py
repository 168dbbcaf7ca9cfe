"""Reads the files of declared pipelines as they lie in their folder, against the format and each other."""

from __future__ import annotations

from pathlib import Path

from appliance.bootstrap.doctor.place import Place
from appliance.pipelines import PIPELINES
from appliance.pipelines.declared import files
from appliance.pipelines.declared.reading import checked, parse
from appliance.pipelines.declared.schema import PipelineFile
from appliance.pipelines.declared.surroundings import Surroundings
from appliance.services.doctor.pipelines import PipelineReading


def read_pipelines(place: Place) -> tuple[PipelineReading, ...]:
    """Those of the folder; what came with the appliance is right. Models and collections are not looked up."""
    wanted = place.needed_box.settings.pipelines.folder
    there = files.found(Path(wanted) if wanted else place.data / "pipelines")
    parsed, unread = {}, []
    for name, file in there.items():
        try:
            parsed[name] = parse(files.text_of(file), file.path.name)
        except OSError as error:
            unread.append(PipelineReading(name, str(file.path), (f"it cannot be read: {error.strerror}",)))
    known: dict[str, PipelineFile | None] = {
        **dict.fromkeys(PIPELINES),
        **{name: one.file for name, one in parsed.items()},
    }
    around = Surroundings(pipelines=known, built_in=frozenset(PIPELINES))
    return (
        *unread,
        *(
            PipelineReading(
                name,
                str(there[name].path),
                tuple(one.at(there[name].path.name) for one in checked(each, around)),
            )
            for name, each in parsed.items()
            if there[name].origin == "folder"
        ),
    )
