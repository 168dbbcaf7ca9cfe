"""How a server proves who it is."""

from __future__ import annotations

import ssl
from pathlib import Path

from querying.connectors.settings import ServerSettings
from querying.errors import SourceRefused
from querying.source_refusals import SourceBecause

_DEBIAN = Path("/etc/ssl/certs/ca-certificates.crt")


def trusted_file(settings: ServerSettings) -> Path:
    """The certificates that are trusted. Raises SourceRefused where there are none."""
    found = ssl.get_default_verify_paths()
    for path in (settings.ca_file, Path(found.cafile or _DEBIAN), _DEBIAN):
        if path is not None and path.is_file():
            return path
        if path is settings.ca_file and path is not None:
            break
    raise SourceRefused(SourceBecause("db_ca_missing"), "ca_file")


def context_for(
    settings: ServerSettings, most: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED
) -> ssl.SSLContext | None:
    """None: without TLS. most: the newest version that the server's protocol knows. Raises SourceRefused."""
    if settings.tls == "off":
        return None
    if settings.tls == "encrypted":
        made = ssl.create_default_context()
        made.maximum_version = most
        made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
        return made
    try:
        made = ssl.create_default_context(cafile=str(trusted_file(settings)))
    except (OSError, ssl.SSLError) as error:
        raise SourceRefused(SourceBecause("db_ca_unreadable", path=settings.ca_file), "ca_file") from error
    made.maximum_version = most
    made.verify_flags &= (
        ~ssl.VERIFY_X509_STRICT
    )  # what database servers make for themselves misses a field or two
    made.check_hostname = settings.tls == "verify-full"
    return made
