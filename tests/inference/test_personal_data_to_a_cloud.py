"""Personal data on the way to a cloud and back: the provider never sees it, the person reads it again."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from inference.personal_data.patterns import PatternDetector
from inference.personal_data.requests import inspect
from inference.testing.clouds.dialects import ProviderName
from inference.types import EngineRequest
from tests.inference.test_engines_cloud import PROVIDERS, World, world

SAID = "Escribe a ana.lopez@empresa.es o llama al 612 345 678; IBAN ES91 2100 0418 4502 0005 1332."
VALUES = ("ana.lopez", "empresa.es", "612 345 678", "2100 0418", "1332")


def redacted_request(here: World, **more: object) -> EngineRequest:
    """As the policy sends it where it redacts."""
    request = here.request(messages=[{"role": "user", "content": SAID}], **more)
    looked = inspect(request.payload, PatternDetector())
    return replace(request, payload=looked.payload, originals=looked.placeholders.originals)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_provider_sees_placeholders_and_the_person_their_own_values(provider: ProviderName) -> None:
    """Whole and streamed; the bytes that left hold none of the values."""
    async with world(provider) as here:
        async with here.engine.relay(redacted_request(here)) as response:
            whole = json.loads(b"".join([frame async for frame in response.frames]))
        chunks = [chunk async for chunk in here.engine.stream(redacted_request(here))]

        sent = [request.body.decode() for request in here.cloud.requests]

    assert whole["choices"][0]["message"]["content"] == f"Echo: {SAID}"
    assert "".join(chunk.text for chunk in chunks) == f"Echo: {SAID}"
    assert chunks[-1].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert len(sent) == 2
    assert [value for value in VALUES for body in sent if value in body] == []
    assert all("[EMAIL_1]" in body and "[IBAN_1]" in body for body in sent)
