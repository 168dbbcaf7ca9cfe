"""Administration › Data: sources, their tables, who may ask them, and what drifted."""

from __future__ import annotations

from ui.texts.sentence import Sentence

DATA_MENU = {
    "admin_data": Sentence("Data", "Datos"),
    "audit_data": Sentence("Data sources", "Orígenes de datos"),
    "action.data.query.allowed": Sentence("Asked a database", "Consultó una base de datos"),
    "action.data.query.refused": Sentence("A query was refused", "Consulta rechazada"),
    "action.data.query.failed": Sentence("A query failed", "Consulta fallida"),
    "action.data.query.cancelled": Sentence("A query was cancelled", "Consulta cancelada"),
    "action.data.source.added": Sentence("Data source connected", "Origen de datos conectado"),
    "action.data.source.changed": Sentence("Data source changed", "Origen de datos cambiado"),
    "action.data.source.removed": Sentence("Data source removed", "Origen de datos quitado"),
    "action.data.source.chosen": Sentence("Tables chosen", "Tablas elegidas"),
    "action.data.source.described": Sentence("Table described", "Tabla descrita"),
    "action.data.source.shared": Sentence("Data source shared", "Origen de datos compartido"),
    "action.data.source.unshared": Sentence(
        "Data source no longer shared", "Origen de datos ya no compartido"
    ),
    "action.data.source.refreshed": Sentence("Tables read anew", "Tablas leídas de nuevo"),
    "action.data.source.drifted": Sentence("A database changed", "Una base de datos cambió"),
}

