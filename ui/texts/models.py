"""Administration › Models: loaded with that view alone, because nobody else sees it."""

from __future__ import annotations

from ui.texts.sentence import Sentence

MODELS = {
    "hardware_none": Sentence(
        "No NVIDIA graphics card answers here.", "Aquí no responde ninguna tarjeta NVIDIA."
    ),
    "hardware_gpu": Sentence("{name} with {memory}", "{name} con {memory}"),
    "hardware_rest": Sentence(
        "{cores} processor cores, {ram} of memory free, {disk} of disk free.",
        "{cores} núcleos, {ram} de memoria libre, {disk} libres en disco.",
    ),
    # What is on the disk
    "installed": Sentence("On this machine", "En esta máquina"),
    "installed_none": Sentence("There are no models here yet.", "Aún no hay modelos."),
    "column_model": Sentence("Model", "Modelo"),
    "column_kind": Sentence("For", "Para"),
    "column_size": Sentence("Size", "Tamaño"),
    "column_state": Sentence("State", "Estado"),
    "column_licence": Sentence("Licence", "Licencia"),
    "column_verdict": Sentence("On this machine", "En esta máquina"),
    "kind_chat": Sentence("conversation", "conversar"),
    "kind_embedding": Sentence("search", "buscar"),
    "kind_reranker": Sentence("ordering results", "ordenar resultados"),
    "kind_transcription": Sentence("speech", "voz"),
    "state_stopped": Sentence("stopped", "parado"),
    "state_unloaded": Sentence("loads when asked", "se carga al usarlo"),
    "state_loading": Sentence("loading, {seconds} s", "cargando, {seconds} s"),
    "state_loading_soon": Sentence("loading", "cargando"),
    "state_ready": Sentence("running", "en marcha"),
    "state_draining": Sentence("finishing answers", "acabando respuestas"),
    "state_restarting": Sentence("starting again", "arrancando de nuevo"),
    "state_failed": Sentence("failed", "ha fallado"),
    "state_searching": Sentence("searched with", "se usa para buscar"),
    "state_there": Sentence("ready to use", "listo"),
    "start": Sentence("Start", "Iniciar"),
    "stop": Sentence("Stop", "Parar"),
    "remove": Sentence("Remove {name}", "Eliminar {name}"),
    "started": Sentence("{name} is being started.", "Se está iniciando {name}."),
    "stopped": Sentence("{name} is stopped.", "{name} está parado."),
    "start_title": Sentence("Start {name}", "Iniciar {name}"),
    "start_lead": Sentence(
        "It is planned for this machine before; where less fits, it starts with less and says so.",
        "Antes se calcula para esta máquina; si no cabe todo, arranca con menos y lo dice.",
    ),
    "stop_title": Sentence("Stop {name}?", "¿Parar {name}?"),
    "stop_lead": Sentence(
        "Answers under way end; new questions to it are refused until it is started again.",
        "Las respuestas en curso terminan; después no admite preguntas hasta que lo inicies.",
    ),
    "remove_title": Sentence("Remove {name}?", "¿Eliminar {name}?"),
    "remove_lead": Sentence(
        "Its {size} leave the disk. To have it again, it must be got again.",
        "Se borran sus {size} del disco. Para volver a usarlo habrá que descargarlo otra vez.",
    ),
    "remove_do": Sentence("Remove", "Eliminar"),
    "removed": Sentence("{name} was removed.", "{name} se ha eliminado."),
    "last_lines": Sentence("Last lines of its log", "Últimas líneas de su registro"),
    "use_for_search": Sentence("Search with it", "Usar para buscar"),
    "search_title": Sentence("Search with {name}?", "¿Buscar con {name}?"),
    "search_lead": Sentence(
        "All documents are read anew in the background. Search goes on meanwhile, and goes over when all is ready.",
        "Todos los documentos se vuelven a leer en segundo plano. Mientras tanto se sigue buscando; el cambio llega "
        "al terminar.",
    ),
    "search_built_in": Sentence("Search with the built-in model again", "Volver al modelo de serie"),
    "search_follows": Sentence(
        "The index follows in the background.", "El índice se rehace en segundo plano."
    ),
    # What comes
    "pulls": Sentence("On their way", "En camino"),
    "pull_waiting": Sentence("Waits for its turn", "A la espera"),
    "pull_begins": Sentence("Begins", "Empezando"),
    "pull_running": Sentence("{done} of {total}, {rate} a second", "{done} de {total}, {rate} por segundo"),
    "pull_left": Sentence("{time} left", "faltan {time}"),
    "pull_ending": Sentence("Is being cancelled", "Cancelando"),
    "pull_failed": Sentence("Broke off", "Se interrumpió"),
    "pull_cancel": Sentence("Cancel {name}", "Cancelar {name}"),
    "pull_discard": Sentence("Discard", "Descartar"),
    "pull_asked": Sentence("{name} is on its way.", "{name} está en camino."),
    "pull_done": Sentence("{name} is there.", "{name} ya está aquí."),
    "pull_from": Sentence("from {source}", "de {source}"),
    "cancel": Sentence("Cancel", "Cancelar"),
    # What could come
    "catalogue": Sentence("What fits here", "Qué cabe aquí"),
    "catalogue_lead": Sentence(
        "Estimated for this machine, rounded up. What a start really needs replaces it.",
        "Estimado para esta máquina, redondeando al alza. Lo que un arranque gasta de verdad lo sustituye.",
    ),
    "people": Sentence("People", "Personas"),
    "context": Sentence("Context", "Contexto"),
    "context_tokens": Sentence("{count} tokens", "{count} tokens"),
    "fit": Sentence(
        "for {people} people with {context} tokens", "para {people} personas con {context} tokens"
    ),
    "fit_once": Sentence("{slots} at once", "{slots} a la vez"),
    "get": Sentence("Get", "Obtener"),
    "get_of": Sentence("Get {name}", "Obtener {name}"),
    "get_there": Sentence("is here", "ya está"),
    "why": Sentence("Arithmetic", "Cálculo"),
    "why_of": Sentence("Arithmetic of {name}", "Cálculo de {name}"),
    "why_have": Sentence("What it may take", "Lo que puede usar"),
    "why_need": Sentence("What it needs", "Lo que necesita"),
    "why_size": Sentence("GiB", "GiB"),
    "why_given_up": Sentence("What is given up", "A qué se renuncia"),
    "why_measured": Sentence("Measured by an earlier start here.", "Medido en un arranque anterior aquí."),
    "gated": Sentence("needs a token", "pide un token"),
    "gated_lead": Sentence(
        "Its maker wants to know who takes it. Accept the licence at {page}, make a token that may read, put it into "
        "a file that only the appliance reads, and name that file in appliance.toml:",
        "Su autor quiere saber quién lo usa. Acepta la licencia en {page}, crea un token de lectura, guárdalo en un "
        "archivo que solo lea el servidor e indícalo en appliance.toml:",
    ),
    "get_lead": Sentence(
        "{size} come from {source}. Licence: {licence}.",
        "Se descargan {size} de {source}. Licencia: {licence}.",
    ),
    "get_search": Sentence(
        "Search documents with it afterwards", "Usarlo después para buscar en los documentos"
    ),
    "others": Sentence("For search and speech", "Para buscar y para voz"),
    "elsewhere": Sentence("Another model", "Otro modelo"),
    "elsewhere_label": Sentence("Where it comes from", "De dónde viene"),
    "elsewhere_hint": Sentence(
        "hf:OWNER/NAME, with :Q4_K_M for a GGUF file; ollama:NAME; or a folder there, such as /media/usb/model.",
        "hf:AUTOR/NOMBRE, con :Q4_K_M si es GGUF; ollama:NOMBRE; o una carpeta de la máquina, como /media/usb/modelo.",
    ),
}

