"""Administration › Cloud: what may leave the box, loaded with its view; and the marks in the Documents tab."""

from __future__ import annotations

from ui.texts.sentence import Sentence

CLOUD_MENU = {
    "admin_cloud": Sentence("Cloud", "Nube"),
    "collection_stays": Sentence("Stays here", "No sale de aquí"),
    "collection_may_leave": Sentence("May leave", "Puede salir"),
    "collection_stays_lead": Sentence(
        "No cloud is ever asked a question with passages of this collection.",
        "Nunca se envía a una nube una pregunta con pasajes de esta colección.",
    ),
    "collection_leaves_lead": Sentence(
        "Questions with passages of this collection may be answered by a cloud, where the company allows it.",
        "Una nube puede responder preguntas con pasajes de esta colección, si la empresa lo permite.",
    ),
    "collection_let": Sentence("Let it leave", "Permitir que salga"),
    "collection_keep": Sentence("Keep it here", "Que no salga"),
    "collection_let_title": Sentence("May “{name}” leave?", "¿Puede salir «{name}»?"),
    "collection_let_hint": Sentence(
        "Passages of its documents will then go to a cloud with questions, when the rules of Administration › Cloud "
        "allow it. Nothing that has left can be taken back.",
        "Pasajes de sus documentos irán entonces a una nube con las preguntas, cuando lo permitan las reglas de "
        "Administración › Nube. Lo que ha salido no se puede recuperar.",
    ),
    "collection_let_done": Sentence("“{name}” may leave.", "«{name}» puede salir."),
    "collection_keep_done": Sentence("“{name}” stays here.", "«{name}» ya no sale de aquí."),
}

