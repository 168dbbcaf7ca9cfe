"""What is connected: engines and parts."""

from __future__ import annotations

from ui.texts.sentence import Sentence

CONNECTED = {
    "refresh": Sentence("Refresh", "Actualizar"),
    "engines": Sentence("Language models", "Modelos de lenguaje"),
    "no_engine_title": Sentence(
        "No language model is connected.", "No hay ningún modelo de lenguaje conectado."
    ),
    "no_engine": Sentence(
        "Questions are answered with the documents’ own words. To connect a model, start vLLM or Ollama on its usual"
        " port of this machine and it is found by itself, or name one in `appliance.toml` and restart:",
        "Las preguntas se responden con las palabras de los documentos. Para conectar un modelo, arranca vLLM u Ollama"
        " en su puerto habitual de esta máquina y se encontrará solo, o nómbralo en `appliance.toml` y reinicia:",
    ),
    "engine": Sentence("Engine", "Motor"),
    "kind": Sentence("Kind", "Tipo"),
    "health": Sentence("State", "Estado"),
    "models": Sentence("Models", "Modelos"),
    "load": Sentence("Running / waiting", "En curso / en espera"),
    "answers": Sentence("answers", "responde"),
    "answers_not": Sentence("does not answer", "no responde"),
    "parts": Sentence("Parts", "Partes"),
    "part": Sentence("Part", "Parte"),
    "part_postgresql": Sentence("Database (PostgreSQL)", "Base de datos (PostgreSQL)"),
    "part_valkey": Sentence("Queue and live answers (Valkey)", "Cola y respuestas en curso (Valkey)"),
    "part_embedder": Sentence("Embedding model", "Modelo de embeddings"),
    "part_worker": Sentence("Document reader", "Lector de documentos"),
    "part_ui": Sentence("This page", "Esta página"),
    "state_starting": Sentence("starting", "arrancando"),
    "cannot_ask": Sentence(
        "The appliance’s own state could not be read: {reason}",
        "No se pudo leer el estado del servidor: {reason}",
    ),
}
