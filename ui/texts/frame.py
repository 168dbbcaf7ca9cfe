"""Around everything: the bar, signing in, and words that many parts use."""

from __future__ import annotations

from ui.texts.sentence import Sentence

FRAME = {
    "product": Sentence("LLM Appliance", "LLM Appliance"),
    "language_label": Sentence("Language", "Idioma"),
    "sign_in_lead": Sentence(
        "Ask your company’s documents. Every answer shows where it comes from.",
        "Pregunta a los documentos de tu empresa. Cada respuesta muestra de dónde sale.",
    ),
    "email": Sentence("E-mail", "Correo electrónico"),
    "password": Sentence("Password", "Contraseña"),
    "sign_in": Sentence("Sign in", "Entrar"),
    "sign_in_company": Sentence("Sign in with your company account", "Entrar con la cuenta de la empresa"),
    "sign_in_or": Sentence("or with a local account", "o con una cuenta local"),
    "sign_in_local": Sentence("Sign in with a local account", "Entrar con una cuenta local"),
    "signing_in": Sentence("Signing in…", "Entrando…"),
    "sign_out": Sentence("Sign out", "Salir"),
    "sign_in_first": Sentence(
        "First start? E-mail and password were printed in the terminal and stand in credentials.json.",
        "¿Primer arranque? El correo y la contraseña aparecieron en la terminal y están en credentials.json.",
    ),
    "link_invitation_lead": Sentence(
        "You have been invited. Choose your password.", "Te han invitado. Elige tu contraseña."
    ),
    "link_reset_lead": Sentence("Choose a new password.", "Elige una contraseña nueva."),
    "link_password": Sentence("New password", "Contraseña nueva"),
    "link_password_hint": Sentence(
        "At least {count} characters; a sentence that only you know is a good one.",
        "Al menos {count} caracteres; una frase que solo conozcas tú es buena.",
    ),
    "link_save": Sentence("Save and sign in", "Guardar y entrar"),
    "needs_script": Sentence("This page needs JavaScript.", "Esta página necesita JavaScript."),
    "fill_both": Sentence("Enter your e-mail and your password.", "Escribe tu correo y tu contraseña."),
    "waiting_ui": Sentence(
        "The other tabs are starting; you can already ask.",
        "Las demás pestañas están arrancando; ya puedes preguntar.",
    ),
    "tab_ask": Sentence("Ask", "Preguntar"),
    "tab_documents": Sentence("Documents", "Documentos"),
    "tab_connected": Sentence("What is connected", "Qué está conectado"),
    "tab_me": Sentence("Me", "Yo"),
    "tab_admin": Sentence("Administration", "Administración"),
    "connection_lost": Sentence(
        "The appliance does not answer. Trying again…", "El servidor no responde. Volviendo a intentarlo…"
    ),
    "try_again": Sentence("Try again", "Reintentar"),
    "close": Sentence("Close", "Cerrar"),
    "delete": Sentence("Delete", "Borrar"),
    "copy": Sentence("Copy", "Copiar"),
}
