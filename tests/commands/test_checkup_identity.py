"""What the doctor says of the company's identity provider."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from appliance.bootstrap.doctor.identity import identity_of
from appliance.bootstrap.egress import way_out_at
from appliance.services.doctor.findings import Finding, Severity
from appliance.services.doctor.identity import identity_findings
from appliance.services.doctor.ways import Ways
from appliance.settings import Settings
from inference.egress.settings import EgressSettings
from tests.identity_provider import CLIENT, identity_provider

NOWHERE = way_out_at(Path("/nonexistent"), EgressSettings())


def _settings(issuer: str, **oidc: object) -> Settings:
    return Settings.model_validate(
        {
            "server": {"public_url": "https://assistant.corp.example"},
            "identity": {"oidc": {"issuer": issuer, "client_id": CLIENT, **oidc}},
        }
    )


async def _findings(settings: Settings) -> list[Finding]:
    return await asyncio.to_thread(
        lambda: list(identity_findings(identity_of(settings, None, NOWHERE), Ways()))
    )


async def test_a_provider_that_answers_is_well_and_the_addresses_are_printed(tmp_path: Path) -> None:
    """To be copied into the provider's form."""
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    secret.chmod(0o600)
    async with identity_provider() as provider:
        found = await _findings(
            _settings(provider.issuer, client_secret_file=str(secret), allowed_domains=["corp.example"])
        )

    assert {finding.severity for finding in found} == {Severity.OK}
    told = "\n".join(finding.sentence for finding in found)
    assert f"{provider.issuer} answers: 1 signing keys" in told
    assert "https://assistant.corp.example/api/sign-in/oidc/callback" in told
    assert "https://assistant.corp.example/api/sign-in/oidc/back-channel-logout" in told
    assert "within 12 hours" in told and "s3cret" not in told


async def test_a_secret_that_others_can_read_is_a_failure(tmp_path: Path) -> None:
    """With the command that mends it."""
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    secret.chmod(0o644)
    async with identity_provider() as provider:
        found = await _findings(_settings(provider.issuer, client_secret_file=str(secret)))

    assert [f.command for f in found if f.severity is Severity.ERROR] == [f"chmod 600 {secret}"]


@pytest.mark.parametrize("what", ["nobody listens", "another issuer", "not https", "no keys"])
async def test_a_provider_that_cannot_be_used_is_a_failure(what: str) -> None:
    """In words that name the setting."""
    async with identity_provider() as provider:
        issuer = provider.issuer
        if what == "nobody listens":
            issuer = "http://127.0.0.1:9"
        elif what == "another issuer":
            provider.document = {"issuer": "https://login.evil.example"}
        elif what == "not https":
            provider.document = {"token_endpoint": "http://10.0.0.9/token"}
        else:
            provider.keys = []
        found = await _findings(_settings(issuer))

    failed = [finding for finding in found if finding.severity is Severity.ERROR]
    words = {
        "nobody listens": "does not answer",
        "another issuer": "identity.oidc.issuer",
        "not https": "token_endpoint is not an https://",
        "no keys": "no usable signing key",
    }
    assert len(failed) == 1 and words[what] in failed[0].sentence


async def test_without_a_provider_the_doctor_says_so_in_one_line() -> None:
    """Most boxes begin so."""
    assert [one.id for one in await _findings(Settings())] == ["identity.unused"]
