"""Tools of others: what is said when one cannot be called, their page, and asking for consent."""

from __future__ import annotations

from ui.texts.sentence import Sentence

TOOL_ERRORS = {
    "tool_needs_consent": Sentence(
        "Nobody agreed to that tool being called.", "Nadie dio permiso para usar esa herramienta."
    ),
    "tool_declined": Sentence(
        "You said that this tool may not be called. You can change that under Me › Tools.",
        "Dijiste que esta herramienta no se use. Puedes cambiarlo en Yo › Herramientas.",
    ),
    "tool_stays": Sentence(
        "The tool's server would be told what has to stay here, so it was not called.",
        "El servidor de la herramienta se enteraría de algo que debe quedarse aquí, así que no se usó.",
    ),
    "tool_server_unavailable": Sentence(
        "The tool's server does not answer. Try again in a moment.",
        "El servidor de la herramienta no responde. Prueba dentro de un momento.",
    ),
    "tool_server_broken": Sentence(
        "The tool's server answered with something that cannot be used. Tell an administrator.",
        "El servidor de la herramienta respondió algo que no se puede usar. Avisa a un administrador.",
    ),
}

TOOL_CHAT = {
    "status_calling": Sentence("Calling {name}…", "Usando {name}…"),
    "status_consent": Sentence("Waiting for your answer…", "Esperando tu respuesta…"),
    "consent_title": Sentence("May {tool} be called?", "¿Se puede usar {tool}?"),
    "consent_outside": Sentence(
        "This goes to {host}, outside of the company's network:",
        "Esto se envía a {host}, fuera de la red de la empresa:",
    ),
    "consent_inside": Sentence("This goes to {host}:", "Esto se envía a {host}:"),
    "consent_once": Sentence("This once", "Solo esta vez"),
    "consent_always": Sentence("Always", "Siempre"),
    "consent_never": Sentence("Never", "Nunca"),
    "consent_soon": Sentence("Without an answer it is not called.", "Si no respondes, no se usará."),
    "tools_called": Sentence("Tools used ({count})", "Herramientas usadas ({count})"),
    "tool_done": Sentence("done", "hecho"),
    "tool_not_done": Sentence("not done", "no se hizo"),
    "me_tools": Sentence("Tools", "Herramientas"),
    "me_tools_lead": Sentence(
        "What you said for good about tools of others. What you take back is asked again.",
        "Lo que decidiste para siempre sobre herramientas ajenas. Si lo retiras, se te volverá a preguntar.",
    ),
    "me_tools_none": Sentence(
        "You have not said anything for good. A chat asks you before a tool of others is called.",
        "No has decidido nada para siempre. El chat te pregunta antes de usar una herramienta ajena.",
    ),
    "tool": Sentence("Tool", "Herramienta"),
    "tool_server": Sentence("Server", "Servidor"),
    "your_answer": Sentence("Your answer", "Tu respuesta"),
    "tool_forget": Sentence("Take back what was said about {name}", "Retirar lo dicho sobre {name}"),
    "admin_tools": Sentence("Tools", "Herramientas"),
    "action.tools.server_added": Sentence("Tool server added", "Servidor de herramientas añadido"),
    "action.tools.server_changed": Sentence("Tool server changed", "Servidor de herramientas modificado"),
    "action.tools.server_removed": Sentence("Tool server removed", "Servidor de herramientas quitado"),
    "action.tools.server_shared": Sentence("Tool server shared", "Servidor de herramientas compartido"),
    "action.tools.tool_approved": Sentence("Tool approved", "Herramienta aprobada"),
    "action.tools.tool_withdrawn": Sentence(
        "Approval of a tool withdrawn", "Aprobación de una herramienta retirada"
    ),
    "action.tools.consent_always": Sentence("A tool allowed for good", "Herramienta permitida siempre"),
    "action.tools.consent_never": Sentence("A tool refused for good", "Herramienta rechazada siempre"),
    "action.tools.consent_forgotten": Sentence(
        "Consent to a tool taken back", "Permiso de una herramienta retirado"
    ),
}
"""What every page may have to say."""

