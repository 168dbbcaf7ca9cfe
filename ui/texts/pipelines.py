"""Declared pipelines in Administration, in the trace of an answer, and where they refuse."""

from __future__ import annotations

from collections.abc import Mapping

from ui.texts.pipeline_fields import PIPELINE_FIELDS
from ui.texts.pipeline_findings import PIPELINE_FINDINGS
from ui.texts.sentence import Sentence

PIPELINE_ERRORS = {
    "pipeline_refused": Sentence(
        "The pipeline's file has faults. Correct the lines that are named, then save it again.",
        "El archivo del flujo tiene fallos. Corrige las líneas que se indican y guárdalo de nuevo.",
    ),
    "step_timed_out": Sentence(
        "The pipeline took longer than it may. Ask for less, or an administrator for more time.",
        "El flujo ha tardado más de lo permitido. Pide menos, o pide más tiempo a administración.",
    ),
    "answer_misshapen": Sentence(
        "The model's answer does not have the form that the pipeline asks for. Try again, or with another model.",
        "La respuesta del modelo no tiene la forma que pide el flujo. Inténtalo otra vez, o con otro modelo.",
    ),
}
PIPELINES_MENU: Mapping[str, Sentence] = {
    "admin_pipelines": Sentence("Pipelines", "Flujos"),
    "fact_pipeline": Sentence("Pipeline", "Flujo"),
    "status_step": Sentence("Step {done} of {total}: {name}", "Paso {done} de {total}: {name}"),
    "trace_run": Sentence("Steps of {pipeline}", "Pasos de {pipeline}"),
    "trace_tokens": Sentence(
        "{read} tokens read, {written} written", "{read} tokens leídos, {written} escritos"
    ),
    "trace_outcome_running": Sentence("was running when it ended", "estaba en marcha cuando terminó"),
    "trace_outcome_done": Sentence("done", "hecho"),
    "trace_outcome_passed": Sentence("passed over", "saltado"),
    "trace_outcome_failed": Sentence("failed", "ha fallado"),
    "trace_outcome_timed_out": Sentence("took too long", "ha tardado demasiado"),
    "trace_kind_retrieve": Sentence("search", "búsqueda"),
    "trace_kind_prompt": Sentence("model", "modelo"),
    "trace_kind_sql": Sentence("query", "consulta"),
    "trace_kind_rerank": Sentence("ranking", "ordenación"),
    "trace_kind_transcribe": Sentence("recording", "grabación"),
    "trace_kind_branch": Sentence("branch", "bifurcación"),
    "trace_kind_call": Sentence("call", "llamada"),
    "trace_figure_passages": Sentence("passages", "pasajes"),
    "trace_figure_read": Sentence("read", "leídos"),
    "trace_figure_characters": Sentence("characters", "caracteres"),
    "trace_figure_citations": Sentence("citations", "citas"),
    "trace_figure_unsupported": Sentence("without support", "sin respaldo"),
    "trace_figure_model": Sentence("by", "con"),
    "trace_figure_rows": Sentence("rows", "filas"),
    "trace_figure_query_ms": Sentence("ms in the database", "ms en la base de datos"),
    "trace_figure_seconds": Sentence("seconds heard", "segundos escuchados"),
    "trace_figure_pipeline": Sentence("pipeline", "flujo"),
    "trace_figure_tool": Sentence("tool", "herramienta"),
    "trace_figure_to": Sentence("on to", "sigue en"),
}
PIPELINES: Mapping[str, Sentence] = {
    "lead": Sentence(
        "Ways to answer that are written down step by step in a file. Each one is a model name that people may choose.",
        "Formas de responder escritas paso a paso en un archivo. Cada una es un nombre de modelo que se puede elegir.",
    ),
    "new": Sentence("New pipeline", "Nuevo flujo"),
    "name": Sentence("Name", "Nombre"),
    "name_hint": Sentence(
        "Small letters, digits and hyphens. Under this name it is asked.",
        "Minúsculas, cifras y guiones. Con este nombre se le pregunta.",
    ),
    "state": Sentence("State", "Estado"),
    "version": Sentence("Version", "Versión"),
    "steps": Sentence("Steps", "Pasos"),
    "origin": Sentence("From", "Origen"),
    "origin_folder": Sentence("file here", "archivo propio"),
    "origin_shipped": Sentence("with the appliance", "incluido"),
    "state_serving": Sentence("in service", "en servicio"),
    "state_outdated": Sentence(
        "file refused, last good version in service", "archivo rechazado, en servicio la última versión buena"
    ),
    "state_refused": Sentence("refused", "rechazado"),
    "state_disabled": Sentence("switched off", "desactivado"),
    "none": Sentence("There are no pipelines yet.", "Todavía no hay flujos."),
    "back": Sentence("All pipelines", "Todos los flujos"),
    "as_form": Sentence("Form", "Formulario"),
    "as_yaml": Sentence("File", "Archivo"),
    "seen_as": Sentence("Show as", "Ver como"),
    "comments": Sentence(
        "Changes in the form write the file anew: comments and blank lines in it are lost.",
        "Los cambios en el formulario reescriben el archivo: se pierden sus comentarios y líneas en blanco.",
    ),
    "file_text": Sentence("The file {file}", "El archivo {file}"),
    "check": Sentence("Check", "Comprobar"),
    "save": Sentence("Save and put in service", "Guardar y poner en servicio"),
    "saved": Sentence("{pipeline} is saved.", "Se ha guardado {pipeline}."),
    "all_good": Sentence("Nothing is wrong with it.", "Todo está bien."),
    "findings": Sentence("{count} to correct", "Por corregir: {count}"),
    "unsaved": Sentence("Not saved yet.", "Aún sin guardar."),
    "at_line": Sentence("Line {line}, column {column}", "Línea {line}, columna {column}"),
    "switch_on": Sentence("Switch on", "Activar"),
    "switch_off": Sentence("Switch off", "Desactivar"),
    "remove": Sentence("Remove the file", "Quitar el archivo"),
    "remove_sure": Sentence(
        "Nobody can ask {name} any more. Its versions stay; one that came with the appliance is as it came.",
        "Nadie podrá preguntar a {name}. Sus versiones se conservan; si venía incluido, queda como venía.",
    ),
    "removed": Sentence("{name} is removed.", "Se ha quitado {name}."),
    "try": Sentence("Try it", "Probar"),
    "try_hint": Sentence(
        "Runs the version in service, with your own permissions.",
        "Ejecuta la versión en servicio, con tus propios permisos.",
    ),
    "run": Sentence("Run", "Ejecutar"),
    "stop": Sentence("Stop", "Parar"),
    "running": Sentence("Running…", "En marcha…"),
    "stopped": Sentence("Stopped.", "Parado."),
    "result": Sentence("Result", "Resultado"),
    "result_citations": Sentence("Citations", "Citas"),
    "result_trace": Sentence("What each step did", "Qué hizo cada paso"),
    "result_by": Sentence("By {pipeline}", "Con {pipeline}"),
    "history": Sentence("Versions", "Versiones"),
    "history_none": Sentence("No version was accepted yet.", "Todavía no se ha aceptado ninguna versión."),
    "saved_by": Sentence("By", "Por"),
    "via": Sentence("How", "Cómo"),
    "via_file": Sentence("changed on the disk", "cambiado en el disco"),
    "via_page": Sentence("saved", "guardado"),
    "via_rollback": Sentence("brought back", "recuperado"),
    "via_shipped": Sentence("came with the appliance", "venía incluido"),
    "compare": Sentence(
        "Compare version {version} with the latest", "Comparar la versión {version} con la última"
    ),
    "difference": Sentence("From version {before} to {after}", "De la versión {before} a la {after}"),
    "same": Sentence("They are the same.", "Son iguales."),
    "bring_back": Sentence("Bring version {version} back", "Recuperar la versión {version}"),
    "brought_back": Sentence(
        "Version {version} is back, as {pipeline}.", "La versión {version} vuelve a valer, como {pipeline}."
    ),
    "add": Sentence("Add", "Añadir"),
    "add_step": Sentence("Add a step", "Añadir un paso"),
    "add_to": Sentence("Add to {what}", "Añadir a {what}"),
    "step_number": Sentence("Step {number}", "Paso {number}"),
    "up": Sentence("Move {name} up", "Subir {name}"),
    "down": Sentence("Move {name} down", "Bajar {name}"),
    "remove_one": Sentence("Remove {name}", "Quitar {name}"),
    "unset": Sentence("(nothing)", "(nada)"),
    "each_line": Sentence("One on each line.", "Uno en cada línea."),
    "json_hint": Sentence("As JSON.", "En JSON."),
    "json_wrong": Sentence("This is not JSON.", "Esto no es JSON."),
    "key": Sentence("Name", "Nombre"),
    "value": Sentence("Value", "Valor"),
    "no_form": Sentence(
        "This file cannot be shown as a form until its YAML is right.",
        "Este archivo no se puede ver como formulario hasta que su YAML esté bien.",
    ),
    **PIPELINE_FIELDS,
    **PIPELINE_FINDINGS,
}
