"""What the page says when a model cannot be got, taken away or used."""

from __future__ import annotations

from ui.texts.sentence import Sentence

MODEL_ERRORS = {
    "egress_refused": Sentence(
        "The appliance does not go to that address. The operator names the allowed hosts in the section [egress].",
        "El servidor no sale a esa dirección. Los sitios permitidos se indican en la sección [egress].",
    ),
    "egress_stopped": Sentence(
        "Nothing leaves the appliance just now: an administrator stopped it.",
        "Ahora mismo no sale nada del servidor: un administrador lo ha parado.",
    ),
    "egress_unrecorded": Sentence(
        "Nothing leaves the appliance just now, for the ledger of what leaves cannot be written.",
        "Ahora mismo no sale nada del servidor: no se puede escribir el registro de salidas.",
    ),
    "cloud_not_permitted": Sentence(
        "Nothing here answers just now, and this question may not leave the box. Try again in a moment.",
        "Aquí no responde ningún modelo ahora, y esta pregunta no puede salir. Prueba dentro de un momento.",
    ),
    "cloud_cannot": Sentence(
        "Nothing here answers just now, and the cloud cannot do what this asks for. Try again in a moment.",
        "Aquí no responde ningún modelo ahora, y la nube no sabe hacer lo que se pide. Prueba dentro de un momento.",
    ),
    "cloud_unreachable": Sentence(
        "The cloud cannot be reached just now. Try again in a moment.",
        "Ahora no se puede llegar a la nube. Prueba dentro de un momento.",
    ),
    "cloud_refused": Sentence(
        "The cloud does not answer just now. Try again in a moment.",
        "La nube no responde ahora. Prueba dentro de un momento.",
    ),
    "cloud_key_refused": Sentence(
        "The cloud does not accept the appliance’s key. An administrator can change it.",
        "La nube no acepta la clave de este servidor. Un administrador puede cambiarla.",
    ),
    "hub_unavailable": Sentence(
        "Where the model comes from does not answer, or broke off. What has come is kept: try again to go on.",
        "El origen del modelo no responde o se cortó. Lo que ya llegó se conserva: prueba otra vez y seguirá.",
    ),
    "model_gated": Sentence(
        "This model is given only to people who have accepted its licence, and asks for their token.",
        "Este modelo solo se entrega a quien ha aceptado su licencia, y pide su token.",
    ),
    "model_source_unknown": Sentence(
        "There is no such model to get. Check its name, revision and quantisation.",
        "No hay ningún modelo así. Revisa el nombre, la revisión y la cuantización.",
    ),
    "model_has_pickle": Sentence(
        "The model’s weights are in a format that can run code when read. Take one with safetensors or GGUF files.",
        "Los pesos del modelo están en un formato que puede ejecutar código. Elige uno con safetensors o GGUF.",
    ),
    "model_has_code": Sentence(
        "The model brings program code of its own, which is never run here.",
        "El modelo trae código propio, que aquí no se ejecuta nunca.",
    ),
    "model_file_corrupt": Sentence(
        "A file of the model is not what it should be, so the model was not taken in. Try again.",
        "Un archivo del modelo no es lo que debería, así que no se instaló. Prueba otra vez.",
    ),
    "model_no_room": Sentence(
        "There is not enough room on the disk for this model. Remove another one, or make room.",
        "No hay sitio en el disco para este modelo. Elimina otro o libera espacio.",
    ),
    "model_in_use": Sentence(
        "The model is in use. Stop it first, or search with another one.",
        "El modelo está en uso. Detenlo antes o busca con otro.",
    ),
    "model_name_unusable": Sentence(
        "A model’s name has letters, digits, dots, dashes and underscores, 96 at most.",
        "El nombre de un modelo lleva letras, cifras, puntos, guiones y guiones bajos; 96 como mucho.",
    ),
    "model_does_not_fit": Sentence(
        "This model does not fit in this machine's memory. The plan shows which ones do.",
        "Este modelo no cabe en la memoria de esta máquina. El plan muestra cuáles caben.",
    ),
    "model_needs_vllm": Sentence(
        "This model needs vLLM beside the appliance: set models.vllm_command, or use compose.",
        "Este modelo necesita vLLM junto al servidor: ajusta models.vllm_command o usa compose.",
    ),
    "model_not_startable": Sentence(
        "Models of this kind are not started by hand.",
        "Los modelos de este tipo no se arrancan a mano.",
    ),
    "model_not_started": Sentence(
        "This model has not been started.",
        "Este modelo no se ha arrancado.",
    ),
    "model_load_failed": Sentence(
        "The model cannot be loaded just now. An administrator sees the reason under Models.",
        "El modelo no se puede cargar ahora. Un administrador verá el motivo en Modelos.",
    ),
    "model_not_loaded": Sentence(
        "The model is not in memory. An administrator can start it.",
        "El modelo no está en memoria. Un administrador puede arrancarlo.",
    ),
    "model_not_installed": Sentence(
        "There is no such model on this machine.", "Ese modelo no está en esta máquina."
    ),
}
