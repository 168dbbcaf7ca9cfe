"""Why a request stays on the box, and what is written down when somebody changes that."""

from __future__ import annotations

from ui.texts.sentence import Sentence

LEAVING = {
    "audit_leaving": Sentence("What may leave", "Qué puede salir"),
    "action.leaving.changed": Sentence("Rules of what may leave changed", "Reglas de salida modificadas"),
    "action.leaving.collection_marked": Sentence(
        "Collection marked as free to leave", "Colección marcada: puede salir"
    ),
    "action.leaving.collection_unmarked": Sentence(
        "Collection stays again", "La colección ya no puede salir"
    ),
    "stay.leaves": Sentence("It may leave.", "Puede salir."),
    "stay.never": Sentence("Nothing may leave this box.", "De aquí no puede salir nada."),
    "stay.reason_not_permitted": Sentence(
        "Requests may not leave for this reason.", "Por este motivo no puede salir ninguna petición."
    ),
    "stay.queue_is_short": Sentence("It has not waited long enough.", "Aún no ha esperado lo suficiente."),
    "stay.not_a_chat": Sentence("Only chats may leave.", "Solo pueden salir los chats."),
    "stay.asked_to_stay": Sentence(
        "Whoever asked wants it to stay here.", "Quien pregunta quiere que no salga."
    ),
    "stay.user_stays": Sentence(
        "Requests of this person stay here.", "Las peticiones de esta persona no salen."
    ),
    "stay.group_stays": Sentence(
        "Requests of this person's group stay here.", "Las peticiones del grupo de esta persona no salen."
    ),
    "stay.not_among_people": Sentence(
        "Only requests of chosen people and groups may leave.",
        "Solo pueden salir las peticiones de las personas y los grupos elegidos.",
    ),
    "stay.model_stays": Sentence(
        "Requests to this model stay here.", "Las peticiones a este modelo no salen."
    ),
    "stay.not_among_models": Sentence(
        "Only requests to chosen models may leave.",
        "Solo pueden salir las peticiones a los modelos elegidos.",
    ),
    "stay.unknown_origins": Sentence(
        "Nobody knows what this was made from. Begin a new conversation.",
        "No se sabe de qué se hizo. Empieza una conversación nueva.",
    ),
    "stay.collection_stays": Sentence(
        "It was made from documents that stay here.", "Se hizo con documentos que no salen de aquí."
    ),
    "stay.chat_files_stay": Sentence(
        "It was made from files of a chat, which stay here.", "Se hizo con archivos de un chat, que no salen."
    ),
    "stay.not_text": Sentence(
        "It holds pictures, sound or files, into which nobody can look.",
        "Lleva imágenes, sonido o archivos, que no se pueden revisar.",
    ),
    "stay.personal_data": Sentence(
        "It holds personal data or secrets.", "Contiene datos personales o secretos."
    ),
    "stay.detector_failed": Sentence(
        "Nobody could look for personal data in it.", "No se pudieron buscar datos personales."
    ),
    "stay.policy_unknown": Sentence(
        "The rules of what may leave cannot be read just now.",
        "Ahora mismo no se pueden leer las reglas de salida.",
    ),
    "stay.not_recorded": Sentence(
        "It could not be recorded, and nothing leaves without a record.",
        "No se pudo registrar, y nada sale sin registro.",
    ),
    "stay.failed": Sentence("Something went wrong while this was decided.", "Algo falló al decidirlo."),
}
"""stay.CODE: of fairness.leaving.port.StayCode; a test compares them."""
