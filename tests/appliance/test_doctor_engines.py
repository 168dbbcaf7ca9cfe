"""What the doctor learns of engines that answer, over their own wire formats."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from appliance.bootstrap.box import open_box
from appliance.bootstrap.doctor.engines import out_of_rotation
from appliance.bootstrap.doctor.examination import examine
from appliance.bootstrap.doctor.place import look_at
from appliance.fairness.breakers.wire import packed_circuit
from appliance.services.doctor.engines import OutOfRotation
from appliance.services.doctor.findings import Finding
from inference.breaker.circuit import Cause, Position, new_circuit
from inference.failover.outcomes import Outcome
from inference.testing.fake_engine import FakeEngine
from inference.testing.fake_ollama import FakeOllama, FakeOllamaModel


async def _found(data: Path, settings: str) -> dict[str, Finding]:
    def look() -> dict[str, Finding]:
        data.mkdir()
        (data / "appliance.toml").write_text(settings, encoding="utf-8")
        open_box(data)
        return {one.id: one for one in examine(look_at(data), ["engines"])}

    return await asyncio.to_thread(look)


async def test_an_ollama_that_has_half_of_a_model_on_the_processor_is_told(tmp_path: Path) -> None:
    """By /api/ps; its version has a known hole, by /api/version; and the name that people ask for is served."""
    async with FakeOllama([FakeOllamaModel("llama3.1:8b", 131_072)]) as server:
        server.loaded["llama3.1:8b"] = 8192
        found = await _found(
            tmp_path / "data",
            f'[engines.local]\nengine = "ollama"\nbase_url = "{server.root_url}"\n[models]\ndefault = "llama3.1:8b"\n',
        )

    assert found["engines.partly_on_processor"].values == {
        "name": "local",
        "model": "llama3.1:8b",
        "percent": 50,
    }
    assert found["engines.outdated"].values["version"] == "0.0.0-fake"
    assert found["engines.ok"].values["models"] == "llama3.1:8b"
    assert "engines.default_missing" not in found


async def test_what_a_section_promises_is_held_against_what_the_server_has(tmp_path: Path) -> None:
    """Models that it does not serve, context that it does not have, an alias that leads nowhere; with the commands."""
    async with FakeEngine() as server:
        found = await _found(
            tmp_path / "data",
            f'[engines.local]\nengine = "openai_compatible"\nbase_url = "{server.base_url}"\n'
            'models = ["another"]\n'
            f'[engines.second]\nengine = "vllm"\nbase_url = "{server.base_url}"\ncontext_tokens = 65536\n'
            '[models.aliases]\n"gpt-4o" = "gone"\n',
        )

    missing = found["engines.model_missing"]
    served = str(missing.values["served"])
    assert missing.values["missing"] == "another" and served
    assert f'engines.local.models=["{served}"]' in missing.command
    narrow = found["engines.context_narrow"].values
    assert (narrow["name"], narrow["wanted"], narrow["served"]) == ("second", 65_536, 32_768)
    assert found["engines.alias_missing"].values["model"] == "gone"


async def test_one_that_is_down_is_told_with_its_reason_alone(tmp_path: Path) -> None:
    """Without the sentence for people who ask something."""
    found = await _found(
        tmp_path / "data", '[engines.local]\nengine = "vllm"\nbase_url = "http://127.0.0.1:9/v1"\n'
    )

    down = found["engines.down"]
    assert str(down.values["detail"]).startswith("http://127.0.0.1:9/")
    assert down.command == "sudo systemctl restart vllm"


def test_engines_out_of_rotation_are_read_from_what_the_gateways_share() -> None:
    """Those that are configured and not closed; a record of another version is passed over."""
    out = replace(
        new_circuit(1_795_300_000_000),
        position=Position.OPEN,
        cause=Cause.IN_A_ROW,
        outcome=Outcome.BROKEN,
        count=3,
        calls=3,
    )
    rows = {
        b"local\nm": packed_circuit(out),
        b"local\nother": packed_circuit(new_circuit(1_795_300_000_000)),
        b"gone\nm": packed_circuit(out),
        b"old\nm": b'{"version": 0}',
    }

    found = list(out_of_rotation(rows, ["local", "old"]))

    assert found == [OutOfRotation("local", "m", "2026-11-21 22:26 UTC", "broken", 3, 3)]
