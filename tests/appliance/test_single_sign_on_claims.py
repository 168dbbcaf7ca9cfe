"""What follows from what the provider tells of somebody: pure rules, and the settings that steer them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from appliance.domain.people import Role
from appliance.errors import (
    ApplianceError,
    CompanyDomainNotAllowed,
    CompanyEmailMissing,
    CompanyEmailUnverified,
    CompanyGroupNotAllowed,
)
from appliance.services.single_sign_on.claims import (
    mapped_groups,
    person_of,
    require_admission,
    role_of,
    says_enough,
)
from appliance.services.single_sign_on.outgoing import is_public
from appliance.services.single_sign_on.settings import OidcSettings

SOUND: dict[str, Any] = {"sub": "1", "email": "ana@corp.example", "email_verified": True}


def settings(**more: Any) -> OidcSettings:
    """Of a provider that is set."""
    return OidcSettings(**{"issuer": "https://login.corp.example", "client_id": "appliance", **more})


@pytest.mark.parametrize(
    ("claims", "oidc", "error"),
    [
        ({"email": "no address"}, {}, CompanyEmailMissing),
        ({"email": ["ana@corp.example"]}, {}, CompanyEmailMissing),
        ({"email": "ana@corp.example\u200b"}, {}, CompanyEmailMissing),
        ({"email_verified": "false"}, {"require_verified_email": False}, CompanyEmailUnverified),
        ({"email_verified": 1}, {}, CompanyEmailUnverified),
        ({"email": "ana@evilcorp.example"}, {"allowed_domains": ["corp.example"]}, CompanyDomainNotAllowed),
        ({"email": "ana@corp.example.evil"}, {"allowed_domains": ["corp.example"]}, CompanyDomainNotAllowed),
        ({"groups": "guests"}, {"allowed_groups": ["staff"]}, CompanyGroupNotAllowed),
        ({"groups": [["staff"]]}, {"allowed_groups": ["staff"]}, CompanyGroupNotAllowed),
        ({"groups": {"staff": True}}, {"allowed_groups": ["staff"]}, CompanyGroupNotAllowed),
    ],
)
def test_strange_claims_open_nothing(
    claims: dict[str, Any], oidc: dict[str, Any], error: type[ApplianceError]
) -> None:
    """Wrong types, look-alike domains, and truth that is not `true`."""
    chosen = settings(**oidc)
    with pytest.raises(error):
        require_admission(person_of({**SOUND, **claims}, chosen), chosen)


def test_domains_are_compared_without_regard_to_case_or_an_at_sign() -> None:
    """As people write them."""
    chosen = settings(allowed_domains=["@Corp.Example"])

    require_admission(person_of({**SOUND, "email": "ANA@CORP.example"}, chosen), chosen)


def test_the_strongest_role_counts() -> None:
    """`user` for no group of the map; none at all where there is no map."""
    chosen = settings(role_map={"readers": "auditor", "it": "admin"})

    assert role_of({"readers", "it"}, chosen) is Role.ADMIN
    assert role_of({"readers"}, chosen) is Role.AUDITOR
    assert role_of(set(), chosen) is Role.USER
    assert role_of({"it"}, settings()) is None


def test_groups_are_found_by_name_or_by_path() -> None:
    """A claim with dots in its name, a nested one, and a single one as text."""
    named = person_of(
        {**SOUND, "https://corp.example/groups": ["a"]}, settings(group_claim="https://corp.example/groups")
    )
    nested = person_of(
        {**SOUND, "realm_access": {"roles": ["b", 7]}}, settings(group_claim="realm_access.roles")
    )
    single = person_of({**SOUND, "groups": "c"}, settings())
    silent = person_of(SOUND, settings())

    assert (named.groups, nested.groups, single.groups, silent.groups) == ({"a"}, {"b"}, {"c"}, None)
    assert mapped_groups({"a", "z"}, settings(group_map={"a": "Sales", "b": "Lab"})) == {"Sales"}


def test_userinfo_is_asked_only_for_what_is_missing() -> None:
    """The address, whether it is verified, or groups that mean something here."""
    assert says_enough(SOUND, settings())
    assert not says_enough({"sub": "1", "email": "ana@corp.example"}, settings())
    assert not says_enough(SOUND, settings(group_map={"a": "A"}))
    assert says_enough({**SOUND, "groups": []}, settings(group_map={"a": "A"}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "http://login.corp.example"},
        {"issuer": "https://user:secret@login.corp.example"},
        {"issuer": "https://login.corp.example/?tenant=1"},
        {"issuer": "ftp://login.corp.example"},
        {"client_id": ""},
        {"scopes": ["email"]},
        {"client_secret": "a", "client_secret_file": "/b"},
        {"role_map": {"it": "emperor"}},
        {"recheck_minutes": 0},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_settings_that_would_be_unsafe_or_useless_are_refused(wrong: dict[str, Any]) -> None:
    """When the appliance starts, not when somebody signs in."""
    with pytest.raises(ValidationError):
        settings(**wrong)


def test_a_provider_on_this_machine_needs_no_tls() -> None:
    """For trying it out."""
    assert settings(issuer="http://localhost:8081/realms/corp").is_on
    assert not OidcSettings().is_on


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "::1",
        "fe80::1%eth0",
        "::ffff:10.0.0.1",
        "2002:0a00:0001::",
        "0.0.0.0",
        "100.64.0.1",
        "fd00::1",
        "224.0.0.1",
        "name",
    ],
)
def test_addresses_inside_are_not_public(address: str) -> None:
    """In every disguise; the cloud's metadata service among them."""
    assert not is_public(address)


def test_addresses_of_the_internet_are() -> None:
    """IPv4 and IPv6."""
    assert is_public("8.8.8.8") and is_public("2606:4700:4700::1111")
