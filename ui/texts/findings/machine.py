"""Disk, memory, files, clock, certificate: the findings of the doctor, and what to do about each."""

from __future__ import annotations

from ui.texts.sentence import Sentence

MACHINE = {
    "finding.disk.ok": Sentence(
        "{free_gb} GB of {size_gb} GB are free.",
        "Quedan libres {free_gb} de {size_gb} GB.",
    ),
    "finding.disk.lasts": Sentence(
        "At the pace of the last {days} days ({gb_per_day} GB a day) the disk is full on {date}.",
        "Al ritmo de los últimos {days} días ({gb_per_day} GB al día), el disco se llenará el {date}.",
    ),
    "finding.disk.full_soon": Sentence(
        "At the pace of the last {days} days ({gb_per_day} GB a day) the disk is full on {date}.",
        "Al ritmo de los últimos {days} días ({gb_per_day} GB al día), el disco se llenará el {date}.",
    ),
    "remedy.disk.full_soon": Sentence(
        "Enlarge the disk, or move backups and old models away; this shows what takes the room.",
        "Amplía el disco o mueve copias y modelos viejos; esto muestra qué ocupa el espacio.",
    ),
    "finding.disk.short": Sentence(
        "{free_gb} GB of {size_gb} GB are free: uploads stop below {stop_gb} GB.",
        "Quedan {free_gb} de {size_gb} GB: por debajo de {stop_gb} GB no se admiten archivos.",
    ),
    "remedy.disk.short": Sentence(
        "Make room, or move the data to a larger disk.",
        "Libera espacio o lleva los datos a un disco mayor.",
    ),
    "finding.disk.full": Sentence(
        "{free_gb} GB are free: the appliance does not start below 0.5 GB.",
        "Quedan {free_gb} GB: por debajo de 0,5 GB el equipo no arranca.",
    ),
    "remedy.disk.full": Sentence(
        "Make room now.",
        "Libera espacio ya.",
    ),
    "finding.disk.inodes": Sentence(
        "Only {percent} % of the disk's file entries are free; then nothing can be written, however much "
        "room there is.",
        "Solo queda libre el {percent} % de las entradas de archivo del disco; cuando se acaben, no se "
        "podrá escribir aunque haya espacio.",
    ),
    "remedy.disk.inodes": Sentence(
        "Remove small files, or make the file system anew with more entries.",
        "Elimina archivos pequeños o rehaz el sistema de archivos con más entradas.",
    ),
    "finding.memory.ok": Sentence(
        "{available_gb} GB of {size_gb} GB are available.",
        "Hay {available_gb} de {size_gb} GB disponibles.",
    ),
    "finding.memory.short": Sentence(
        "{available_gb} GB of {size_gb} GB are available: the kernel may end a process.",
        "Hay {available_gb} de {size_gb} GB disponibles: el sistema puede matar un proceso.",
    ),
    "remedy.memory.short": Sentence(
        "Stop other programs, or give the machine more memory; this shows who has it.",
        "Cierra otros programas o añade memoria; esto muestra quién la ocupa.",
    ),
    "finding.memory.swapping": Sentence(
        "{used_gb} GB of swap are in use while memory is short: everything waits for the disk.",
        "Se usan {used_gb} GB de intercambio y falta memoria: todo espera al disco.",
    ),
    "remedy.memory.swapping": Sentence(
        "Give it more memory, or a smaller model; this shows who swaps.",
        "Añade memoria o usa un modelo menor; esto muestra quién intercambia.",
    ),
    "finding.memory.limit_near": Sentence(
        "{used_gb} GB of the {limit_gb} GB that this service may use are taken.",
        "Este servicio ocupa {used_gb} de los {limit_gb} GB que puede usar.",
    ),
    "remedy.memory.limit_near": Sentence(
        "Raise its bound: APPLIANCE_MEMORY in .env with docker, MemoryMax with systemd.",
        "Sube su límite: APPLIANCE_MEMORY en .env con docker, MemoryMax con systemd.",
    ),
    "finding.memory.killed": Sentence(
        "Processes of this service that the kernel has ended for want of memory: {count}.",
        "Procesos de este servicio que el sistema ha matado por falta de memoria: {count}.",
    ),
    "remedy.memory.killed": Sentence(
        "Raise its bound: APPLIANCE_MEMORY in .env with docker, MemoryMax with systemd.",
        "Sube su límite: APPLIANCE_MEMORY en .env con docker, MemoryMax con systemd.",
    ),
    "finding.files.ok": Sentence(
        "{most} files and connections may be open at once.",
        "Puede haber {most} archivos y conexiones abiertos a la vez.",
    ),
    "finding.files.few": Sentence(
        "Only {most} files and connections may be open at once: people beyond that are refused.",
        "Solo puede haber {most} archivos y conexiones abiertos a la vez: quien llegue después se queda "
        "fuera.",
    ),
    "remedy.files.few": Sentence(
        "Raise the limit to 65536 and start it again.",
        "Sube el límite a 65536 y reinicia.",
    ),
    "finding.files.near": Sentence(
        "{used} of {most} files and connections are open: soon nobody else gets in.",
        "Hay {used} de {most} archivos y conexiones abiertos: pronto no entrará nadie más.",
    ),
    "remedy.files.near": Sentence(
        "Raise the limit to 65536 and start it again.",
        "Sube el límite a 65536 y reinicia.",
    ),
    "finding.clock.ok": Sentence(
        "The clock agrees with {others}.",
        "El reloj coincide con {others}.",
    ),
    "finding.clock.alone": Sentence(
        "Nobody is there to compare the clock with.",
        "No hay con quién comparar el reloj.",
    ),
    "finding.clock.differs": Sentence(
        "The clock differs from {other} by {seconds} s: sign-ins, certificates and budgets go by it.",
        "El reloj difiere {seconds} s de {other}, y de él dependen accesos, certificados y presupuestos.",
    ),
    "remedy.clock.differs": Sentence(
        "Let a time server keep it on both machines.",
        "Deja que un servidor de hora lo mantenga en las dos máquinas.",
    ),
    "finding.clock.unkept": Sentence(
        "No time server keeps the clock: it will drift.",
        "Ningún servidor de hora mantiene el reloj: se irá desviando.",
    ),
    "remedy.clock.unkept": Sentence(
        "Turn it on; in a closed network name your own server in /etc/systemd/timesyncd.conf.",
        "Actívalo; en una red cerrada, indica tu servidor en /etc/systemd/timesyncd.conf.",
    ),
    "finding.clock.drifts": Sentence(
        "The time server says that the clock is off by {seconds} s.",
        "Según el servidor de hora, el reloj se desvía {seconds} s.",
    ),
    "remedy.clock.drifts": Sentence(
        "Set it at once.",
        "Ponlo en hora.",
    ),
    "finding.certificate.unused": Sentence(
        "There is no HTTPS address here: server.public_url does not begin with https.",
        "Aquí no hay dirección HTTPS: server.public_url no empieza por https.",
    ),
    "finding.certificate.ok": Sentence(
        "{where} is valid until {date} ({days} days), signed by {issuer}.",
        "{where} vale hasta el {date} ({days} días); lo firma {issuer}.",
    ),
    "finding.certificate.internal": Sentence(
        "{where} is of the box's own authority, and people install its root once; {days} days are left.",
        "{where} es de la autoridad propia del equipo, cuya raíz se instala una vez; quedan {days} días.",
    ),
    "finding.certificate.soon": Sentence(
        "{where} ends on {date}, in {days} days, and should have been renewed by now.",
        "{where} caduca el {date}, en {days} días, y ya debería estar renovado.",
    ),
    "remedy.certificate.soon": Sentence(
        "See why Caddy could not renew it, or put a new file in place.",
        "Mira por qué Caddy no pudo renovarlo o pon un archivo nuevo.",
    ),
    "finding.certificate.expired": Sentence(
        "{where} ended on {date}: browsers refuse the page.",
        "{where} caducó el {date}: los navegadores rechazan la página.",
    ),
    "remedy.certificate.expired": Sentence(
        "See why Caddy could not renew it, or put a new file in place.",
        "Mira por qué Caddy no pudo renovarlo o pon un archivo nuevo.",
    ),
    "finding.certificate.not_yet": Sentence(
        "{where} is only valid from {date}: the clock is wrong, or the file is.",
        "{where} solo vale desde el {date}: falla el reloj o el archivo.",
    ),
    "remedy.certificate.not_yet": Sentence(
        "Look at both dates.",
        "Compara las dos fechas.",
    ),
    "finding.certificate.name": Sentence(
        "{where} is for {names}, not for {name}: browsers warn.",
        "{where} es para {names}, no para {name}: los navegadores avisan.",
    ),
    "remedy.certificate.name": Sentence(
        "Order it for that name, or correct server.public_url.",
        "Pídelo para ese nombre o corrige server.public_url.",
    ),
    "finding.certificate.chain": Sentence(
        "{where} is not trusted: {detail}.",
        "{where} no es de confianza: {detail}.",
    ),
    "remedy.certificate.chain": Sentence(
        "Add the intermediate certificates to the file, the server's own first.",
        "Añade los certificados intermedios al archivo, primero el del servidor.",
    ),
    "finding.certificate.root_soon": Sentence(
        "The root of the box's own authority ends on {date}, in {days} days; then everybody has to "
        "install a new one.",
        "La raíz de la autoridad propia caduca el {date}, en {days} días; después habrá que instalar "
        "otra en cada equipo.",
    ),
    "remedy.certificate.root_soon": Sentence(
        "Move the old authority away, start Caddy again and hand the new root out.",
        "Aparta la autoridad vieja, reinicia Caddy y reparte la raíz nueva.",
    ),
    "finding.certificate.file_unreadable": Sentence(
        "{path} cannot be read as a certificate: {detail}.",
        "{path} no se puede leer como certificado: {detail}.",
    ),
    "remedy.certificate.file_unreadable": Sentence(
        "Put a PEM file there that this user can read.",
        "Pon ahí un archivo PEM que este usuario pueda leer.",
    ),
    "finding.certificate.unreachable": Sentence(
        "The certificate of {name} could not be looked at from here: {detail}.",
        "Desde aquí no se pudo ver el certificado de {name}: {detail}.",
    ),
    "remedy.certificate.unreachable": Sentence(
        "Look from a desk: does the page open there?",
        "Compruébalo desde otro equipo: ¿se abre la página?",
    ),
}