PLANS = {
    "verdict.fits": Sentence("fits", "cabe"),
    "verdict.less_context": Sentence("fits with less", "cabe con menos"),
    "verdict.fp8_kv": Sentence("fits, memory in 8 bits", "cabe, con memoria de 8 bits"),
    "verdict.quantised": Sentence("a smaller file fits", "cabe un archivo menor"),
    "verdict.two_gpus": Sentence("fits on several cards", "cabe en varias tarjetas"),
    "verdict.cpu": Sentence("runs on the processor", "va con el procesador"),
    "verdict.no": Sentence("does not fit", "no cabe"),
    "given.less_context": Sentence(
        "A conversation can be {tokens} tokens long, not {wanted_tokens}: about {words} words.",
        "Una conversación puede tener {tokens} tokens, no {wanted_tokens}: unas {words} palabras.",
    ),
    "given.fewer_at_once": Sentence(
        "{slots} answers are written at the same time, not {wanted_slots}; who comes then waits.",
        "Se escriben {slots} respuestas a la vez, no {wanted_slots}; quien llegue después espera.",
    ),
    "given.model_context": Sentence(
        "The model was made for {tokens} tokens at most.", "El modelo admite {tokens} tokens como mucho."
    ),
    "given.fp8_kv": Sentence(
        "What it remembers of a conversation is kept in 8 bits instead of 16; answers hardly change.",
        "Lo que recuerda de una conversación ocupa 8 bits en vez de 16; las respuestas apenas cambian.",
    ),
    "given.other_quantisation": Sentence(
        "{model} is the same model with its weights rounded; it answers slightly less well.",
        "{model} es el mismo modelo con los pesos redondeados; responde un poco peor.",
    ),
    "given.several_gpus": Sentence(
        "{gpus} graphics cards are taken; nothing else can use them meanwhile.",
        "Ocupa {gpus} tarjetas; nada más puede usarlas mientras tanto.",
    ),
    "given.slow_cpu": Sentence(
        "A processor writes far slower than a graphics card: a few words a second for each person.",
        "Un procesador escribe mucho más despacio que una tarjeta: unas palabras por segundo y persona.",
    ),
    "given.float16": Sentence(
        "This card is too old for bfloat16; it computes in float16, which for a few models is less exact.",
        "Esta tarjeta no admite bfloat16; calcula en float16, algo menos exacto con unos pocos modelos.",
    ),
    "given.fp8_unpacked": Sentence(
        "This card stores 8-bit weights but does not compute with them: the memory is saved, no time is.",
        "Esta tarjeta guarda pesos de 8 bits, pero no calcula con ellos: ahorra memoria, no tiempo.",
    ),
    "given.unknown_architecture": Sentence(
        "This kind of model is not known here; its figures were taken as large as they can be.",
        "Esta clase de modelo no se conoce aquí; se ha contado lo máximo que puede gastar.",
    ),
    "given.gpu_too_small": Sentence(
        "The card is too small for it. A smaller model, a file with fewer bits, or a larger card would do.",
        "La tarjeta es pequeña para él. Sirve un modelo menor, un archivo con menos bits o una tarjeta mayor.",
    ),
    "given.gpu_unsuitable": Sentence(
        "The card cannot run it: vLLM wants compute capability 7.5 or newer, 8.0 for FP8 and FP4 weights, and a "
        "number of cards that divides the model’s attention.",
        "La tarjeta no puede con él: vLLM pide capacidad de cómputo 7.5 o más, 8.0 con pesos FP8 y FP4, y un número "
        "de tarjetas que divida la atención del modelo.",
    ),
    "given.no_gpu": Sentence(
        "There is no NVIDIA graphics card here. A GGUF file of it would run on the processor.",
        "Aquí no hay tarjeta NVIDIA. Un archivo GGUF suyo iría con el procesador.",
    ),
    "given.ram_too_small": Sentence(
        "There is not enough free memory for it on this machine.",
        "En esta máquina no hay memoria libre suficiente para él.",
    ),
    "step.gpu_memory": Sentence("memory of {gpu}", "memoria de {gpu}"),
    "step.gpu_used": Sentence(
        "in use there now, by the driver and others", "en uso ahora, por el controlador y otros"
    ),
    "step.gpu_reserve": Sentence("left free for something else", "se deja libre para otra cosa"),
    "step.gpu_kept_free": Sentence(
        "never touched, so that it cannot run out (utilisation {utilisation})",
        "no se toca, para que no se agote (uso {utilisation})",
    ),
    "step.ram_memory": Sentence("memory of this machine", "memoria de esta máquina"),
    "step.ram_used": Sentence("in use now", "en uso ahora"),
    "step.ram_kept_free": Sentence(
        "left free for the appliance itself", "se deja libre para el propio servidor"
    ),
    "step.cuda_context": Sentence("CUDA’s own", "propio de CUDA"),
    "step.weights": Sentence(
        "weights: {billions} billion parameters as {kind}{divided}",
        "pesos: {billions} mil millones de parámetros en {kind}{divided}",
    ),
    "step.divided": Sentence(", divided over {parts} cards", ", repartidos en {parts} tarjetas"),
    "step.activations": Sentence(
        "computing {tokens} tokens at once, or choosing {running} next words out of {words}",
        "calcular {tokens} tokens a la vez, o elegir {running} palabras entre {words}",
    ),
    "step.buffers": Sentence("buffers of the kernels", "memoria de trabajo"),
    "step.graphs": Sentence(
        "recorded computing steps (CUDA graphs)", "pasos de cálculo grabados (grafos CUDA)"
    ),
    "step.compute_buffer": Sentence("computing {tokens} tokens at once", "calcular {tokens} tokens a la vez"),
    "step.conversations": Sentence(
        "{slots} conversations of {tokens} tokens, {each_mib} MiB each",
        "{slots} conversaciones de {tokens} tokens, {each_mib} MiB cada una",
    ),
    "step.windowed_layers": Sentence(
        "{layers} layers remember only the last {window} tokens",
        "{layers} capas solo recuerdan los últimos {window} tokens",
    ),
}
