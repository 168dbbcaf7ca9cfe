"""The fields of a pipeline's file in the form, by its schema's names; a test compares the English with the schema."""

from __future__ import annotations

from collections.abc import Mapping

from ui.texts.sentence import Sentence

_LABELS: Mapping[str, tuple[str, str]] = {
    "format": ("Format", "Formato"),
    "name": ("Name", "Nombre"),
    "enabled": ("Switched on", "Activado"),
    "title": ("Title", "Título"),
    "description": ("Description", "Descripción"),
    "groups": ("Groups", "Grupos"),
    "inputs": ("Inputs", "Entradas"),
    "timeout_s": ("Time limit in seconds", "Tiempo máximo en segundos"),
    "steps": ("Steps", "Pasos"),
    "output": ("Output", "Salida"),
    "kind": ("Kind", "Clase"),
    "then": ("Goes on to", "Sigue en"),
    "cases": ("Cases", "Casos"),
    "when": ("Condition", "Condición"),
    "go_to": ("Goes on to", "Sigue en"),
    "say": ("Says", "Dice"),
    "pipeline": ("Pipeline", "Flujo"),
    "model": ("Model", "Modelo"),
    "tool": ("Tool", "Herramienta"),
    "question": ("Question", "Pregunta"),
    "values": ("Values", "Valores"),
    "type": ("Type", "Tipo"),
    "default": ("Default", "Valor por defecto"),
    "choices": ("Choices", "Opciones"),
    "text": ("Words", "Instrucción"),
    "purpose": ("Prompt of the catalogue", "Instrucción del catálogo"),
    "sources": ("Passages from", "Pasajes de"),
    "history": ("With what was said before", "Con lo dicho antes"),
    "temperature": ("Temperature", "Temperatura"),
    "max_tokens": ("Tokens at most", "Tokens como máximo"),
    "stream": ("Shown as it is written", "Mostrar mientras se escribe"),
    "answer_schema": ("Form of the answer", "Forma de la respuesta"),
    "passages": ("Passages from", "Pasajes de"),
    "limit": ("At most", "Como máximo"),
    "collections": ("Collections", "Colecciones"),
    "filters": ("Attributes of files", "Atributos de los archivos"),
    "source": ("Data source", "Origen de datos"),
    "query": ("SQL", "SQL"),
    "saved_question": ("Saved question", "Pregunta guardada"),
    "show": ("Show the table", "Mostrar la tabla"),
    "file": ("File", "Archivo"),
    "times": ("With times", "Con tiempos"),
    "en": ("English", "Inglés"),
    "es": ("Spanish", "Español"),
}
_KINDS: Mapping[str, tuple[str, str]] = {
    "retrieve": ("Search documents", "Buscar en documentos"),
    "prompt": ("Ask a model", "Preguntar a un modelo"),
    "sql": ("Query data", "Consultar datos"),
    "rerank": ("Rank passages", "Ordenar pasajes"),
    "transcribe": ("Hear a recording", "Escuchar una grabación"),
    "branch": ("Branch", "Bifurcar"),
    "call": ("Call", "Llamar"),
}
ABOUT: Mapping[str, tuple[str, str]] = {
    "PipelineFile_format": ("The version of this format.", "La versión de este formato."),
    "PipelineFile_name": (
        "The model name under which it is asked; the file is NAME.yaml.",
        "El nombre de modelo con el que se le pregunta; el archivo es NOMBRE.yaml.",
    ),
    "PipelineFile_enabled": (
        "false: it is checked and kept, but nobody can ask it.",
        "Sin marcar: se comprueba y se guarda, pero nadie puede preguntarle.",
    ),
    "PipelineFile_title": ("What people call it.", "Cómo lo llama la gente."),
    "PipelineFile_description": ("What it is for.", "Para qué sirve."),
    "PipelineFile_groups": (
        "Only members of these groups may ask it; empty: everybody.",
        "Solo pueden usarlo los miembros de estos grupos; vacío: todo el mundo.",
    ),
    "PipelineFile_inputs": (
        "What whoever asks gives; without this a question.",
        "Lo que da quien pregunta; si no se indica, una pregunta.",
    ),
    "PipelineFile_timeout_s": (
        "Seconds for all of it; without it what the settings allow (`pipelines.timeout_s`).",
        "Segundos para todo; si no se indica, lo que permita la configuración (`pipelines.timeout_s`).",
    ),
    "PipelineFile_steps": ("What is done, from top to bottom.", "Lo que se hace, de arriba abajo."),
    "PipelineFile_output": (
        "The step whose result is the answer; of several the first one that ran.",
        "El paso cuyo resultado es la respuesta; si hay varios, el primero que se ejecute.",
    ),
    "Step_name": (
        "By which later steps use its result: `steps.NAME.FIELD`.",
        "Con él usan su resultado los pasos siguientes: `steps.NOMBRE.CAMPO`.",
    ),
    "Step_then": (
        "The step that follows, or `end`; without it the next one in the file.",
        "El paso que sigue, o `end`; si no se indica, el siguiente del archivo.",
    ),
    "Step_timeout_s": (
        "Seconds it may take; without it what the settings allow (`pipelines.step_timeout_s`).",
        "Segundos que puede tardar; si no se indica, lo que permita la configuración (`pipelines.step_timeout_s`).",
    ),
    "BranchStep_cases": ("Looked at in this order.", "Se miran en este orden."),
    "Case_when": (
        'Such as `steps.found.count == 0` or `inputs.question contains "price"`.',
        'Por ejemplo `steps.found.count == 0` o `inputs.question contains "precio"`.',
    ),
    "Case_go_to": ("A later step, or `end`.", "Un paso posterior, o `end`."),
    "Case_say": ("The run ends with these words.", "El flujo termina con estas palabras."),
    "CallStep_pipeline": (
        "A way to answer, declared or of the appliance.",
        "Una forma de responder, declarada o incluida.",
    ),
    "CallStep_model": (
        "A model, asked `question` and nothing else.",
        "Un modelo, al que se le pregunta `question` y nada más.",
    ),
    "CallStep_tool": (
        "A tool, such as `search_documents` or `SERVER.NAME`.",
        "Una herramienta, como `search_documents` o `SERVIDOR.NOMBRE`.",
    ),
    "CallStep_question": (
        "What the pipeline or the model is asked.",
        "Lo que se pregunta al flujo o al modelo.",
    ),
    "CallStep_values": (
        "Inputs of a declared pipeline, or arguments of a tool; texts may hold `{{ }}`.",
        "Entradas de un flujo declarado, o argumentos de una herramienta; los textos pueden llevar `{{ }}`.",
    ),
    "Input_type": (
        "What it is. `date`: 2026-11-22; `file`: the id of an uploaded file.",
        "Qué es. `date`: 2026-11-22; `file`: el id de un archivo subido.",
    ),
    "Input_title": (
        "What it is called in the try-it form.",
        "Cómo se llama en el formulario de prueba.",
    ),
    "Input_default": (
        "Taken where nobody says; without one it must be given.",
        "Se toma si nadie dice otra cosa; sin él, hay que darlo.",
    ),
    "Input_choices": ("A text may only be one of these.", "Un texto solo puede ser uno de estos."),
    "PromptStep_text": (
        "What the model is told. Give this or `purpose`.",
        "Lo que se le dice al modelo. Indica esto o `purpose`.",
    ),
    "PromptStep_purpose": (
        "Words of the prompt catalogue, by their purpose.",
        "Palabras del catálogo de instrucciones, por su finalidad.",
    ),
    "PromptStep_question": (
        "What the model is asked, as the asker's own words.",
        "Lo que se le pregunta al modelo, como palabras de quien pregunta.",
    ),
    "PromptStep_sources": (
        "A retrieve or rerank step: as many of its passages as fit go behind `text`, to be cited.",
        "Un paso retrieve o rerank: tras `text` van los pasajes suyos que quepan, para citarlos.",
    ),
    "PromptStep_history": (
        "Whether the model sees what was said before in the chat.",
        "Si el modelo ve lo que se dijo antes en el chat.",
    ),
    "PromptStep_model": (
        "Which model; without it the one that answers here.",
        "Qué modelo; si no se indica, el que responde aquí.",
    ),
    "PromptStep_temperature": (
        "0 is sober; without it 0.2.",
        "0 es lo más sobrio; si no se indica, 0,2.",
    ),
    "PromptStep_max_tokens": (
        "Tokens of the answer at most.",
        "Tokens de la respuesta, como máximo.",
    ),
    "PromptStep_stream": (
        "Where it is the output: shown as it is written, or only when it is complete.",
        "Si es la salida: se muestra mientras se escribe, o solo cuando está completa.",
    ),
    "PromptStep_answer_schema": (
        "The answer must be JSON of this JSON Schema; its fields are `steps.NAME.json.FIELD`.",
        "La respuesta debe ser JSON según este JSON Schema; sus campos son `steps.NOMBRE.json.CAMPO`.",
    ),
    "RerankStep_passages": (
        "The retrieve or rerank step whose passages are ordered anew.",
        "El paso retrieve o rerank cuyos pasajes se ordenan de nuevo.",
    ),
    "RerankStep_question": ("What they are held against.", "Con qué se comparan."),
    "RerankStep_limit": ("Passages that are kept.", "Pasajes que se conservan."),
    "RetrieveStep_question": ("What is searched for.", "Lo que se busca."),
    "RetrieveStep_collections": (
        "Only in these, by name; empty: in those of the request, or all.",
        "Solo en estas, por su nombre; vacío: en las de la petición, o en todas.",
    ),
    "RetrieveStep_limit": ("Passages at most.", "Pasajes como máximo."),
    "RetrieveStep_filters": (
        "Only in files whose attributes have exactly these values.",
        "Solo en archivos cuyos atributos tienen justo estos valores.",
    ),
    "SqlStep_source": ("The data source, by name.", "El origen de datos, por su nombre."),
    "SqlStep_query": (
        "SQL with `:parameters`; it holds no `{{ }}`.",
        "SQL con `:parámetros`; no lleva `{{ }}`.",
    ),
    "SqlStep_saved_question": (
        "A saved question of that source, in its own words.",
        "Una pregunta guardada de ese origen, con sus propias palabras.",
    ),
    "SqlStep_values": (
        "A value for each `:parameter`; texts may hold `{{ }}`.",
        "Un valor para cada `:parámetro`; los textos pueden llevar `{{ }}`.",
    ),
    "SqlStep_show": (
        "Whether the asker sees the table beside the answer.",
        "Si quien pregunta ve la tabla junto a la respuesta.",
    ),
    "TranscribeStep_file": ("The file's id, `file-…`.", "El id del archivo, `file-…`."),
    "TranscribeStep_times": (
        "Whether each paragraph begins with when it was said.",
        "Si cada párrafo empieza con el momento en que se dijo.",
    ),
    "Words_en": ("In English.", "En inglés."),
    "Words_es": ("In Spanish.", "En español."),
}
PIPELINE_FIELDS: Mapping[str, Sentence] = {
    **{f"field_{name}": Sentence(*both) for name, both in _LABELS.items()},
    **{f"kind_{name}": Sentence(*both) for name, both in _KINDS.items()},
    **{f"about_{name}": Sentence(*both) for name, both in ABOUT.items()},
}
