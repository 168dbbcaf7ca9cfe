"""Looks at the certificate that people meet at server.public_url, and at certificates in files. Trusts none of them.

Asked once without checking, to read even one that is wrong, and once with the checks of every TLS client. The root of
Caddy's own authority is fetched where Caddy offers it, over plain HTTP: its end is read, nothing is believed.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.x509.oid import NameOID

from appliance.services.doctor.certificate import Certificate, CertificateReading

_PATIENCE_S = 4.0
_INTERNAL = "Caddy Local Authority"
_BEHIND = (
    ("caddy", 8443),
)  # the compose file's own name for it, where the public one leads nowhere from inside
_UNKNOWN_ISSUER = (18, 19, 20, 21)  # OpenSSL: self-signed, and no way to a known root
_MOST_ROOT_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Site:
    """What server.public_url says. behind: where else its server may be asked, from within."""

    host: str
    port: int
    behind: Sequence[tuple[str, int]] = _BEHIND


def site_of(public_url: str) -> Site | None:
    """None where it is not HTTPS."""
    parts = urlsplit(public_url)
    if parts.scheme != "https" or not parts.hostname:
        return None
    return Site(parts.hostname, parts.port or 443)


def read_certificates(
    site: Site | None, files: Sequence[Path], *, trust: ssl.SSLContext | None = None
) -> CertificateReading:
    """Takes a few seconds at most where nobody answers. trust: which authorities count; None: the system's."""
    found: list[Certificate] = []
    unreachable, root_ends, unreadable = "", None, []
    if site is not None:
        one, unreachable = _of_site(site, trust or ssl.create_default_context())
        if one is not None:
            found.append(one)
            root_ends = _root_end(site) if one.is_internal else None
    for path in files:
        try:
            found.append(_in_file(path, site))
        except (OSError, ValueError) as error:
            unreadable.append((str(path), str(error).splitlines()[0] if str(error) else "it is empty"))
    return CertificateReading(
        time.time(), site.host if site else "", tuple(found), root_ends, unreachable, tuple(unreadable)
    )


def end_of_site(site: Site) -> Certificate | None:
    """For the metrics: the certificate alone, unchecked; None where nobody answers."""
    try:
        return _described(_asked(site), f"https://{site.host}", site.host)
    except (OSError, ValueError):
        return None


def _of_site(site: Site, trust: ssl.SSLContext) -> tuple[Certificate | None, str]:
    try:
        one = _described(_asked(site), f"https://{site.host}", site.host)
    except (OSError, ValueError) as error:
        return None, str(error) or type(error).__name__
    if one.is_internal:
        return one, ""  # not among the roots of this machine, and need not be
    return replace(one, problem=_mistrust(site, trust)), ""


def _asked(site: Site) -> x509.Certificate:
    """Raises OSError, ValueError."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE

    def read(tls: ssl.SSLSocket) -> bytes:
        return tls.getpeercert(binary_form=True) or b""

    return x509.load_der_x509_certificate(_connected(site, context, read))


def _mistrust(site: Site, trust: ssl.SSLContext) -> str:
    """Why clients would refuse the chain; empty where they do not. Names and dates are looked at by themselves."""
    trust.check_hostname = False
    try:
        _connected(site, trust, lambda _tls: b"")
    except ssl.SSLCertVerificationError as error:
        return error.verify_message if error.verify_code in _UNKNOWN_ISSUER else ""
    except OSError:
        return ""
    return ""


def _connected(site: Site, context: ssl.SSLContext, read: Callable[[ssl.SSLSocket], bytes]) -> bytes:
    first: OSError | None = None
    for host, port in ((site.host, site.port), *site.behind):
        try:
            with (
                socket.create_connection((host, port), timeout=_PATIENCE_S) as plain,
                context.wrap_socket(plain, server_hostname=site.host) as tls,
            ):
                return read(tls)
        except ssl.SSLError:
            raise
        except OSError as error:
            first = first or error
    assert first is not None
    raise first


def _in_file(path: Path, site: Site | None) -> Certificate:
    one = x509.load_pem_x509_certificates(path.read_bytes())[0]
    return _described(one, str(path), site.host if site else "")


def _root_end(site: Site) -> float | None:
    for host in (site.host, *(f"{name}:8080" for name, _ in site.behind)):
        try:
            url = f"http://{host}/appliance-root.crt"
            asked = urllib.request.Request(url, headers={"Host": site.host})
            with urllib.request.urlopen(asked, timeout=_PATIENCE_S) as answer:  # noqa: S310
                root = x509.load_pem_x509_certificate(answer.read(_MOST_ROOT_BYTES))
            return root.not_valid_after_utc.timestamp()
        except (OSError, ValueError):
            continue
    return None


def _described(one: x509.Certificate, where: str, host: str) -> Certificate:
    issuer = one.issuer.get_attributes_for_oid(NameOID.COMMON_NAME) or one.issuer.get_attributes_for_oid(
        NameOID.ORGANIZATION_NAME
    )
    name = str(issuer[0].value) if issuer else one.issuer.rfc4514_string()
    names = _names(one)
    return Certificate(
        where=where,
        names=names,
        begins=one.not_valid_before_utc.timestamp(),
        ends=one.not_valid_after_utc.timestamp(),
        issuer=name,
        is_internal=_INTERNAL in name,
        is_for_us=not host or any(_is_for(known, host) for known in names),
    )


def _names(one: x509.Certificate) -> tuple[str, ...]:
    try:
        names = one.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    return (*names.get_values_for_type(x509.DNSName), *addresses)


def _is_for(known: str, host: str) -> bool:
    """RFC 6125: a star stands for one label, and never in an address."""
    if known.lower() == host.lower():
        return True
    try:
        return ipaddress.ip_address(known) == ipaddress.ip_address(host)
    except ValueError:
        star, _, rest = known.lower().partition(".")
        return star == "*" and host.lower().partition(".")[2] == rest
