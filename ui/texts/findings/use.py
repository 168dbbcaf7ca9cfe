"""Backups, queue, speed, settings that hurt: the findings of the doctor, and what to do about each."""

from __future__ import annotations

from ui.texts.sentence import Sentence

USE = {
    "finding.backup.ok": Sentence(
        "The last good one is {hours} hours old: {folder}.",
        "La última buena es de hace {hours} horas: {folder}.",
    ),
    "finding.backup.tried": Sentence(
        "A trial restore had every row, last on {date}.",
        "Al restaurar de prueba estaban todas las filas; la última vez, el {date}.",
    ),
    "finding.backup.untried": Sentence(
        "The last good one has not been restored on trial (last tried: {date}): nobody knows whether it "
        "opens.",
        "La última buena no se ha restaurado de prueba (última prueba: {date}): nadie sabe si se abre.",
    ),
    "remedy.backup.untried": Sentence(
        "Make one that is tried, or set backup.verify.",
        "Haz una que se pruebe o activa backup.verify.",
    ),
    "finding.backup.none": Sentence(
        "None has been made, and none is made by itself.",
        "No hay ninguna y no se hacen solas.",
    ),
    "remedy.backup.none": Sentence(
        "Set backup.folder and backup.passphrase_file, and start it again.",
        "Pon backup.folder y backup.passphrase_file y reinicia.",
    ),
    "finding.backup.first": Sentence(
        "There is none yet; the first one is made by itself.",
        "Aún no hay ninguna; la primera se hará sola.",
    ),
    "remedy.backup.first": Sentence(
        "This makes one now.",
        "Esto hace una ahora.",
    ),
    "finding.backup.failed": Sentence(
        "The last attempt failed on {date}: {detail}",
        "El último intento falló el {date}: {detail}",
    ),
    "remedy.backup.failed": Sentence(
        "Remedy that, then make one.",
        "Corrígelo y haz una.",
    ),
    "finding.backup.old": Sentence(
        "The last good one is {hours} hours old, more than {most}: {folder}.",
        "La última buena es de hace {hours} horas, más de {most}: {folder}.",
    ),
    "remedy.backup.old": Sentence(
        "Make one now.",
        "Haz una ahora.",
    ),
    "finding.backup.same_disk": Sentence(
        "Backups lie on the same disk as the data: both are lost together.",
        "Las copias están en el mismo disco que los datos: se perderían a la vez.",
    ),
    "remedy.backup.same_disk": Sentence(
        "Set backup.folder to another disk, or to ssh://user@host/path.",
        "Pon backup.folder en otro disco o en ssh://user@host/path.",
    ),
    "finding.queue.ok": Sentence(
        "Running: {running}, waiting: {waiting}; in the last quarter of an hour one request in twenty "
        "waited longer than {wait_s} s.",
        "En curso: {running}, en espera: {waiting}; en el último cuarto de hora, una petición de cada "
        "veinte esperó más de {wait_s} s.",
    ),
    "finding.queue.idle": Sentence(
        "The queue is kept by the appliance, which is stopped.",
        "La cola la lleva el equipo, que está parado.",
    ),
    "finding.queue.waiting": Sentence(
        "Requests that wait for {pool}: {waiting} ({who}).",
        "Peticiones que esperan a {pool}: {waiting} ({who}).",
    ),
    "remedy.queue.waiting": Sentence(
        "Long jobs belong to batch keys; else more slots, a smaller model or a second engine.",
        "Los trabajos largos van con claves por lotes; si no, más plazas, un modelo menor u otro motor.",
    ),
    "finding.queue.slow": Sentence(
        "In the last quarter of an hour one request in twenty waited longer than {wait_s} s for its turn.",
        "En el último cuarto de hora, una petición de cada veinte esperó más de {wait_s} s su turno.",
    ),
    "remedy.queue.slow": Sentence(
        "Long jobs belong to batch keys; else more slots, a smaller model or a second engine.",
        "Los trabajos largos van con claves por lotes; si no, más plazas, un modelo menor u otro motor.",
    ),
    "finding.queue.refused": Sentence(
        "Requests refused in the last hour: {count} ({why}).",
        "Peticiones rechazadas en la última hora: {count} ({why}).",
    ),
    "remedy.queue.refused": Sentence(
        "Limits or the queue's bounds are too tight, or somebody's script is too eager; this shows the "
        "limits.",
        "Los límites o la cola se quedan cortos, o algún programa insiste demasiado; esto muestra los "
        "límites.",
    ),
    "finding.queue.failed": Sentence(
        "Requests that failed in the last hour: {count} of {total} ({why}).",
        "Peticiones fallidas en la última hora: {count} de {total} ({why}).",
    ),
    "remedy.queue.failed": Sentence(
        "The engine's own log says why.",
        "El registro del motor dice por qué.",
    ),
    "finding.queue.alone": Sentence(
        "The queue could not be looked at: {detail}.",
        "No se pudo ver la cola: {detail}.",
    ),
    "remedy.queue.alone": Sentence(
        "See valkey.",
        "Mira valkey.",
    ),
    "finding.speed.ok": Sentence(
        "For a trifle: {figures}.",
        "Para algo mínimo: {figures}.",
    ),
    "finding.speed.idle": Sentence(
        "Nothing can be measured while the appliance is stopped.",
        "Con el equipo parado no se puede medir nada.",
    ),
    "finding.speed.postgres": Sentence(
        "PostgreSQL takes {ms} ms for a trifle: every page and search waits for it.",
        "PostgreSQL tarda {ms} ms en algo mínimo: todo lo espera.",
    ),
    "remedy.speed.postgres": Sentence(
        "This shows what it is busy with.",
        "Esto muestra en qué está ocupado.",
    ),
    "finding.speed.valkey": Sentence(
        "Valkey takes {ms} ms for a trifle: every turn waits for it.",
        "Valkey tarda {ms} ms en algo mínimo: todos los turnos lo esperan.",
    ),
    "remedy.speed.valkey": Sentence(
        "This shows what it was slow with.",
        "Esto muestra con qué fue lento.",
    ),
    "finding.speed.embedder": Sentence(
        "The embedding process takes {ms} ms for a short question: every search waits for it.",
        "El proceso de vectores tarda {ms} ms con una pregunta corta: todas las búsquedas lo esperan.",
    ),
    "remedy.speed.embedder": Sentence(
        "Is the processor busy with reading? Lower knowledge.ingestion_jobs.",
        "¿Está el procesador ocupado leyendo? Baja knowledge.ingestion_jobs.",
    ),
    "finding.speed.engine": Sentence(
        "{name} takes {ms} ms to list its models: it is overloaded or far away.",
        "{name} tarda {ms} ms en listar sus modelos: está saturado o lejos.",
    ),
    "remedy.speed.engine": Sentence(
        "See its log.",
        "Mira su registro.",
    ),
    "finding.speed.first_word": Sentence(
        "In the last quarter of an hour one answer in twenty began only after {seconds} s, the wait for "
        "a turn left out.",
        "En el último cuarto de hora, una respuesta de cada veinte tardó más de {seconds} s en empezar, "
        "sin contar la espera.",
    ),
    "remedy.speed.first_word": Sentence(
        "Long prompts, a card that slows down, an engine on the processor: see gpu and engines.",
        "Textos largos, una tarjeta que baja su velocidad o un motor en el procesador: mira gpu y engines.",
    ),
    "finding.speed.search": Sentence(
        "In the last quarter of an hour one search in twenty took longer than {seconds} s, most of it in "
        "the step “{step}”.",
        "En el último cuarto de hora, una búsqueda de cada veinte tardó más de {seconds} s, sobre todo "
        "en el paso «{step}».",
    ),
    "remedy.speed.search": Sentence(
        "The runbook SearchSlow in docs/operating.md says what each step wants.",
        "El apartado SearchSlow de docs/operating.md dice qué necesita cada paso.",
    ),
    "finding.tuning.ok": Sentence(
        "No setting was found that hurts.",
        "No hay ajustes que perjudiquen.",
    ),
    "finding.tuning.workers": Sentence(
        "server.workers is {wanted}, the machine has {cores} cores: they take turns and nobody is faster.",
        "server.workers es {wanted} y la máquina tiene {cores} núcleos: se turnan y nadie va más rápido.",
    ),
    "remedy.tuning.workers": Sentence(
        "Set it to the number of cores at most, and start again.",
        "Ponlo como mucho al número de núcleos y reinicia.",
    ),
    "finding.tuning.no_limits": Sentence(
        "People of the whole network come in and nobody has a limit: one script can keep everybody waiting.",
        "Entra gente de toda la red y nadie tiene límite: un solo programa puede hacer esperar a todos.",
    ),
    "remedy.tuning.no_limits": Sentence(
        "Set one for everybody; people, groups and keys may get others.",
        "Pon uno para todos; personas, grupos y claves pueden tener otros.",
    ),
    "finding.tuning.no_drain": Sentence(
        "server.drain_s is 0: every restart cuts answers off.",
        "server.drain_s es 0: cada reinicio corta las respuestas.",
    ),
    "remedy.tuning.no_drain": Sentence(
        "Give them 20 seconds.",
        "Dales 20 segundos.",
    ),
    "finding.tuning.no_reserve": Sentence(
        "gate.reserved_slots is 0 and {people} people use the box: newcomers wait behind one person's "
        "many requests.",
        "gate.reserved_slots es 0 y usan el equipo {people} personas: quien llega espera tras las muchas "
        "peticiones de otra.",
    ),
    "remedy.tuning.no_reserve": Sentence(
        "Keep one slot at least.",
        "Reserva al menos una plaza.",
    ),
    "finding.tuning.no_queue": Sentence(
        "gate.max_queue is {most}: with {people} people most are refused instead of waiting.",
        "gate.max_queue es {most}: con {people} personas, a la mayoría se la rechaza en vez de hacerla "
        "esperar.",
    ),
    "remedy.tuning.no_queue": Sentence(
        "1000 is usual.",
        "Lo normal es 1000.",
    ),
    "finding.tuning.reading": Sentence(
        "{setting} is {wanted}, the machine has {cores} cores: reading documents takes the processor "
        "from searches and pages.",
        "{setting} es {wanted} y la máquina tiene {cores} núcleos: leer documentos quita procesador a "
        "búsquedas y páginas.",
    ),
    "remedy.tuning.reading": Sentence(
        "Set it to the number of cores at most, and start again.",
        "Ponlo como mucho al número de núcleos y reinicia.",
    ),
    "finding.tuning.recognition": Sentence(
        "parsing.ocr_dpi is {dpi} on {cores} cores: a scanned page takes a minute, and the rest of the "
        "box with it.",
        "parsing.ocr_dpi es {dpi} con {cores} núcleos: cada página escaneada tarda un minuto y frena "
        "todo lo demás.",
    ),
    "remedy.tuning.recognition": Sentence(
        "200 reads as well, four times as fast.",
        "Con 200 se lee igual de bien y cuatro veces más rápido.",
    ),
    "finding.tuning.no_room": Sentence(
        "knowledge.min_free_mib is {mib}: uploads may fill the disk until PostgreSQL stops.",
        "knowledge.min_free_mib es {mib}: las subidas pueden llenar el disco hasta parar PostgreSQL.",
    ),
    "remedy.tuning.no_room": Sentence(
        "Keep 256 MiB free.",
        "Reserva 256 MiB.",
    ),
}
