"""The database roles, one per kind of work, and their passwords.

owner         migrations; owns every table
api           the gateway: row-level security applies
worker        ingestion: row-level security applies, as the document's owner
maintenance   backup, deletion, canaries: sees every row (BYPASSRLS)
monitor       PostgreSQL's own figures (pg_monitor), not one row
"""

from __future__ import annotations

import hashlib
import hmac
from enum import StrEnum
from urllib.parse import quote, urlsplit, urlunsplit

from psycopg import AsyncConnection, sql


class DatabaseRole(StrEnum):
    """The roles below the owner."""

    API = "appliance_api"
    WORKER = "appliance_worker"
    MAINTENANCE = "appliance_maintenance"
    MONITOR = "appliance_monitor"


def role_password(secret: str, role: DatabaseRole) -> str:
    """Derived, so that one secret is kept and not four."""
    return hmac.new(secret.encode(), role.value.encode(), hashlib.sha256).hexdigest()


def url_as(owner_url: str, role: DatabaseRole, secret: str) -> str:
    """The owner's address with another role's name and password."""
    parts = urlsplit(owner_url)
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{role.value}:{quote(role_password(secret, role), safe='')}@{host}"
    return urlunsplit((parts.scheme, netloc, parts.path, parts.query, parts.fragment))


async def ensure_roles(connection: AsyncConnection, secret: str) -> None:
    """Create what is missing and set the passwords; connection: as owner, with the right to create roles."""
    for role in DatabaseRole:
        found = await connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role.value,))
        name = sql.Identifier(role.value)
        if await found.fetchone() is None:
            await connection.execute(sql.SQL("CREATE ROLE {}").format(name))
        attributes = "BYPASSRLS" if role is DatabaseRole.MAINTENANCE else "NOBYPASSRLS"
        await connection.execute(
            sql.SQL(
                "ALTER ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE " + attributes + " PASSWORD {}"
            ).format(name, sql.Literal(role_password(secret, role)))
        )
    await connection.execute(sql.SQL("GRANT pg_monitor TO {}").format(sql.Identifier(DatabaseRole.MONITOR)))