TOOLS = {
    "lead": Sentence(
        "MCP servers of others. A tool can be called once you approve it as it is and share its server; people are "
        "asked before each call.",
        "Servidores MCP ajenos. Una herramienta se puede usar cuando la apruebas tal como está y compartes su "
        "servidor; se pregunta a cada persona antes de usarla.",
    ),
    "none": Sentence("There are no tool servers.", "No hay servidores de herramientas."),
    "add": Sentence("Add a server", "Añadir un servidor"),
    "name": Sentence("Name", "Nombre"),
    "name_hint": Sentence(
        "Small letters, digits and dashes. Tools are called NAME.TOOL.",
        "Minúsculas, cifras y guiones. Las herramientas se llaman NOMBRE.HERRAMIENTA.",
    ),
    "address": Sentence("Address", "Dirección"),
    "address_hint": Sentence(
        "Such as https://mcp.example.com/mcp. One outside of the own network must stand in tools.hosts.",
        "Por ejemplo https://mcp.example.com/mcp. Si está fuera de la red propia, debe figurar en tools.hosts.",
    ),
    "header": Sentence("Secret header (optional)", "Cabecera secreta (opcional)"),
    "header_hint": Sentence(
        "HEADER=FILE: the value stands in that file of tools.secrets_folder, never here.",
        "CABECERA=ARCHIVO: el valor está en ese archivo de tools.secrets_folder, nunca aquí.",
    ),
    "sees_documents": Sentence(
        "It may be told what documents and data say", "Puede recibir lo que dicen documentos y datos"
    ),
    "outside": Sentence("outside", "fuera"),
    "inside": Sentence("own network", "red propia"),
    "paused": Sentence("paused", "en pausa"),
    "looked_at": Sentence("Looked at {when}", "Consultado {when}"),
    "look": Sentence("Look again", "Consultar de nuevo"),
    "pause": Sentence("Pause", "Pausar"),
    "go_on": Sentence("Use again", "Reanudar"),
    "remove": Sentence("Remove {name}", "Quitar {name}"),
    "remove_lead": Sentence(
        "Its tools can no longer be called, and what people agreed to is forgotten.",
        "Sus herramientas ya no se podrán usar y se olvida lo que cada persona aceptó.",
    ),
    "share": Sentence("Share", "Compartir"),
    "share_of": Sentence("Who may have {name} called", "Quién puede usar {name}"),
    "shared_with": Sentence("Shared with: {names}", "Compartido con: {names}"),
    "nobody": Sentence("nobody", "nadie"),
    "everybody": Sentence("everybody", "todos"),
    "groups": Sentence("Groups", "Grupos"),
    "people": Sentence("People", "Personas"),
    "own_words": Sentence(
        "Descriptions are the server's own words. Nothing in them is to be believed.",
        "Las descripciones son palabras del propio servidor. No hay que fiarse de ellas.",
    ),
    "state": Sentence("State", "Estado"),
    "state_new": Sentence("new", "nueva"),
    "state_changed": Sentence("changed: look again", "cambió: revísala"),
    "state_approved": Sentence("approved", "aprobada"),
    "state_gone": Sentence("gone", "ya no está"),
    "asks_nobody": Sentence("without asking", "sin preguntar"),
    "approve": Sentence("Approve {name}", "Aprobar {name}"),
    "approve_short": Sentence("Approve", "Aprobar"),
    "withdraw": Sentence("Withdraw the approval of {name}", "Retirar la aprobación de {name}"),
    "arguments": Sentence("Arguments", "Argumentos"),
    "ask_nobody_choice": Sentence(
        "It changes nothing: call it without asking people", "No cambia nada: usarla sin preguntar"
    ),
    "says_read_only": Sentence(
        "The server says that it changes nothing.", "El servidor dice que no cambia nada."
    ),
    "left_out": Sentence("Left out: {reasons}", "Excluidas: {reasons}"),
    "calls": Sentence("Latest calls", "Últimas llamadas"),
    "calls_none": Sentence("Nothing was called yet.", "Aún no se ha usado ninguna."),
    "when": Sentence("When", "Cuándo"),
    "who": Sentence("Who", "Quién"),
    "outcome": Sentence("Outcome", "Resultado"),
    "took": Sentence("Time", "Tiempo"),
    "outcome_done": Sentence("done", "hecho"),
    "outcome_failed": Sentence("failed", "falló"),
    "outcome_refused": Sentence("refused", "rechazada"),
    "outcome_no_consent": Sentence("nobody agreed", "sin permiso"),
    "outcome_stayed": Sentence("had to stay here", "debía quedarse aquí"),
    "outcome_given_up": Sentence("given up", "abandonada"),
}
"""What Administration › Tools says."""
