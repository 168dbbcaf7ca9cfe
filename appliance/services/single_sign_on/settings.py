"""Knobs of signing in with the company's identity provider."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from appliance.domain.people import Role


class OidcSettings(BaseModel):
    """Signing in with the company's identity provider (OpenID Connect); off while `issuer` is empty."""

    model_config = ConfigDict(extra="forbid")

    issuer: str = Field("", description="The provider's address, as its discovery document calls itself.")
    client_id: str = Field("", description="This appliance's name at the provider.")
    client_secret: SecretStr = Field(
        SecretStr(""), description="Its secret; better in a file. Empty: a public client, PKCE alone."
    )
    client_secret_file: str = Field("", description="File (mode 0600) that holds the secret.")
    scopes: list[str] = Field(
        default=["openid", "email", "profile"],
        description="What is asked for; with `offline_access` many providers allow checking again for longer.",
    )
    parameters: dict[str, str] = Field(
        default_factory=dict,
        description='More for the request, as providers want it: { access_type = "offline", prompt = "consent" }.',
    )
    email_claim: str = Field("email", description="Claim that holds the e-mail address.")
    require_verified_email: bool = Field(
        True,
        description="Refuse addresses without `email_verified: true`; false: only those the provider calls unverified.",
    )
    allowed_domains: list[str] = Field(
        default_factory=list, description="Only addresses of these domains may sign in; empty: all."
    )
    group_claim: str = Field(
        "groups", description="Claim that lists the person's groups; dots lead inwards: realm_access.roles."
    )
    allowed_groups: list[str] = Field(
        default_factory=list,
        description="Only members of one of the provider's groups may sign in; empty: all.",
    )
    group_map: dict[str, str] = Field(
        default_factory=dict,
        description='Groups of the provider and their name here: "sales-eu" = "Sales". Missing ones are made.',
    )
    same_group_names: bool = Field(
        False, description="A group of the provider also counts as the group here that has the same name."
    )
    role_map: dict[str, Role] = Field(
        default_factory=dict,
        description='Groups of the provider and the role they give: "it-admins" = "admin". Empty: roles are set here.',
    )
    create_users: bool = Field(True, description="Make an account for whoever signs in for the first time.")
    link_by_email: bool = Field(
        False,
        description="Whoever proves the e-mail address of an account that is here already gets that account.",
    )
    password_when_linked: bool = Field(
        False, description="Accounts of the provider may also sign in with a password that they have here."
    )
    label_en: str = Field("", max_length=60, description="English words on the button; empty: our own.")
    label_es: str = Field("", max_length=60, description="Spanish words on the button; empty: our own.")
    hide_password: bool = Field(
        False, description="Show no password form, except at /sign-in?local for local accounts."
    )
    recheck_minutes: float = Field(
        15, ge=1, le=1440, description="The provider is asked again this often whether a sign-in still holds."
    )
    grace_minutes: float = Field(
        60, ge=0, le=1440, description="While it does not answer, sign-ins hold this much longer."
    )
    session_hours: float = Field(
        12,
        gt=0,
        le=720,
        description="A sign-in lasts at most this long where the provider cannot be asked again.",
    )
    keys_days: int = Field(
        30,
        ge=0,
        le=730,
        description="API keys stop when the provider has not confirmed their owner for this long; 0: never.",
    )
    clock_skew_s: int = Field(60, ge=0, le=300, description="How far the provider's clock may be off.")
    internal_hosts: list[str] = Field(
        default_factory=list,
        description="Hosts beside the issuer's that its discovery document may name on private addresses.",
    )
    ca_file: str = Field("", description="Certificates (PEM) to trust for it beside the system's.")

    @field_validator("issuer")
    @classmethod
    def _is_safe(cls, value: str) -> str:
        if value and not is_safe_address(value):
            raise ValueError("must begin with https://; http:// is for a provider on this machine only")
        if value and (urlsplit(value).query or urlsplit(value).fragment):
            raise ValueError("must not have ? or #")
        return value

    @field_validator("scopes")
    @classmethod
    def _ask_for_identity(cls, value: list[str]) -> list[str]:
        if "openid" not in value:
            raise ValueError('must contain "openid"')
        return value

    @field_validator("allowed_domains")
    @classmethod
    def _are_domains(cls, value: list[str]) -> list[str]:
        return [domain.strip().removeprefix("@").casefold() for domain in value]

    @model_validator(mode="after")
    def _belongs_together(self) -> OidcSettings:
        if self.issuer and not self.client_id:
            raise ValueError("`issuer` needs a `client_id`")
        if self.client_secret_file and self.client_secret.get_secret_value():
            raise ValueError("set `client_secret` or `client_secret_file`, not both")
        return self

    @property
    def is_on(self) -> bool:
        return bool(self.issuer)


class IdentitySettings(BaseModel):
    """Who else may say who somebody is."""

    model_config = ConfigDict(extra="forbid")

    oidc: OidcSettings = Field(default_factory=OidcSettings, description="An OpenID Connect provider.")


def is_safe_address(url: str) -> bool:
    """https, or http that does not leave this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return False
    if not host or parts.username or parts.password:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name alone."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
