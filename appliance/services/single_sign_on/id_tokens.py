"""Whether a signed token of the provider holds: signature, algorithm, issuer, audience, times and nonce. Pure.

Asymmetric signatures only: `none`, and HMAC with a key that everybody can read, are no algorithms here.
OpenID Connect Core 1.0 §3.1.3.7; back-channel logout 1.0 §2.6.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import JWKRegistry, KeySet
from joserfc.jwt import JWTClaimsRegistry

ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_LONGEST = 64 * 1024  # characters
_LOGOUT_FRESH_S = 300

Claims = Mapping[str, Any]


class TokenRefused(Exception):
    """The token does not hold; the text is for the log."""


class KeyNotKnown(TokenRefused):
    """Signed with a key that is not among these: they may have changed."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must say. skew_s: how far the provider's clock may be off."""

    issuer: str
    client_id: str
    now: datetime
    skew_s: int


def read_keys(document: Mapping[str, Any]) -> KeySet:
    """The signing keys of a JWKS; those that are for something else or unreadable are left out."""
    keys = []
    listed = document.get("keys")
    for entry in listed if isinstance(listed, list) else []:
        if not isinstance(entry, dict) or entry.get("kty") == "oct" or entry.get("use", "sig") != "sig":
            continue
        try:
            keys.append(JWKRegistry.import_key(entry))
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    return KeySet(keys)


def check_id_token(token: str, keys: KeySet, expected: Expected, nonce: str | None) -> Claims:
    """The claims. nonce None: of a refreshed token, which need not repeat it. Raises TokenRefused, KeyNotKnown."""
    claims = _verified(token, keys, expected, exp={"essential": True}, sub={"essential": True})
    if nonce is not None and not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        raise TokenRefused("the nonce is another one")
    if not 1 <= len(claims["sub"]) <= 255:
        raise TokenRefused("the subject has no usable length")
    return claims


def check_logout_token(token: str, keys: KeySet, expected: Expected) -> Claims:
    """The claims of a back-channel logout. Raises TokenRefused, KeyNotKnown."""
    claims = _verified(token, keys, expected, jti={"essential": True})
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise TokenRefused("it is no logout token")
    if "nonce" in claims:
        raise TokenRefused("a logout token has no nonce; this is an ID token")
    if not (claims.get("sub") or claims.get("sid")):
        raise TokenRefused("it names neither a person nor a sign-in")
    if expected.now.timestamp() - float(claims["iat"]) > _LOGOUT_FRESH_S + expected.skew_s:
        raise TokenRefused("it is too old")
    return claims


def _verified(token: str, keys: KeySet, expected: Expected, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    if len(token) > _LONGEST:
        raise TokenRefused("it is too long")
    try:
        claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
        registry = JWTClaimsRegistry(
            now=int(expected.now.timestamp()),
            leeway=expected.skew_s,
            iss={"essential": True, "value": expected.issuer},
            aud={"essential": True, "value": expected.client_id},
            iat={"essential": True},
            **more,
        )
        registry.validate(claims)
    except (InvalidKeyIdError, BadSignatureError) as error:
        raise KeyNotKnown(str(error)) from error
    except (JoseError, ValueError, TypeError, OverflowError) as error:
        raise TokenRefused(str(error)) from error
    audience = claims["aud"]
    if isinstance(audience, list) and len(audience) > 1 and "azp" not in claims:
        raise TokenRefused("it is for several audiences and names no authorized party")
    if claims.get("azp", expected.client_id) != expected.client_id:
        raise TokenRefused("it was made for another client")
    return claims
