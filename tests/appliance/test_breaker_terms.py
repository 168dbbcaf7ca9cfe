"""How each engine is judged: by where it is, what it serves, whether it is in memory, and how it is configured."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from appliance.bootstrap.breakers import RosterJudged, digest_of
from appliance.fairness.breakers.settings import BreakerSettings
from appliance.fairness.kept_engines import NOTHING_KEPT
from inference.engines.connections import Connections
from inference.engines.openai_compatible import OpenAiCompatibleEngine
from inference.roster import Membership, Roster
from inference.settings import OpenAiCompatibleSettings
from inference.types import ModelInfo

CHAT, HEARING = ModelInfo("llama"), ModelInfo("whisper", "transcription")


def _settings(**more: object) -> OpenAiCompatibleSettings:
    return OpenAiCompatibleSettings.model_validate(
        {"engine": "openai_compatible", "base_url": "http://127.0.0.1:9/v1", **more}
    )


@pytest.fixture
async def connections() -> AsyncIterator[Connections]:
    """To nobody."""
    opened = Connections()
    yield opened
    await opened.close()


def _judged(connections: Connections, *members: Membership) -> RosterJudged:
    engines = {member.engine.name: _settings() for member in members}
    return RosterJudged(BreakerSettings(), Roster(members), engines, NOTHING_KEPT)


def _member(connections: Connections, name: str, *models: ModelInfo, **more: object) -> Membership:
    engine = OpenAiCompatibleEngine(name, _settings(), connections)
    return Membership(engine, "openai_compatible", models=models, **more)  # type: ignore[arg-type]


async def test_engines_on_the_box_are_asked_and_clouds_are_not(connections: Connections) -> None:
    """A question nobody asked does not leave; what cannot be asked anything small is found out by requests."""
    judged = _judged(
        connections,
        _member(connections, "gpu", CHAT, HEARING),
        _member(connections, "cloud", CHAT, is_cloud=True),
    )

    asked = {
        key: judged.terms(*key).is_asked for key in (("gpu", "llama"), ("gpu", "whisper"), ("cloud", "llama"))
    }

    assert asked == {("gpu", "llama"): True, ("gpu", "whisper"): False, ("cloud", "llama"): False}
    assert judged.terms("cloud", "llama").rules.first_pause_ms == 15_000
    assert judged.terms("gpu", "llama").rules.first_pause_ms == 1_000


async def test_a_cloud_is_no_other_engine_for_a_slow_one(connections: Connections) -> None:
    """Not every request may go there."""
    judged = _judged(
        connections,
        _member(connections, "gpu", CHAT),
        _member(connections, "second", HEARING),
        _member(connections, "cloud", CHAT, is_cloud=True),
    )

    assert judged.is_alone("gpu", "llama")
    assert not judged.is_alone("elsewhere", "llama")


async def test_what_is_not_there_is_not_asked(connections: Connections) -> None:
    """Nor a model that the engine does not serve."""
    judged = _judged(connections, _member(connections, "gpu", CHAT))

    assert judged.reach("gpu", "llama") is not None
    assert judged.reach("gpu", "other") is None and judged.reach("gone", "llama") is None
    assert judged.is_there("gpu") and not judged.is_there("gone")


def test_another_key_is_another_configuration(tmp_path: Path) -> None:
    """In the section, or in the file that it names; nothing of the key can be read from it."""
    key = tmp_path / "key"
    key.write_text("first")
    before = digest_of(_settings(api_key_file=key))
    key.write_text("second")

    digests = [before, digest_of(_settings(api_key_file=key)), digest_of(_settings(api_key="first"))]

    assert len(set(digests)) == 3
    assert digest_of(_settings()) == digest_of(_settings())
