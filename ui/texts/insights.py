"""Administration › Insights: how it goes, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping

from ui.texts.sentence import Sentence

INSIGHTS: Mapping[str, Sentence] = {
    "admin_insights": Sentence("Insights", "Análisis"),
    "insights_period": Sentence("Period", "Periodo"),
    "insights_day": Sentence("The last 24 hours", "Últimas 24 horas"),
    "insights_week": Sentence("The last 7 days", "Últimos 7 días"),
    "insights_month": Sentence("The last 30 days", "Últimos 30 días"),
    "insights_more": Sentence(
        "{count} more than in the period before", "{count} más que en el periodo anterior"
    ),
    "insights_less": Sentence(
        "{count} fewer than in the period before", "{count} menos que en el periodo anterior"
    ),
    "insights_same": Sentence("as in the period before", "igual que en el periodo anterior"),
    "insights_count": Sentence("How often", "Veces"),
    "insights_before": Sentence("Before", "Antes"),
    "insights_people": Sentence("People", "Personas"),
    "insights_last": Sentence("Last", "Última vez"),
    "insights_since": Sentence("since {moment}", "desde el {moment}"),
    "insights_lookup": Sentence("In the logs", "En los registros"),
    # Errors
    "insights_errors": Sentence("Errors", "Errores"),
    "insights_errors_lead": Sentence(
        "The same error in the same place is one line. With the id of the latest one you find it in the logs. The "
        "texts of errors are not kept, because they may repeat what was asked.",
        "El mismo error en el mismo sitio es una sola línea. Con el identificador del último lo encuentras en los "
        "registros. No se guarda el texto de los errores, porque puede repetir lo que se preguntó.",
    ),
    "insights_errors_none": Sentence(
        "Nothing went wrong in this period.", "En este periodo no ha fallado nada."
    ),
    "insights_error": Sentence("What", "Qué"),
    "insights_where": Sentence("Where", "Dónde"),
    "insights_source_request": Sentence("Request", "Petición"),
    "insights_source_turn": Sentence("Question in the page", "Pregunta en la página"),
    "insights_source_document": Sentence("Reading a document", "Lectura de un documento"),
    "insights_source_job": Sentence("Background work", "Trabajo en segundo plano"),
    "insights_source_account": Sentence("Signing in", "Entrada"),
    # Unanswered
    "insights_unanswered": Sentence("Unanswered questions", "Preguntas sin respuesta"),
    "insights_unanswered_lead": Sentence(
        "Nothing was found for these, so a document may be missing there.",
        "Para estas no se encontró nada: puede que ahí falte un documento.",
    ),
    "insights_private": Sentence(
        "Conversations are private: here are counts, and the words only of questions that people shared with a "
        "rating. With insights.shows_questions in appliance.toml you could read the others too; then each such "
        "answer says so, and the audit notes every reading.",
        "Las conversaciones son privadas: aquí ves recuentos, y el texto solo de las preguntas que alguien compartió "
        "al valorar la respuesta. Con insights.shows_questions en appliance.toml podrías leer también las demás; "
        "entonces cada una de esas respuestas lo dice y la auditoría anota cada lectura.",
    ),
    "insights_shown": Sentence(
        "insights.shows_questions is on: you read questions whose answer said so to who asked, never those of "
        "temporary conversations. The audit notes every reading.",
        "insights.shows_questions está activado: lees las preguntas cuya respuesta se lo advirtió a quien preguntó, "
        "nunca las de conversaciones temporales. La auditoría anota cada lectura.",
    ),
    "insights_readable": Sentence(
        "Questions: {count}. People: {people}. You may read: {readable}. Through the API, without a text: {programs}.",
        "Preguntas: {count}. Personas: {people}. Puedes leer: {readable}. Por la API, sin texto: {programs}.",
    ),
    "insights_unanswered_none": Sentence(
        "Every question found something in this period.",
        "En este periodo todas las preguntas encontraron algo.",
    ),
    "insights_questions_none": Sentence(
        "None of these questions may be read.", "Ninguna de estas preguntas se puede leer."
    ),
    "insights_places": Sentence("Where they looked", "Dónde buscaron"),
    "insights_place": Sentence("Collection", "Colección"),
    "insights_everywhere": Sentence("Everything they may see", "Todo lo que pueden ver"),
    "insights_hidden": Sentence("Collections that you may not see", "Colecciones que no puedes ver"),
    "insights_language": Sentence("Language", "Idioma"),
    "insights_wordings": Sentence("Different questions", "Preguntas distintas"),
    "insights_questions": Sentence("In similar words", "Con palabras parecidas"),
    "insights_question": Sentence("Question", "Pregunta"),
    # Slow
    "insights_slow": Sentence("Slow answers", "Respuestas lentas"),
    "insights_slow_lead": Sentence(
        "19 of 20 answers were at least as fast as the 95 % figures. Below are the slowest, and where their time went.",
        "19 de cada 20 respuestas fueron al menos tan rápidas como indica el 95 %. Debajo, las más lentas y en qué se "
        "les fue el tiempo.",
    ),
    "insights_slow_none": Sentence(
        "Nothing was answered in this period.", "En este periodo no hubo respuestas."
    ),
    "insights_models": Sentence("By model", "Por modelo"),
    "insights_answers": Sentence("Answers", "Respuestas"),
    "insights_first": Sentence("First word (half / 95 %)", "Primera palabra (mitad / 95 %)"),
    "insights_total": Sentence("Whole answer (half / 95 %)", "Respuesta entera (mitad / 95 %)"),
    "insights_queue": Sentence("Queue (95 %)", "Cola (95 %)"),
    "insights_total_before": Sentence("Whole before (95 %)", "Entera antes (95 %)"),
    "insights_slowest": Sentence("The slowest", "Las más lentas"),
    "insights_took": Sentence("Took", "Tardó"),
    "insights_first_word": Sentence("first word {time}", "primera palabra {time}"),
    "insights_parts": Sentence("Where the time went", "En qué se fue el tiempo"),
    "insights_part_queue": Sentence("queue {time}", "cola {time}"),
    "insights_part_documents": Sentence("documents {time}", "documentos {time}"),
    "insights_part_engine": Sentence("engine {time}", "motor {time}"),
    # Disliked
    "insights_disliked": Sentence("Bad answers", "Respuestas mal valoradas"),
    "insights_disliked_lead": Sentence(
        "What people wrote with a thumbs down. Question and answer stand here only where they let you read them.",
        "Lo que escribieron con un pulgar abajo. La pregunta y la respuesta solo están si te dejan leerlas.",
    ),
    "insights_disliked_none": Sentence(
        "No answer was rated bad in this period.", "En este periodo nadie valoró mal una respuesta."
    ),
    "insights_no_reason": Sentence("No reason given", "Sin motivo"),
    "insights_of_rated": Sentence("Bad: {down} of {all} rated.", "Malas: {down} de {all} valoradas."),
    "action.questions.read": Sentence("Unanswered questions read", "Preguntas sin respuesta leídas"),
    "audit_question": Sentence("Reading of questions", "Lectura de preguntas"),
    # The trace below an answer
    "trace_request": Sentence("In the logs: {id}", "En los registros: {id}"),
    "trace_of": Sentence("Trace: {id}", "Traza: {id}"),
}