CLOUD = {
    "now": Sentence("What counts now", "Lo que vale ahora"),
    "nothing_leaves": Sentence("No question leaves this box.", "Ninguna pregunta sale de este servidor."),
    "something_leaves": Sentence(
        "Some questions may be answered by a cloud.", "Una nube puede responder algunas preguntas."
    ),
    "by_file": Sentence(
        "So says the operator's file appliance.toml. Only it can permit more:",
        "Así lo dice el archivo appliance.toml del servidor. Solo ahí se puede permitir más:",
    ),
    "by_switch": Sentence(
        "The emergency stop below holds everything back.", "La parada de emergencia de abajo lo retiene todo."
    ),
    "by_page": Sentence(
        "An administrator has said so below, although appliance.toml would permit it.",
        "Lo ha decidido un administrador aquí abajo, aunque appliance.toml lo permitiría.",
    ),
    "narrowed": Sentence(
        "appliance.toml permits it, and administrators have narrowed it below.",
        "appliance.toml lo permite y los administradores lo han limitado aquí abajo.",
    ),
    "as_file": Sentence(
        "appliance.toml permits it, and nobody has narrowed it.",
        "appliance.toml lo permite y nadie lo ha limitado.",
    ),
    "when": Sentence("When", "Cuándo"),
    "when.never": Sentence("Never", "Nunca"),
    "when.local_down": Sentence("When no engine here answers", "Cuando aquí no responde ningún motor"),
    "when.queue": Sentence("Also after a long wait in the queue", "También tras una espera larga en la cola"),
    "seconds": Sentence("{seconds} s in the queue", "{seconds} s en la cola"),
    "personal_data": Sentence("With personal data", "Con datos personales"),
    "personal.veto": Sentence("The question stays", "La pregunta no sale"),
    "personal.redact": Sentence("Hidden before it leaves", "Se ocultan antes de salir"),
    "by_name": Sentence("Cloud models by their name", "Modelos de nube por su nombre"),
    "chat_files": Sentence("Files of chats", "Archivos de los chats"),
    "allowed": Sentence("Allowed", "Permitido"),
    "not_allowed": Sentence("Not allowed", "No permitido"),
    "left": Sentence("Left in 24 hours", "Salieron en 24 horas"),
    "stayed": Sentence("Stayed in 24 hours", "Se quedaron en 24 horas"),
    "names_hint": Sentence(
        "Personal data are found by patterns: numbers, accounts, cards, telephones, e-mail, keys. Names of people and "
        "what is told about them are not recognised.",
        "Los datos personales se buscan por patrones: documentos, cuentas, tarjetas, teléfonos, correos y claves. No "
        "se reconocen los nombres de personas ni lo que se cuenta de ellas.",
    ),
    "switch": Sentence("Emergency stop", "Parada de emergencia"),
    "switch_off": Sentence(
        "What is allowed may leave. One click stops everything at once.",
        "Puede salir lo que está permitido. Un clic lo para todo en el acto.",
    ),
    "switch_on": Sentence("Nothing leaves this box.", "De aquí no sale nada."),
    "switch_since": Sentence("Stopped on {moment} by {actor}.", "Parado el {moment} por {actor}."),
    "switch_by_hand": Sentence(
        "Stopped on {moment} by a file egress.stop in the data folder.",
        "Parado el {moment} por un archivo egress.stop en la carpeta de datos.",
    ),
    "switch_by_settings": Sentence(
        "egress.stopped is true in appliance.toml; only there it can be changed.",
        "egress.stopped es true en appliance.toml; solo ahí se puede cambiar.",
    ),
    "switch_reason": Sentence("Reason: {reason}", "Motivo: {reason}"),
    "switch_stop": Sentence("Stop everything that leaves", "Parar todo lo que sale"),
    "switch_stop_lead": Sentence(
        "From now on nothing leaves: no cloud, no models, no sign-in by a provider on the internet. What is leaving "
        "is cut off within a second. Answers of this box go on.",
        "A partir de ahora no sale nada: ni preguntas a la nube, ni descargas de modelos, ni acceso con un proveedor "
        "de internet. Lo que está saliendo se corta en un segundo. Las respuestas de aquí siguen.",
    ),
    "switch_why": Sentence("Reason, for those who find it stopped", "Motivo, para quien lo encuentre parado"),
    "switch_do": Sentence("Stop now", "Parar ahora"),
    "switch_done": Sentence("Stopped: nothing leaves.", "Parado: no sale nada."),
    "switch_resume": Sentence("Let it go on …", "Reanudar…"),
    "switch_resume_title": Sentence(
        "Let what is allowed leave again?", "¿Puede volver a salir lo permitido?"
    ),
    "switch_resume_lead": Sentence(
        "The rules below count again, and so does what else the settings allow.",
        "Vuelven a valer las reglas de abajo y lo demás que permitan los ajustes.",
    ),
    "switch_resume_do": Sentence("Let it go on", "Reanudar"),
    "switch_resumed": Sentence("What is allowed may leave again.", "Lo permitido vuelve a salir."),
    "rules": Sentence("Narrow it", "Limitar más"),
    "rules_lead": Sentence(
        "Here you can only permit less than appliance.toml does. It counts for the next question.",
        "Aquí solo puedes permitir menos que appliance.toml. Vale desde la siguiente pregunta.",
    ),
    "rules_idle": Sentence(
        "As long as appliance.toml permits nothing, these rules change nothing.",
        "Mientras appliance.toml no permita nada, estas reglas no cambian nada.",
    ),
    "at_most": Sentence("At most", "Como máximo"),
    "as_the_file": Sentence("As appliance.toml says", "Lo que diga appliance.toml"),
    "queue_s": Sentence("Seconds in the queue, at least", "Segundos de cola, como mínimo"),
    "veto": Sentence(
        "With personal data the question always stays", "Con datos personales la pregunta nunca sale"
    ),
    "whose": Sentence("Whose questions may leave", "De quién pueden salir preguntas"),
    "everybody": Sentence("Everybody's", "De todos"),
    "only_these": Sentence("Only of these", "Solo de estos"),
    "which_models": Sentence("For which models", "De qué modelos"),
    "all_models": Sentence("All", "De todos"),
    "always_stays": Sentence("What never leaves", "Lo que no sale nunca"),
    "always_stays_lead": Sentence(
        "Questions of these people and groups, and to these models, stay here whatever else is allowed.",
        "Las preguntas de estas personas y grupos, y a estos modelos, no salen aunque lo demás lo permita.",
    ),
    "people_groups": Sentence("People and groups", "Personas y grupos"),
    "people_groups_models": Sentence("People, groups and models", "Personas, grupos y modelos"),
    "add": Sentence("Add", "Añadir"),
    "add_hint": Sentence("E-mail or name of a group", "Correo o nombre de un grupo"),
    "add_hint_all": Sentence("E-mail, group or model", "Correo, grupo o modelo"),
    "add_hint_models": Sentence("Name of a model", "Nombre de un modelo"),
    "add_unknown": Sentence("“{name}” is not known here.", "Aquí no se conoce «{name}»."),
    "take": Sentence("Take {name} out", "Quitar {name}"),
    "nobody_chosen": Sentence("Nobody: nothing leaves.", "Nadie: no sale nada."),
    "none_chosen": Sentence("None.", "Ninguno."),
    "kind.user": Sentence("Person", "Persona"),
    "kind.group": Sentence("Group", "Grupo"),
    "kind.model": Sentence("Model", "Modelo"),
    "collections": Sentence("Collections", "Colecciones"),
    "collections_lead": Sentence(
        "A question with passages of a collection leaves only if the collection may. New ones stay. People see the "
        "mark in Documents; whoever owns a collection can take it away.",
        "Una pregunta con pasajes de una colección solo sale si la colección puede. Las nuevas no pueden. La marca "
        "se ve en Documentos, y quien es dueño de una colección puede quitarla.",
    ),
    "collection": Sentence("Collection", "Colección"),
    "whose_collection": Sentence("Whose", "De quién"),
    "of_everybody": Sentence("Everybody's", "De todos"),
    "mark": Sentence("Mark", "Marca"),
    "collections_none": Sentence(
        "There are no shared collections yet.", "Aún no hay colecciones compartidas."
    ),
    "let_of": Sentence("Let {name} leave", "Permitir que salga {name}"),
    "keep_of": Sentence("Keep {name} here", "Que no salga {name}"),
    "decisions": Sentence("Decisions", "Decisiones"),
    "decisions_lead": Sentence(
        "Every time a cloud was thought of: whether the question left, and why.",
        "Cada vez que se pensó en una nube: si la pregunta salió y por qué.",
    ),
    "decisions_none": Sentence("No cloud was ever thought of.", "Nunca se ha pensado en una nube."),
    "decisions_none_found": Sentence("Nothing fits.", "No hay nada así."),
    "decision": Sentence("Decision", "Decisión"),
    "decision.leave": Sentence("Left", "Salió"),
    "decision.stay": Sentence("Stayed", "Se quedó"),
    "why": Sentence("Why", "Por qué"),
    "model": Sentence("Model", "Modelo"),
    "thought_of": Sentence("Occasion", "Ocasión"),
    "reason.local_down": Sentence("No engine answered", "No respondía ningún motor"),
    "reason.queue": Sentence("{seconds} s in the queue", "{seconds} s en la cola"),
    "reason.asked_for": Sentence("Asked for by name", "Pedido por su nombre"),
    "hidden": Sentence("Hidden values: {count}", "Valores ocultos: {count}"),
    "with_key": Sentence("with the key {key}…", "con la clave {key}…"),
}