DATA = {
    "lead": Sentence(
        "Databases that people may ask in their own words. They are only ever read.",
        "Bases de datos a las que se puede preguntar con palabras propias. Solo se leen, nunca se modifican.",
    ),
    "none": Sentence("No database is connected.", "No hay ninguna base de datos conectada."),
    "connect": Sentence("Connect a database", "Conectar una base de datos"),
    "change": Sentence("Change", "Cambiar"),
    "back": Sentence("All data sources", "Todos los orígenes de datos"),
    "remove_of": Sentence("Remove {name}", "Quitar {name}"),
    "remove_lead": Sentence(
        "What was chosen and shared goes with it. The database itself stays as it is.",
        "Se pierde lo que se eligió y se compartió. La base de datos queda como está.",
    ),
    "kind": Sentence("Kind", "Tipo"),
    "kind.postgres": Sentence("PostgreSQL", "PostgreSQL"),
    "kind.mysql": Sentence("MySQL or MariaDB", "MySQL o MariaDB"),
    "kind.sqlserver": Sentence("SQL Server", "SQL Server"),
    "kind.sqlite": Sentence("SQLite file", "Archivo SQLite"),
    "tables": Sentence("Tables", "Tablas"),
    "state": Sentence("State", "Estado"),
    "state.ready": Sentence("Ready", "Listo"),
    "state.paused": Sentence("Paused", "En pausa"),
    "state.unanswered": Sentence("Does not answer", "No responde"),
    "state.no_tables": Sentence("No tables chosen", "Sin tablas elegidas"),
    "state.nobody": Sentence("Nobody may ask", "Nadie puede preguntar"),
    "state.drifted": Sentence("Has changed", "Ha cambiado"),
    "state.role_can_write": Sentence("Its role can write", "Su rol puede escribir"),
    "name_hint": Sentence(
        "What people call it, such as Sales.", "Como lo llama la gente, por ejemplo Ventas."
    ),
    "host": Sentence("Server", "Servidor"),
    "host_hint": Sentence("In the own network.", "De la propia red."),
    "port": Sentence("Port (empty: the usual one)", "Puerto (vacío: el habitual)"),
    "database": Sentence("Database", "Base de datos"),
    "user": Sentence("Role that signs in", "Rol con el que se entra"),
    "password_file": Sentence("File with the password", "Archivo con la contraseña"),
    "password_hint": Sentence(
        "The password never passes through this page. Write it on the machine, and give the file's name here:",
        "La contraseña nunca pasa por esta página. Escríbela en la máquina y pon aquí el nombre del archivo:",
    ),
    "tls": Sentence("Encryption", "Cifrado"),
    "tls.verify-full": Sentence("Certificate and name are checked", "Se comprueban certificado y nombre"),
    "tls.verify-ca": Sentence(
        "The certificate's issuer is checked", "Se comprueba quién emitió el certificado"
    ),
    "tls.encrypted": Sentence("Whoever answers is believed", "Se confía en quien responda"),
    "tls.off": Sentence("None: others can read along", "Ninguno: otros pueden leerlo"),
    "ca_file": Sentence(
        "File with trusted certificates (optional)", "Archivo con certificados de confianza (opcional)"
    ),
    "path": Sentence("File", "Archivo"),
    "path_hint": Sentence("A file in {folder}.", "Un archivo de {folder}."),
    "description": Sentence("Description", "Descripción"),
    "description_hint": Sentence(
        "What stands in it, for people and for models.", "Qué contiene, para las personas y para los modelos."
    ),
    "max_rows": Sentence("At most rows", "Filas como máximo"),
    "max_seconds": Sentence("At most seconds", "Segundos como máximo"),
    "as_configured": Sentence("as configured: {value}", "según la configuración: {value}"),
    "paused": Sentence("Nobody may ask it for now", "De momento nadie puede preguntarle"),
    "role": Sentence("What its role can do", "Qué puede hacer su rol"),
    "role_reads": Sentence("{name} can only read.", "{name} solo puede leer."),
    "role_writes": Sentence("{name} can do more than read.", "{name} puede hacer más que leer."),
    "role_could": Sentence("It could: {problems}", "Podría: {problems}"),
    "role_grants": Sentence(
        "Whoever administers the database makes a role that can only read like this:",
        "Quien administra la base de datos crea así un rol que solo puede leer:",
    ),
    "role_opened": Sentence("{name} is opened for reading only.", "{name} se abre solo para leer."),
    "role_file": Sentence(
        "On the machine, so that nobody changes the file by mistake:",
        "En la máquina, para que nadie cambie el archivo por error:",
    ),
    "problem.superuser": Sentence("do everything", "hacer de todo"),
    "problem.createdb": Sentence("make databases", "crear bases de datos"),
    "problem.createrole": Sentence("make roles", "crear roles"),
    "problem.replication": Sentence("copy the whole server", "copiar el servidor entero"),
    "problem.bypassrls": Sentence("see every row", "ver todas las filas"),
    "problem.writes": Sentence("write to {what}", "escribir en {what}"),
    "problem.sequences": Sentence("count {what} on", "avanzar la secuencia {what}"),
    "problem.creates_in": Sentence("make tables in {what}", "crear tablas en {what}"),
    "problem.creates_schemas": Sentence("make schemas", "crear esquemas"),
    "problem.definer_functions": Sentence(
        "call functions that run as somebody else", "llamar a funciones que se ejecutan como otra persona"
    ),
    "problem.member_of": Sentence("act as {what}", "actuar como {what}"),
    "problem.reads_everything": Sentence("read every table", "leer todas las tablas"),
    "problem.reads_server": Sentence(
        "read how the server is set ({what})", "leer los ajustes del servidor ({what})"
    ),
    "problem.grants_others": Sentence("pass its rights on", "ceder sus permisos"),
    "problem.privilege": Sentence("use {what}", "usar {what}"),
    "problem.proxy": Sentence("act as other users", "actuar como otros usuarios"),
    "problem.unknown_role": Sentence(
        "do what {what} may, which nobody tells us", "hacer lo que puede {what}, que no podemos ver"
    ),
    "problem.unknown_grant": Sentence("do something that we do not know", "hacer algo que no conocemos"),
    "problem.executes": Sentence("call stored procedures", "llamar a procedimientos almacenados"),
    "problem.file_writable": Sentence("let the file be changed", "dejar que se cambie el archivo"),
    "role_reason": Sentence("Or accept it, and say why", "O acéptalo y di por qué"),
    "role_reason_hint": Sentence("The reason stands in the audit.", "El motivo queda en la auditoría."),
    "role_refused": Sentence(
        "This role can do more than read. Use another one, or say below why you accept it.",
        "Este rol puede hacer más que leer. Usa otro o di abajo por qué lo aceptas.",
    ),
    "role_accepted": Sentence("Accepted because: {reason}", "Se aceptó porque: {reason}"),
    "reached": Sentence("Reached at", "Dirección"),
    "read_at": Sentence("Tables read", "Tablas leídas"),
    "bounds": Sentence("A query may bring", "Una consulta puede traer"),
    "bounds_value": Sentence("{rows} rows, {seconds} s", "{rows} filas, {seconds} s"),
    "read_anew": Sentence("Read the tables anew", "Leer las tablas de nuevo"),
    "read_done": Sentence("The tables were read.", "Se han leído las tablas."),
    "choose_lead": Sentence(
        "Only what is ticked can be asked. Columns about people are left out until you take them in.",
        "Solo se pregunta por lo marcado. Las columnas con datos de personas quedan fuera hasta que las incluyas.",
    ),
    "choose_none": Sentence(
        "The role can read no table. Grant it SELECT, then read the tables anew.",
        "El rol no puede leer ninguna tabla. Concédele SELECT y lee las tablas de nuevo.",
    ),
    "choose_save": Sentence("Save the choice", "Guardar la elección"),
    "choose_find": Sentence("Find a table", "Buscar una tabla"),
    "choose_more": Sentence("{count} more; search for them.", "Hay {count} más; búscalas."),
    "table": Sentence("Table", "Tabla"),
    "columns": Sentence("Columns offered", "Columnas ofrecidas"),
    "columns_of": Sentence("{offered} of {count}", "{offered} de {count}"),
    "columns_edit": Sentence("Columns of {table}", "Columnas de {table}"),
    "rows": Sentence("Rows, roughly", "Filas, aproximadas"),
    "choose_of": Sentence("Offer {table}", "Ofrecer {table}"),
    "column": Sentence("Column", "Columna"),
    "type": Sentence("Type", "Tipo"),
    "offered": Sentence("Offered", "Ofrecida"),
    "personal": Sentence("About people", "De personas"),
    "because.name": Sentence("by its name", "por su nombre"),
    "because.values": Sentence("by its values", "por sus valores"),
    "because.hand": Sentence("by hand", "a mano"),
    "samples": Sentence("Sample values", "Valores de ejemplo"),
    "samples_hint": Sentence("With commas between.", "Separados por comas."),
    "share": Sentence("Who may ask", "Quién puede preguntar"),
    "share_lead": Sentence(
        "A source is nobody's until it is shared, not even yours.",
        "Un origen no es de nadie hasta que se comparte, ni siquiera tuyo.",
    ),
    "share_nobody": Sentence("Nobody yet.", "Nadie todavía."),
    "share_everybody": Sentence("Everybody", "Todo el mundo"),
    "share_with": Sentence("Share with", "Compartir con"),
    "share_add": Sentence("Share", "Compartir"),
    "share_take": Sentence("No longer for {name}", "Dejar de compartir con {name}"),
    "drift": Sentence("What changed in the database", "Qué cambió en la base de datos"),
    "drift_lead": Sentence(
        "Since its tables were chosen. Look at them and save the choice to settle it.",
        "Desde que se eligieron las tablas. Revísalas y guarda la elección para resolverlo.",
    ),
    "drift.table_gone": Sentence(
        "{table} is gone. Who asks for it is told so.",
        "{table} ya no existe. A quien pregunte por ella se le avisa.",
    ),
    "drift.column_gone": Sentence("{table}.{column} is gone.", "{table}.{column} ya no existe."),
    "drift.type_changed": Sentence(
        "{table}.{column} was {was} and is {becomes} now.", "{table}.{column} era {was} y ahora es {becomes}."
    ),
    "drift.column_new": Sentence(
        "{table}.{column} is new. It is not offered.", "{table}.{column} es nueva. No se ofrece."
    ),
    "trial": Sentence("Try a query", "Probar una consulta"),
    "trial_lead": Sentence(
        "One SELECT over the chosen tables, as the guard lets it through. It stands in the audit.",
        "Un SELECT sobre las tablas elegidas, tal como lo deja pasar el control. Queda en la auditoría.",
    ),
    "trial_run": Sentence("Run", "Ejecutar"),
    "trial_stop": Sentence("Stop", "Detener"),
    "trial_rows": Sentence("{rows} rows in {ms} ms", "{rows} filas en {ms} ms"),
    "trial_cut": Sentence(
        "There may be more: the bound was reached.", "Puede haber más: se alcanzó el límite."
    ),
    "trial_shown": Sentence("The first {count} are shown.", "Se muestran las primeras {count}."),
    "trial_ran": Sentence("As it ran", "Tal como se ejecutó"),
    "bytes": Sentence("{count} bytes", "{count} bytes"),
    "copy_statements": Sentence("Statements to copy", "Instrucciones para copiar"),
}
