"""What the doctor says of declared pipelines."""

from __future__ import annotations

from ui.texts.sentence import Sentence

PIPELINES = {
    "finding.pipelines.none": Sentence("No pipeline is declared here.", "Aquí no hay flujos declarados."),
    "finding.pipelines.ok": Sentence(
        "{count} files of pipelines are right.", "{count} archivos de flujos están bien."
    ),
    "finding.pipelines.refused": Sentence(
        "The file of the pipeline {name} has faults, so that its last good version serves, or none.",
        "El archivo del flujo {name} tiene fallos, así que responde su última versión buena, o ninguna.",
    ),
    "remedy.pipelines.refused": Sentence(
        "Correct the lines that are named; the file is read again by itself.",
        "Corrige las líneas que se indican; el archivo se vuelve a leer solo.",
    ),
}
