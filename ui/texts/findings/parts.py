"""Data, processes, databases, embedding: the findings of the doctor, and what to do about each."""

from __future__ import annotations

from ui.texts.sentence import Sentence

PARTS = {
    "finding.data.ok": Sentence(
        "The data folder is {folder}.",
        "La carpeta de datos es {folder}.",
    ),
    "finding.data.missing": Sentence(
        "{folder} is not the data folder of an appliance.",
        "{folder} no es la carpeta de datos de un equipo.",
    ),
    "remedy.data.missing": Sentence(
        "Name it with --data, or start one there.",
        "Indícala con --data o arranca uno ahí.",
    ),
    "finding.data.refused": Sentence(
        "{detail}",
        "{detail}",
    ),
    "remedy.data.refused": Sentence(
        "Start that version, or choose another folder.",
        "Arranca esa versión o elige otra carpeta.",
    ),
    "finding.data.closed": Sentence(
        "{folder} may not be read by this user.",
        "Este usuario no puede leer {folder}.",
    ),
    "remedy.data.closed": Sentence(
        "Run the doctor as its owner.",
        "Ejecuta el diagnóstico como su dueño.",
    ),
    "finding.settings.ok": Sentence(
        "Every setting is valid.",
        "Todos los ajustes son válidos.",
    ),
    "finding.settings.wrong": Sentence(
        "{detail}",
        "{detail}",
    ),
    "remedy.settings.wrong": Sentence(
        "Correct that, then run the doctor again.",
        "Corrígelo y repite el diagnóstico.",
    ),
    "finding.doctor.blind": Sentence(
        "The check {check} could not look: {detail}.",
        "La comprobación {check} no pudo mirar: {detail}.",
    ),
    "remedy.doctor.blind": Sentence(
        "Run it alone; if it stays, tell us.",
        "Ejecútala sola; si se repite, avísanos.",
    ),
    "finding.processes.ok": Sentence(
        "These run: {names}.",
        "Funcionan: {names}.",
    ),
    "finding.processes.containers": Sentence(
        "It runs in containers, each looked after by docker.",
        "Funciona en contenedores, cada uno a cargo de docker.",
    ),
    "finding.processes.stopped": Sentence(
        "The appliance does not run here; it was stopped on {date}.",
        "El equipo está parado desde el {date}.",
    ),
    "remedy.processes.stopped": Sentence(
        "Start it.",
        "Arráncalo.",
    ),
    "finding.processes.never": Sentence(
        "The appliance does not run here.",
        "El equipo no está en marcha.",
    ),
    "remedy.processes.never": Sentence(
        "Start it.",
        "Arráncalo.",
    ),
    "finding.processes.broken": Sentence(
        "The appliance ended without being stopped; it last ran {date}.",
        "El equipo se cayó sin que nadie lo parara; su última señal es del {date}.",
    ),
    "remedy.processes.broken": Sentence(
        "Its last lines say why; start it again.",
        "Sus últimas líneas dicen por qué; vuelve a arrancarlo.",
    ),
    "finding.processes.down": Sentence(
        "{name} is down and is started again and again: {restarts} times so far{exit}.",
        "{name} está caído y se intenta arrancar sin parar: van {restarts} veces{exit}.",
    ),
    "remedy.processes.down": Sentence(
        "Its last lines say why.",
        "Sus últimas líneas dicen por qué.",
    ),
    "finding.processes.restarted": Sentence(
        "{name} runs, but was restarted {restarts} times{exit}.",
        "{name} funciona, pero se ha reiniciado {restarts} veces{exit}.",
    ),
    "remedy.processes.restarted": Sentence(
        "Its last lines say why.",
        "Sus últimas líneas dicen por qué.",
    ),
    "finding.port.ok": Sentence(
        "{url}/readyz answers: every part is ready.",
        "{url}/readyz responde: todas las partes están listas.",
    ),
    "finding.port.free": Sentence(
        "{host} port {port} is free.",
        "El puerto {port} de {host} está libre.",
    ),
    "finding.port.taken": Sentence(
        "{host} port {port} is taken: {detail}.",
        "El puerto {port} de {host} está ocupado: {detail}.",
    ),
    "remedy.port.taken": Sentence(
        "Stop the program that has it, or choose another one: server.port.",
        "Para el programa que lo tiene o elige otro: server.port.",
    ),
    "finding.port.unready": Sentence(
        "{url}/readyz says that this is not ready: {parts}.",
        "{url}/readyz dice que falta: {parts}.",
    ),
    "remedy.port.unready": Sentence(
        "The check of that part says more; its log has the reason.",
        "La comprobación de esa parte dice más; el motivo está en su registro.",
    ),
    "finding.port.silent": Sentence(
        "{url} does not answer: {detail}.",
        "{url} no responde: {detail}.",
    ),
    "remedy.port.silent": Sentence(
        "Is it behind a proxy? Then server.public_url has to be reachable from here. Its log says more.",
        "¿Está detrás de un proxy? Entonces server.public_url debe ser accesible desde aquí. Su registro "
        "dice más.",
    ),
    "finding.postgres.ok": Sentence(
        "PostgreSQL {version} answers with all its migrations ({migrations}).",
        "PostgreSQL {version} responde con todas sus migraciones ({migrations}).",
    ),
    "finding.postgres.idle": Sentence(
        "PostgreSQL runs with the appliance, which is stopped.",
        "PostgreSQL funciona con el equipo, que está parado.",
    ),
    "finding.postgres.down": Sentence(
        "PostgreSQL does not answer: {detail}",
        "PostgreSQL no responde: {detail}",
    ),
    "remedy.postgres.down": Sentence(
        "Start it, or correct database.url.",
        "Arráncalo o corrige database.url.",
    ),
    "finding.postgres.migrations": Sentence(
        "Migrations that are missing: {count}. This version of the programs has not prepared the database.",
        "Migraciones que faltan: {count}. Esta versión aún no ha preparado la base de datos.",
    ),
    "remedy.postgres.migrations": Sentence(
        "Start the appliance again; it applies them by itself.",
        "Reinicia el equipo; las aplica solo.",
    ),
    "finding.postgres.old": Sentence(
        "PostgreSQL {version} with pgvector {vector}: 18 and 0.8.4 are the least.",
        "PostgreSQL {version} con pgvector {vector}: hacen falta al menos 18 y 0.8.4.",
    ),
    "remedy.postgres.old": Sentence(
        "Upgrade that server.",
        "Actualiza ese servidor.",
    ),
    "finding.postgres.buffers_small": Sentence(
        "shared_buffers is {mb} MB: the index does not stay in memory and searches wait for the disk.",
        "shared_buffers es de {mb} MB: el índice no cabe en memoria y las búsquedas esperan al disco.",
    ),
    "remedy.postgres.buffers_small": Sentence(
        "A quarter of that server's memory is usual; then restart it.",
        "Lo normal es un cuarto de la memoria de ese servidor; después reinícialo.",
    ),
    "finding.postgres.buffers_large": Sentence(
        "shared_buffers is {mb} MB, more than the {cache_mb} MB that effective_cache_size says there "
        "are: both cannot be right.",
        "shared_buffers es de {mb} MB, más que los {cache_mb} MB que dice effective_cache_size: algo no "
        "cuadra.",
    ),
    "remedy.postgres.buffers_large": Sentence(
        "A quarter of that server's memory is usual for shared_buffers, half or more for "
        "effective_cache_size.",
        "Lo normal es un cuarto de la memoria para shared_buffers y la mitad o más para "
        "effective_cache_size.",
    ),
    "finding.postgres.unsafe": Sentence(
        "{setting} is off: a power cut can destroy the database.",
        "{setting} está desactivado: un corte de luz puede destruir la base de datos.",
    ),
    "remedy.postgres.unsafe": Sentence(
        "Turn it on.",
        "Actívalo.",
    ),
    "finding.postgres.connections": Sentence(
        "{wanted} connections may be wanted, {most} are allowed: some requests will get a 503.",
        "Se pueden pedir {wanted} conexiones y solo se admiten {most}: habrá peticiones con error 503.",
    ),
    "remedy.postgres.connections": Sentence(
        "Raise max_connections there, or lower database.pool_size or server.workers here.",
        "Sube max_connections allí o baja database.pool_size o server.workers aquí.",
    ),
    "finding.valkey.ok": Sentence(
        "Valkey answers, {used_mb} MB in use.",
        "Valkey responde y usa {used_mb} MB.",
    ),
    "finding.valkey.idle": Sentence(
        "Valkey runs with the appliance, which is stopped.",
        "Valkey funciona con el equipo, que está parado.",
    ),
    "finding.valkey.down": Sentence(
        "Valkey does not answer: {detail}. Each gateway process keeps a line of its own meanwhile.",
        "Valkey no responde: {detail}. Mientras tanto cada proceso lleva su propia cola.",
    ),
    "remedy.valkey.down": Sentence(
        "Start it, or correct valkey.url.",
        "Arráncalo o corrige valkey.url.",
    ),
    "finding.valkey.evicts": Sentence(
        "Valkey throws entries away when it is full ({policy}): the queue may lose its place.",
        "Valkey descarta entradas cuando se llena ({policy}): la cola puede perder turnos.",
    ),
    "remedy.valkey.evicts": Sentence(
        "Let it refuse instead.",
        "Haz que rechace en su lugar.",
    ),
    "finding.valkey.full": Sentence(
        "Valkey uses {used_mb} of {most_mb} MB.",
        "Valkey usa {used_mb} de {most_mb} MB.",
    ),
    "remedy.valkey.full": Sentence(
        "Raise its maxmemory.",
        "Sube su maxmemory.",
    ),
    "finding.embedder.ok": Sentence(
        "The embedding process serves {model}.",
        "El proceso de vectores sirve {model}.",
    ),
    "finding.embedder.idle": Sentence(
        "The embedding process runs with the appliance, which is stopped.",
        "El proceso de vectores funciona con el equipo, que está parado.",
    ),
    "finding.embedder.down": Sentence(
        "The embedding process does not answer: search finds words only{detail}.",
        "El proceso de vectores no responde: la búsqueda solo encuentra palabras{detail}.",
    ),
    "remedy.embedder.down": Sentence(
        "It is started again by itself; its log says why.",
        "Vuelve a arrancar solo; su registro dice por qué.",
    ),
    "finding.embedder.problem": Sentence(
        "{model}: {detail}",
        "{model}: {detail}",
    ),
    "remedy.embedder.problem": Sentence(
        "Correct the section [embedding], or start that engine.",
        "Corrige la sección [embedding] o arranca ese motor.",
    ),
    "finding.index.ok": Sentence(
        "Search is by the vectors of {model}.",
        "Se busca con los vectores de {model}.",
    ),
    "finding.index.waits": Sentence(
        "The vectors of {model} wait: {detail}",
        "Los vectores de {model} esperan: {detail}",
    ),
    "remedy.index.waits": Sentence(
        "This shows how far they are.",
        "Esto muestra cuánto falta.",
    ),
    "finding.index.making": Sentence(
        "The vectors of {model} are being made: {done} of {count}.",
        "Se están calculando los vectores de {model}: {done} de {count}.",
    ),
    "finding.canaries.never": Sentence(
        "Nobody has tried yet whether people reach what is not theirs.",
        "Aún no se ha comprobado si alguien llega a lo que no es suyo.",
    ),
    "remedy.canaries.never": Sentence(
        "It is tried every night; this tries it now.",
        "Se comprueba cada noche; esto lo hace ahora.",
    ),
    "finding.canaries.ok": Sentence(
        "Nobody reached what is not theirs: {probes} tries on {date}.",
        "Nadie llegó a lo que no es suyo: {probes} intentos el {date}.",
    ),
    "finding.canaries.hit": Sentence(
        "People reach what is not theirs: {hits} of {probes} tries on {date}.",
        "Hay quien llega a lo que no es suyo: {hits} de {probes} intentos el {date}.",
    ),
    "remedy.canaries.hit": Sentence(
        "Take the appliance off the network and report this; the log has a line for each.",
        "Saca el equipo de la red y avísanos; el registro tiene una línea por caso.",
    ),
    "finding.canaries.open": Sentence(
        "Somebody reaches what is not theirs: {count} times {probe}, as {role}.",
        "Alguien llega a lo que no es suyo: {count} veces {probe}, como {role}.",
    ),
    "remedy.canaries.open": Sentence(
        "Take the appliance off the network and report this; the log has a line for each.",
        "Saca el equipo de la red y avísanos; el registro tiene una línea por caso.",
    ),
    "finding.canaries.void": Sentence(
        "The tries prove nothing: {detail}.",
        "Los intentos no prueban nada: {detail}.",
    ),
    "remedy.canaries.void": Sentence(
        "Does search work? See embedder and index.",
        "¿Funciona la búsqueda? Mira embedder e index.",
    ),
    "finding.canaries.unanswered": Sentence(
        "{count} of {probes} tries were not answered.",
        "{count} de {probes} intentos quedaron sin respuesta.",
    ),
    "remedy.canaries.unanswered": Sentence(
        "Try again when the box is less busy.",
        "Repítelo cuando haya menos trabajo.",
    ),
    "finding.canaries.broken": Sentence(
        "It could not be tried: {detail}",
        "No se pudo comprobar: {detail}",
    ),
    "remedy.canaries.broken": Sentence(
        "See what else is the matter.",
        "Mira qué más falla.",
    ),
    "finding.sandbox.ok": Sentence(
        "Documents are read without network and without other files.",
        "Los documentos se leen sin red y sin otros archivos.",
    ),
    "finding.sandbox.weak": Sentence(
        "{detail}",
        "{detail}",
    ),
    "remedy.sandbox.weak": Sentence(
        "A newer kernel closes it (docs/security.md).",
        "Un núcleo más nuevo lo cierra (docs/security.md).",
    ),
}
