"""What the page says to each error's code, and to the notes of an answer; a test walks the error trees."""

from __future__ import annotations

from ui.texts.sentence import Sentence

ERRORS = {
    "appliance_error": Sentence("The request could not be carried out.", "No se pudo hacer lo pedido."),
    "internal_error": Sentence(
        "Something went wrong inside the appliance. Try again; an administrator finds the cause in the log.",
        "Algo falló en el servidor. Prueba otra vez; un administrador puede ver la causa en el registro.",
    ),
    "invalid_request": Sentence("The request is not valid.", "La petición no es válida."),
    "invalid_api_key": Sentence(
        "Your session has ended. Sign in again.", "Tu sesión ha terminado. Entra de nuevo."
    ),
    "not_permitted": Sentence(
        "Your account is not allowed to do that. Ask an administrator.",
        "Tu cuenta no puede hacer eso. Pregunta a un administrador.",
    ),
    "not_found": Sentence(
        "There is no such thing here, or it is not yours to see.",
        "Eso no existe aquí o no te corresponde verlo.",
    ),
    "conflicting_credentials": Sentence(
        "The request carries two different credentials. Delete this site’s cookies and sign in again.",
        "La petición lleva dos credenciales distintas. Borra las cookies de este sitio y entra de nuevo.",
    ),
    "password_refused": Sentence(
        "That password cannot be used. Choose a longer one that is not the e-mail address.",
        "Esa contraseña no sirve. Elige una más larga que no sea el correo.",
    ),
    "sign_in_failed": Sentence(
        "E-mail or password is not right. Try again, or ask an administrator for a reset link.",
        "El correo o la contraseña no son correctos. Prueba otra vez o pide a un administrador un enlace nuevo.",
    ),
    "account_suspended": Sentence(
        "This account is suspended. Ask an administrator.",
        "Esta cuenta está suspendida. Pregunta a un administrador.",
    ),
    "company_account_only": Sentence(
        "This account signs in with the company account, not with a password. Use that button.",
        "Esta cuenta entra con la cuenta de la empresa, no con contraseña. Usa ese botón.",
    ),
    "company_sign_in_failed": Sentence(
        "Signing in with the company account did not work. Try again; an administrator finds the cause in the log.",
        "No se pudo entrar con la cuenta de la empresa. Prueba otra vez; un administrador puede ver la causa en el "
        "registro.",
    ),
    "company_sign_in_denied": Sentence(
        "The sign-in was cancelled, or your company’s account service refused it. Try again, or ask an administrator.",
        "Se canceló el acceso o lo rechazó el servicio de cuentas de tu empresa. Prueba otra vez o pregunta a un"
        " administrador.",
    ),
    "sign_in_state_lost": Sentence(
        "The sign-in took too long, was used already, or was begun in another browser. Start again.",
        "El acceso tardó demasiado, ya se había usado o empezó en otro navegador. Empieza de nuevo.",
    ),
    "company_email_missing": Sentence(
        "Your company account has no e-mail address that this appliance can see. Ask an administrator.",
        "Tu cuenta de la empresa no muestra ningún correo electrónico. Pregunta a un administrador.",
    ),
    "company_email_unverified": Sentence(
        "The e-mail address of your company account is not verified. Verify it there, then try again.",
        "El correo de tu cuenta de la empresa no está verificado. Verifícalo allí y prueba otra vez.",
    ),
    "company_domain_not_allowed": Sentence(
        "Accounts with this e-mail domain may not sign in here. Use another account, or ask an administrator.",
        "Las cuentas con ese dominio de correo no pueden entrar aquí. Usa otra cuenta o pregunta a un administrador.",
    ),
    "company_group_not_allowed": Sentence(
        "Your company account is in none of the groups that may sign in here. Ask an administrator.",
        "Tu cuenta de la empresa no está en ningún grupo que pueda entrar aquí. Pregunta a un administrador.",
    ),
    "company_account_unknown": Sentence(
        "There is no account here for your company account yet. Ask an administrator to add one.",
        "Aquí todavía no hay una cuenta para tu cuenta de la empresa. Pide a un administrador que la cree.",
    ),
    "company_account_not_linked": Sentence(
        "A local account has this e-mail address. Sign in with its password, or ask an administrator to allow linking.",
        "Ya hay una cuenta local con ese correo. Entra con su contraseña o pide a un administrador que permita"
        " vincularla.",
    ),
    "identity_provider_unavailable": Sentence(
        "Your company’s account service does not answer. Try again soon, or sign in with a local account.",
        "El servicio de cuentas de tu empresa no responde. Prueba dentro de poco o entra con una cuenta local.",
    ),
    "credential_withdrawn": Sentence(
        "Your session was ended. Sign in again.", "Tu sesión se ha cerrado. Entra de nuevo."
    ),
    "cross_site_request": Sentence(
        "The request did not come from this page. Reload it and try again.",
        "La petición no salió de esta página. Recárgala y prueba otra vez.",
    ),
    "plain_http_refused": Sentence(
        "Signing in needs HTTPS here. An administrator puts TLS in front, or sets server.allow_plain_http = true.",
        "Aquí hace falta HTTPS para entrar. Un administrador pone TLS delante o fija server.allow_plain_http = true.",
    ),
    "link_not_valid": Sentence(
        "This link has been used or has expired. Ask an administrator for a new one.",
        "Este enlace ya se usó o ha caducado. Pide uno nuevo a un administrador.",
    ),
    "last_administrator": Sentence(
        "This is the last administrator. Make somebody else administrator first.",
        "Es el último administrador. Haz antes administrador a otra persona.",
    ),
    "answer_in_progress": Sentence(
        "An answer is still being written in this chat. Ask when it has ended, or stop it first.",
        "En este chat aún se está escribiendo una respuesta. Pregunta cuando acabe o detenla antes.",
    ),
    "storage_full": Sentence(
        "The disk of this appliance is full; nothing was stored. Ask an administrator for room.",
        "El disco del servidor está lleno y no se guardó nada. Pide espacio a un administrador.",
    ),
    "conflict": Sentence("That is not possible as things stand.", "No es posible en el estado actual."),
    "request_too_large": Sentence(
        "This is larger than the appliance accepts.", "Es más grande de lo que acepta el servidor."
    ),
    "queue_full": Sentence(
        "Too many questions are waiting. Try again in a moment.",
        "Hay demasiadas preguntas en espera. Prueba dentro de un momento.",
    ),
    "rate_limit_exceeded": Sentence(
        "A limit set by an administrator is reached for the moment. Try again shortly.",
        "Se ha alcanzado por ahora un límite fijado por un administrador. Prueba en un momento.",
    ),
    "insufficient_quota": Sentence(
        "A budget set by an administrator does not allow this. Ask an administrator for more.",
        "Un presupuesto fijado por un administrador no lo permite. Pide más a un administrador.",
    ),
    "too_many_attempts": Sentence(
        "Too many failed attempts to sign in. Wait a little and try again.",
        "Demasiados intentos fallidos. Espera un poco y prueba otra vez.",
    ),
    "part_unavailable": Sentence(
        "A part of the appliance does not answer just now. Try again in a moment.",
        "Una parte del servidor no responde ahora. Prueba dentro de un momento.",
    ),
    "startup_error": Sentence("The appliance cannot start.", "El servidor no puede arrancar."),
    "turn_interrupted": Sentence(
        "The answer was interrupted. Ask again to get the rest.",
        "La respuesta se interrumpió. Pregunta otra vez para obtener el resto.",
    ),
    "inference_error": Sentence(
        "The language model could not be used.", "No se pudo usar el modelo de lenguaje."
    ),
    "unknown_engine_kind": Sentence(
        "The configuration names an engine this appliance does not know.",
        "La configuración nombra un motor que este servidor no conoce.",
    ),
    "speech_not_installed": Sentence(
        "Recordings cannot become text on this box yet. Whoever runs it can add a speech model.",
        "Esta instalación aún no convierte grabaciones en texto. Quien la administra puede añadir un modelo de voz.",
    ),
    "speech_unavailable": Sentence(
        "Recordings cannot become text just now. Try again in a moment.",
        "Ahora mismo no se pueden convertir grabaciones en texto. Prueba de nuevo en un momento.",
    ),
    "language_unknown": Sentence(
        "The speech model does not know that language.",
        "El modelo de voz no conoce ese idioma.",
    ),
    "audio_refused": Sentence(
        "This file is not a recording that can be heard.",
        "Este archivo no es una grabación que se pueda escuchar.",
    ),
    "model_unreadable": Sentence(
        "The files of this model are not whole, or contradict each other. Get it again.",
        "Los archivos de este modelo están incompletos o se contradicen. Descárgalo otra vez.",
    ),
    "embedder_unavailable": Sentence(
        "The embedding process does not answer, so documents cannot be searched by meaning just now.",
        "El proceso de embeddings no responde, así que ahora no se puede buscar por significado.",
    ),
    "engine_unavailable": Sentence(
        "The language model does not answer. Try again in a moment.",
        "El modelo de lenguaje no responde. Prueba dentro de un momento.",
    ),
    "context_length_exceeded": Sentence(
        "The question is too long for the language model. Ask a shorter one.",
        "La pregunta es demasiado larga para el modelo de lenguaje. Haz una más corta.",
    ),
    "engine_refused": Sentence(
        "The language model refused the request.", "El modelo de lenguaje rechazó la petición."
    ),
    "reranker_broken": Sentence(
        "The reranking model cannot be used. An administrator finds the cause in the log.",
        "El modelo de reordenación no funciona. Un administrador puede ver la causa en el registro.",
    ),
    "engine_stream_broken": Sentence(
        "The language model broke off in the middle of the answer. Ask again.",
        "El modelo de lenguaje se cortó en mitad de la respuesta. Pregunta otra vez.",
    ),
    "model_not_found": Sentence(
        "No engine serves that model. Choose another one.", "Ningún motor ofrece ese modelo. Elige otro."
    ),
    "rag_error": Sentence("The documents could not be used.", "No se pudieron usar los documentos."),
    "document_refused": Sentence("The document was not read.", "El documento no se leyó."),
    "unsupported_format": Sentence(
        "This kind of file cannot be read here. Convert it to PDF, DOCX, HTML, Markdown or plain text.",
        "Este tipo de archivo no se puede leer aquí. Conviértelo a PDF, DOCX, HTML, Markdown o texto.",
    ),
    "document_empty": Sentence(
        "There is no text in this document. If it is a scan, run text recognition on it first.",
        "Este documento no tiene texto. Si es un escaneo, aplícale antes reconocimiento de texto.",
    ),
    "document_damaged": Sentence(
        "The file is damaged and cannot be opened. Export it again from the program that made it.",
        "El archivo está dañado y no se puede abrir. Expórtalo de nuevo desde el programa que lo creó.",
    ),
    "document_encrypted": Sentence(
        "The file is protected by a password. Save it without one and upload it again.",
        "El archivo está protegido con contraseña. Guárdalo sin ella y súbelo otra vez.",
    ),
    "document_too_large": Sentence(
        "The document is larger than the limits of this appliance. Split it, or ask an administrator.",
        "El documento supera los límites de este servidor. Divídelo o pregunta a un administrador.",
    ),
    "document_dangerous": Sentence(
        "The file is built in a way that can harm the computer that opens it, so it was not opened.",
        "El archivo está hecho de un modo que puede dañar el equipo que lo abre, así que no se abrió.",
    ),
    "reading_failed": Sentence(
        "Reading this document failed. Upload it again; an administrator finds the cause in the log.",
        "Falló la lectura de este documento. Súbelo otra vez; un administrador puede ver la causa en el registro.",
    ),
    "reading_interrupted": Sentence(
        "Reading this document was interrupted more than once. Remove it and upload it again.",
        "La lectura de este documento se interrumpió más de una vez. Quítalo y súbelo de nuevo.",
    ),
    "job_broke": Sentence(
        "It broke for a reason nobody foresaw. Try it again; the worker’s log says what happened.",
        "Falló por un motivo imprevisto. Inténtalo de nuevo; el registro del worker dice qué pasó.",
    ),
    "parsing_timed_out": Sentence(
        "Reading the file took too long and was stopped. Split it or simplify it.",
        "Leer el archivo tardaba demasiado y se paró. Divídelo o simplifícalo.",
    ),
    "index_unavailable": Sentence(
        "The index of the documents cannot be searched just now.",
        "Ahora no se puede buscar en los documentos.",
    ),
}

# Notes whose sentence does not stand in the answer itself.
NOTES = {
    "unsupported": Sentence(
        "The underlined part has no support in the documents found.",
        "Lo subrayado no tiene respaldo en los documentos encontrados.",
    ),
    "question_read": Sentence(
        "Administrators may read this question, to see what is missing.",
        "Los administradores pueden leer esta pregunta, para saber qué falta.",
    ),
    "history_cut": Sentence(
        "Earlier messages of this conversation that the model has no room for and did not see: {dropped_messages}.",
        "Mensajes anteriores de esta conversación que no caben en el modelo y no ha visto: {dropped_messages}.",
    ),
}
