"""What the provider tells of a person, and what follows here: admission, role and groups. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

from appliance.domain.people import Role
from appliance.errors import (
    CompanyDomainNotAllowed,
    CompanyEmailMissing,
    CompanyEmailUnverified,
    CompanyGroupNotAllowed,
    InvalidRequest,
)
from appliance.services.accounts.names import checked_email, email_key
from appliance.services.single_sign_on.settings import OidcSettings

_MOST_GROUPS = 2_000
_STRONGEST = (Role.ADMIN, Role.AUDITOR, Role.USER)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as the provider knows them. groups None: it did not say."""

    subject: str
    email: str
    name: str
    groups: Set[str] | None
    provider_session: str = ""


def says_enough(claims: Mapping[str, Any], settings: OidcSettings) -> bool:
    """Whether the ID token alone will do, without the userinfo endpoint."""
    has_email = _at(claims, settings.email_claim) is not None and (
        not settings.require_verified_email or "email_verified" in claims
    )
    return has_email and (not uses_groups(settings) or _at(claims, settings.group_claim) is not None)


def uses_groups(settings: OidcSettings) -> bool:
    """Whether the provider's groups mean anything here."""
    return bool(
        settings.allowed_groups or settings.group_map or settings.role_map or settings.same_group_names
    )


def person_of(claims: Mapping[str, Any], settings: OidcSettings) -> Person:
    """Raises CompanyEmailMissing, CompanyEmailUnverified.

    `email_verified: false` is always refused; where addresses are the company's own, saying nothing may be enough.
    """
    given = _at(claims, settings.email_claim)
    try:
        email = checked_email(given if isinstance(given, str) else "")
    except InvalidRequest as error:
        raise CompanyEmailMissing from error
    verified = claims.get("email_verified")
    is_said = verified is True or verified == "true"  # some providers write it as a string
    if not is_said and (verified is not None or settings.require_verified_email):
        raise CompanyEmailUnverified
    return Person(
        str(claims["sub"]), email, _name(claims), _groups(claims, settings), _text(claims.get("sid"))
    )


def require_admission(person: Person, settings: OidcSettings) -> None:
    """Raises CompanyDomainNotAllowed, CompanyGroupNotAllowed."""
    domain = email_key(person.email).rpartition("@")[2]
    if settings.allowed_domains and domain not in settings.allowed_domains:
        raise CompanyDomainNotAllowed
    if settings.allowed_groups and not (person.groups or set()) & set(settings.allowed_groups):
        raise CompanyGroupNotAllowed


def role_of(groups: Set[str], settings: OidcSettings) -> Role | None:
    """The strongest role that a group gives, `user` for none of them; None where roles are set here."""
    if not settings.role_map:
        return None
    given = {role for group, role in settings.role_map.items() if group in groups}
    return next((role for role in _STRONGEST if role in given), Role.USER)


def mapped_groups(groups: Set[str], settings: OidcSettings) -> set[str]:
    """Names of our groups that somebody is in by the operator's map."""
    return {ours for theirs, ours in settings.group_map.items() if theirs in groups}


def _groups(claims: Mapping[str, Any], settings: OidcSettings) -> Set[str] | None:
    found = _at(claims, settings.group_claim)
    if isinstance(found, str):
        found = [found]
    if not isinstance(found, list):
        return None
    return frozenset(group for group in found[:_MOST_GROUPS] if isinstance(group, str))


def _at(claims: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401 - any JSON
    """A claim by its name, which may have dots in it (https://example.com/groups), or by a path with dots."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for step in path.split("."):
        if not isinstance(found, Mapping) or step not in found:
            return None
        found = found[step]
    return found


def _name(claims: Mapping[str, Any]) -> str:
    parts = (_text(claims.get("given_name")), _text(claims.get("family_name")))
    name = _text(claims.get("name")) or " ".join(part for part in parts if part)
    return "".join(character for character in name if character.isprintable())[:200].strip()


def _text(value: object) -> str:
    return value[:255] if isinstance(value, str) else ""
