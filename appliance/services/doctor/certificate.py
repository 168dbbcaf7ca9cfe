"""Does the certificate hold: for this name, for long enough, signed by somebody whom browsers know?

What renews itself does so in good time: ACME clients and Caddy's own authority with a third of the lifetime left. Half
of that gone says that renewing fails, whether a certificate lives for half a day or for a year.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from appliance.services.doctor.findings import Finding, error, ok, warning
from appliance.services.doctor.ways import Ways

DAY_S = 86_400.0
SOON_SHARE, SOON_DAYS = 1 / 6, 21  # as the alert CertificateExpiresSoon
VERY_SOON_SHARE, VERY_SOON_DAYS = 1 / 20, 4
ROOT_SOON_DAYS = 90


@dataclass(frozen=True, slots=True)
class Certificate:
    """Of a server or in a file. names: DNS names and addresses it is for. begins, ends: Unix times.

    problem: why it is not trusted, empty where it is or nobody tried. is_internal: of Caddy's own authority.
    """

    where: str
    names: tuple[str, ...]
    begins: float
    ends: float
    issuer: str
    problem: str = ""
    is_internal: bool = False
    is_for_us: bool = True


@dataclass(frozen=True, slots=True)
class CertificateReading:
    """name: the host of server.public_url where that is HTTPS, else empty. root_ends: of the box's own authority.

    unreachable: why the server could not be asked. unreadable: (path, why) of files that hold no certificate.
    """

    now: float
    name: str = ""
    found: tuple[Certificate, ...] = ()
    root_ends: float | None = None
    unreachable: str = ""
    unreadable: tuple[tuple[str, str], ...] = ()


def certificate_findings(seen: CertificateReading, ways: Ways) -> Iterator[Finding]:
    """Of the address that people type, and of every file that was named."""
    if not seen.name and not seen.found and not seen.unreadable:
        yield ok("certificate.unused")
    if seen.unreachable:
        command = f"openssl s_client -connect {seen.name}:443 -servername {seen.name} </dev/null"
        yield warning("certificate.unreachable", command, name=seen.name, detail=seen.unreachable)
    for one in seen.found:
        yield from _one(one, seen, ways)
    if seen.root_ends is not None and seen.root_ends - seen.now < ROOT_SOON_DAYS * DAY_S:
        days = (seen.root_ends - seen.now) / DAY_S
        yield warning("certificate.root_soon", _new_root(ways), date=_day(seen.root_ends), days=int(days))
    for path, why in seen.unreadable:
        yield error("certificate.file_unreadable", f"openssl x509 -in {path} -noout -subject",
                    path=path, detail=why)  # fmt: skip


def _one(one: Certificate, seen: CertificateReading, ways: Ways) -> Iterator[Finding]:
    left_s, life_s = one.ends - seen.now, one.ends - one.begins
    days, is_well = int(left_s / DAY_S), True
    if seen.now < one.begins:
        is_well = False
        yield error("certificate.not_yet", "date -u; timedatectl", where=one.where, date=_day(one.begins))
    if left_s <= 0:
        is_well = False
        yield error("certificate.expired", _renewing(ways), where=one.where, date=_day(one.ends))
    elif left_s < min(life_s * SOON_SHARE, SOON_DAYS * DAY_S):
        is_well = False
        is_urgent = left_s < min(life_s * VERY_SOON_SHARE, VERY_SOON_DAYS * DAY_S)
        say = error if is_urgent else warning
        yield say("certificate.soon", _renewing(ways), where=one.where, date=_day(one.ends), days=days)
    if not one.is_for_us:
        is_well = False
        names = ", ".join(one.names) or "–"
        yield error("certificate.name", _of_site(ways), where=one.where, names=names, name=seen.name)
    if one.problem and left_s > 0:
        is_well = False
        yield error("certificate.chain", _shown_chain(seen), where=one.where, detail=one.problem)
    if is_well and one.is_internal:
        yield ok("certificate.internal", where=one.where, days=days)
    elif is_well:
        yield ok("certificate.ok", where=one.where, date=_day(one.ends), days=days, issuer=one.issuer)


def _renewing(ways: Ways) -> str:
    return ways.log("caddy") if ways.deployment == "docker" else "sudo journalctl -u appliance-caddy -n 100"


def _of_site(ways: Ways) -> str:
    if ways.deployment == "docker":
        return f"grep APPLIANCE_SITE .env && {ways.start('caddy')}"
    return ways.set("server.public_url", '"https://THE-NAME-PEOPLE-TYPE"')


def _shown_chain(seen: CertificateReading) -> str:
    return f"openssl s_client -connect {seen.name}:443 -servername {seen.name} -showcerts </dev/null"


def _new_root(ways: Ways) -> str:
    if ways.deployment == "docker":
        return ways.inside("caddy", "mv /data/pki /data/pki-old") + f" && {ways.start('caddy')}"
    return (
        "sudo mv /var/lib/appliance-caddy/pki /var/lib/appliance-caddy/pki-old && "
        "sudo systemctl restart appliance-caddy"
    )


def _day(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d}"
