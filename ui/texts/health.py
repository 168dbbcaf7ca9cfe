"""The Health view of the administration, and how the checks of the doctor are called."""

from __future__ import annotations

from ui.texts.sentence import Sentence

HEALTH = {
    "admin_health": Sentence("Health", "Estado"),
    "health_again": Sentence("Look again", "Volver a mirar"),
    "health_looking": Sentence("Looking at every part …", "Mirando cada parte…"),
    "health_well": Sentence("All is well.", "Todo está bien."),
    "health_found": Sentence(
        "Errors: {errors}. Warnings: {warnings}.", "Errores: {errors}. Avisos: {warnings}."
    ),
    "health_when": Sentence("Looked at on {moment}.", "Comprobado el {moment}."),
    "health_nothing": Sentence("Nothing needs to be done.", "No hay nada que hacer."),
    "health_ok": Sentence("What is well", "Lo que está bien"),
    "health_check": Sentence("Check", "Comprobación"),
    "health_finding": Sentence("What it says", "Qué dice"),
    "health_log": Sentence("Last lines of the log", "Últimas líneas del registro"),
    "severity_error": Sentence("Error", "Error"),
    "severity_warning": Sentence("Warning", "Aviso"),
    "check_data": Sentence("Data folder", "Carpeta de datos"),
    "check_settings": Sentence("Settings", "Ajustes"),
    "check_doctor": Sentence("Doctor", "Diagnóstico"),
    "check_processes": Sentence("Processes", "Procesos"),
    "check_port": Sentence("Door", "Puerta de entrada"),
    "check_postgres": Sentence("PostgreSQL", "PostgreSQL"),
    "check_valkey": Sentence("Valkey", "Valkey"),
    "check_embedder": Sentence("Embedding", "Vectores"),
    "check_speech": Sentence("Speech", "Voz"),
    "check_index": Sentence("Index", "Índice"),
    "check_engines": Sentence("Engines", "Motores"),
    "check_clouds": Sentence("Clouds", "Nubes"),
    "check_gpu": Sentence("GPU", "GPU"),
    "check_watchdog": Sentence("Watchdog", "Vigilante"),
    "check_queue": Sentence("Queue", "Cola"),
    "check_speed": Sentence("Speed", "Velocidad"),
    "check_disk": Sentence("Disk", "Disco"),
    "check_memory": Sentence("Memory", "Memoria"),
    "check_files": Sentence("Open files", "Archivos abiertos"),
    "check_clock": Sentence("Clock", "Reloj"),
    "check_certificate": Sentence("Certificate", "Certificado"),
    "check_https": Sentence("HTTPS", "HTTPS"),
    "check_egress": Sentence("What left", "Salidas"),
    "check_backup": Sentence("Backup", "Copia de seguridad"),
    "check_secrets": Sentence("Secrets", "Secretos"),
    "check_credentials": Sentence("First login", "Primer acceso"),
    "check_keys": Sentence("Keys and passwords", "Claves y contraseñas"),
    "check_identity": Sentence("Company sign-in", "Acceso de empresa"),
    "check_tuning": Sentence("Settings that hurt", "Ajustes que perjudican"),
    "check_canaries": Sentence("Access rights", "Permisos"),
    "check_sandbox": Sentence("Reading documents", "Lectura de documentos"),
}
